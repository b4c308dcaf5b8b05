/**
 * Rewrap: every wrapped key under the current master. Online: each is one update on its `rev`, so it may be cut anywhere and begun
 * again, and nodes that know both masters go on meanwhile. The keys themselves do not change.
 */

import { Conflict, type Doc, type Store } from '../../adapters/store.ts'
import type { Random } from '../base/index.ts'
import { emptyUnit, sealKeys, unwrapped, wrapAad } from './keys.ts'
import { type Master, type Masters, WrongMasterKey } from './master.ts'

/** What a rewrap uses. */
export interface RewrapDeps {
  readonly store: Pick<Store, 'get' | 'scan' | 'commit' | 'scrub'>
  readonly masters: Masters
  readonly random: Random
}

/** What a rewrap did, or would do. */
export interface Rewrapped {
  /** The master that wraps all keys now. */
  readonly master: string
  readonly keys: number
  readonly rewrapped: number
  /** What may still hold wraps of before, in words; nothing on a dry run. */
  readonly mayRemain: readonly string[]
}

const PAGE = 200
const TRIES = 20
const ROUNDS = 5

/** Every wrapped key's document. */
export async function* wrappedKeys(store: Pick<Store, 'scan'>): AsyncGenerator<Doc> {
  let after: string | undefined
  for (;;) {
    const page = await store.scan(sealKeys.name, { limit: PAGE, ...(after === undefined ? {} : { after }) })
    for (const doc of page) if (typeof doc.fields.master === 'string') yield doc
    after = page.at(-1)?.id
    if (page.length < PAGE) return
  }
}

/** Scrubs, and says so where that fails: what was done stands. */
export async function scrubbed(store: Pick<Store, 'scrub'>): Promise<readonly string[]> {
  return store
    .scrub()
    .catch((cause: unknown) => [
      `the whole store: what was replaced could not be overwritten (${cause instanceof Error ? cause.message : String(cause)}); try again`,
    ])
}

async function rewrapOne({ store, masters, random }: RewrapDeps, first: Doc, current: Master): Promise<boolean> {
  let doc: Doc | undefined = first
  for (let n = 0; n < TRIES && doc; n++) {
    if (doc.fields.master === current.id) return n === 0
    const key = await unwrapped(masters, doc)
    const body = await current.wrap(key, wrapAad(doc))
    const { id, rev } = doc
    const set = { body, fields: { master: current.id } }
    try {
      await store.commit({ ...emptyUnit(random), updates: [{ collection: sealKeys.name, id, rev, set }] })
      return true
    } catch (cause) {
      if (!(cause instanceof Conflict)) throw cause
      doc = await store.get(sealKeys.name, id)
    }
  }
  return false
}

/** Requires that the current master alone opens every key. Gives how many there are, or undefined when one is of another master. */
async function verified({ store }: RewrapDeps, current: Master): Promise<number | undefined> {
  let keys = 0
  for await (const doc of wrappedKeys(store)) {
    if (doc.fields.master !== current.id) return undefined
    if (!doc.body) throw new WrongMasterKey()
    await current.unwrap(doc.body, wrapAad(doc))
    keys++
  }
  return keys
}

/** Wraps every key with the current master, proves that it alone opens them, and scrubs. Throws `WrongMasterKey` when one does not open. */
export async function rewrap(deps: RewrapDeps, input: { readonly dryRun: boolean }): Promise<Rewrapped> {
  const { store, masters } = deps
  await masters.reload()
  const current = masters.current()
  const counts = { keys: 0, rewrapped: 0 }
  for (let round = 0; round < ROUNDS; round++) {
    counts.keys = 0
    for await (const doc of wrappedKeys(store)) {
      counts.keys++
      if (doc.fields.master === current.id) continue
      if (input.dryRun) await unwrapped(masters, doc)
      else await rewrapOne(deps, doc, current)
      counts.rewrapped++
    }
    if (input.dryRun) return { master: current.id, ...counts, mayRemain: [] }
    const keys = await verified(deps, current)
    if (keys !== undefined) return { master: current.id, ...counts, keys, mayRemain: await scrubbed(store) }
  }
  // A node that has not the new key file yet goes on making keys under the old master.
  throw new Error('another node still wraps with another master key: give every node the new key file, then try again')
}
