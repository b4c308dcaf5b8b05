/** Commits the work of a record, and says what came of it: done, or lost to a rival. Both stay so. */

import { Conflict, type Doc, type Store, type Writes } from '../../adapters/store.ts'
import { type Random, randomText, Unit } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import { idempotentRequests, keptOf, whole } from './records.ts'

const NAME = idempotentRequests.name

/** Makes it. */
export function createLedger(deps: {
  readonly store: Pick<Store, 'get' | 'find' | 'commit'>
  readonly seal: Seal
  readonly random: Random
}) {
  const { store, seal, random } = deps

  /** Marks a record as lost, unless it came out otherwise meanwhile. */
  async function lose(id: string): Promise<void> {
    const doc = await store.get(NAME, id)
    if (doc?.state !== 'open') return
    const unit = new Unit({ store, cid: randomText(random, 16), request: randomText(random, 9) })
    unit.update(NAME, doc, { state: 'lost', fields: { answer: null, answerKey: null } })
    await store.commit(unit.writes('all')).catch((cause) => {
      if (!(cause instanceof Conflict)) throw cause
    })
  }

  /** Commits; whether it was won. */
  async function won(writes: Writes, id: string): Promise<boolean> {
    try {
      await store.commit(writes)
      return true
    } catch (cause) {
      if (!(cause instanceof Conflict)) throw cause
      const isRival = cause.kind === 'burn' && cause.collection === NAME && cause.id === id
      if (!isRival) await lose(id)
      return false
    }
  }

  const complete = async (doc: Doc): Promise<boolean> => won(whole((await keptOf(seal, doc)).writes, doc), doc.id)

  return { won, complete }
}
