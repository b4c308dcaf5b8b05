/** Families as people deal with them: list, release from a hold, end, and have rotated at their next use. */

import { Conflict, type Doc, type Store } from '../../adapters/store.ts'
import { type Clock, refusals, seconds, TENANT, type Unit } from '../base/index.ts'
import { endOne } from '../revocation/index.ts'
import { artefacts, type Records } from './records.ts'

export const refuse = refusals({
  family_unknown: [404, 'There is no live family with this id.'],
  family_not_held: [409, 'This family is not held.'],
  family_busy: [409, 'This family is being used at this moment; try again.'],
})

/** What the desk uses. */
export interface FamilyDeskDeps {
  readonly store: Pick<Store, 'get' | 'find'>
  readonly records: Records
  readonly clock: Clock
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
}

/** A family as people see it. `id` is `fam_` and a hash: it opens nothing. Times in Unix seconds. */
export interface ShownFamily {
  readonly id: string
  readonly client_id: unknown
  readonly account: unknown
  /** 'live', 'step_up', 'quarantined' or 'revoked'. */
  readonly state: string
  readonly last_used_at: number | null
  readonly idle_expires_at: unknown
  readonly absolute_expires_at: unknown
  readonly refreshes: unknown
}

const PAGE = 200

/** A hash may begin with a hyphen, which a command line takes for an option. */
const PREFIX = 'fam_'
const hashOf = (text: string): string => (text.startsWith(PREFIX) ? text.slice(PREFIX.length) : text)
const TRIES = 4

const ending =
  (clock: Clock) =>
  (unit: Unit, doc: Doc): void => {
    endOne(unit, { collection: artefacts.name, at: seconds(clock) }, doc.id)
    unit.note('family.revoked', { family: doc.id, why: 'administrator' })
  }

/** Makes the desk. */
export function createFamilyDesk(deps: FamilyDeskDeps) {
  const { store, records, clock } = deps
  const end = ending(clock)

  async function shown(doc: Doc): Promise<ShownFamily> {
    const { clientId, accountId } = await records.open(doc)
    return {
      id: PREFIX + doc.id,
      client_id: clientId,
      account: accountId,
      state: doc.state,
      last_used_at: doc.lastUse,
      idle_expires_at: doc.fields.idleUntil,
      absolute_expires_at: doc.fields.absoluteUntil,
      refreshes: doc.fields.uses,
    }
  }

  /** A family that has not ended. */
  async function live(unit: Unit, text: string): Promise<Doc> {
    const id = hashOf(text)
    const doc = id.includes('\0') ? undefined : await unit.get(artefacts.name, id)
    if (doc?.kind !== 'Family' || doc.revokedAt !== null) throw refuse('family_unknown')
    return doc
  }

  /** Reads, stages and commits; rivals of a refresh try again. */
  async function change(id: string, stage: (unit: Unit, doc: Doc) => void): Promise<void> {
    for (let n = 0; n < TRIES; n++) {
      const unit = deps.unit()
      stage(unit, await live(unit, id))
      try {
        return await deps.commit(unit)
      } catch (cause) {
        if (!(cause instanceof Conflict)) throw cause
      }
    }
    throw refuse('family_busy')
  }

  return {
    /** A client's families, ended ones only where asked for. */
    async list(clientId: string, input: { readonly ended: boolean }): Promise<readonly ShownFamily[]> {
      const out: ShownFamily[] = []
      let after: string | undefined
      for (;;) {
        const by = { tenant: TENANT, by: { client: records.hash('client', clientId), kind: 'Family' } }
        const page = await store.find(artefacts.name, by, { limit: PAGE, ...(after ? { after } : {}) })
        for (const doc of page) if (input.ended || doc.revokedAt === null) out.push(await shown(doc))
        after = page.at(-1)?.id
        if (page.length < PAGE) return out
      }
    },
    /** Takes back a hold that a policy put on it. */
    release: (id: string) =>
      change(id, (unit, doc) => {
        if (doc.state === 'live') throw refuse('family_not_held')
        unit.update(artefacts.name, doc, { state: 'live' })
        unit.note('family.released', { family: doc.id })
      }),
    /** Ends it: its tokens are dead, other families of the Grant live on. */
    revoke: (id: string) => change(id, end),
    /** Stages the same, for whoever ends more than this one. */
    stageEnd: async (unit: Unit, id: string): Promise<void> => end(unit, await live(unit, id)),
    /** Has its next refresh rotate, whatever policies and the limit neverRotate say: for a token that may have been seen. */
    rotateNext: (id: string) =>
      change(id, (unit, doc) => {
        unit.update(artefacts.name, doc, { fields: { rotateNext: 1 } })
        unit.note('family.rotation_asked', { family: doc.id })
      }),
  }
}
