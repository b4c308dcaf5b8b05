/**
 * Applies one unit with nothing but atomic single-document writes, in the order of DESIGN rule 2.
 *
 * What a crash, or an answer that never comes, leaves between two steps: burns that stay burned (as they must), updates that
 * stand, and inserts whose decider never came. Nobody was told the ids of such inserts, but a list shows them until their
 * `purgeAt`. Refused: a mark that the decider's success takes off (one more write on every insert), and looking each listed
 * document's decider up (a read for each, of a document that may be gone).
 */

import {
  Conflict,
  type Decider,
  type Insert,
  type OutboxEvent,
  type Revocation,
  type Update,
  type Writes,
} from '../store.ts'
import { byIndex, changeOf, filterOf, incrementOf, type Kept, keptOf, type Table, toldOf } from './schema.ts'

/** Where events go that no document of the unit can carry. A second `put` under one id does nothing, even after it was settled. */
export interface Outbox {
  put(id: string, events: readonly OutboxEvent[]): Promise<void>
}

// A document remembers its latest writers, so that a commit which is repeated knows itself although rivals wrote since.
const WRITERS_MAX = 16
// Changes nothing, but is answered as a majority write: what an earlier try wrote is durable then.
const NOTHING = { $unset: { nothing: '' } }
const CLEANUPS_MAX = 5

/** Whether a unique index refused the write. */
export const isDuplicate = (cause: unknown): boolean => codeOf(cause) === 11000

function codeOf(cause: unknown): unknown {
  return typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
}

/** Whether the unit surely failed. After anything else (no answer, a step-down) its decider may have been won. */
function isCertain(cause: unknown): boolean {
  const typeMismatch = 14
  return (
    cause instanceof Conflict || codeOf(cause) === typeMismatch || (cause instanceof Error && /^BSON/.test(cause.name))
  )
}

/** Where in an ordered insert the duplicate was. */
function indexOf(cause: unknown): number {
  if (typeof cause !== 'object' || cause === null || !('writeErrors' in cause)) return 0
  const [first]: { readonly index?: unknown }[] = [cause.writeErrors].flat() as object[]
  return Number(first?.index ?? 0)
}

/** What a revocation sets: a tombstone, or a mark that can be taken back. */
const tombstoneOf = ({ at, purgeAt, mark }: Revocation) =>
  mark === undefined ? { state: 'revoked', revokedAt: at, ...(purgeAt !== undefined && { purgeAt }) } : { state: mark }

/** Which documents it still changes. */
const untouchedBy = ({ mark }: Revocation) => ({
  revokedAt: null,
  ...(mark === undefined ? {} : { state: { $ne: mark } }),
})

/** Which write carries the events (DESIGN rule 5). */
function carrierOf(unit: Writes): 'decider' | 'revocation' | 'update' | 'insert' | 'outbox' {
  if (unit.decider) return 'decider'
  if (unit.revocations.some(({ target }) => 'id' in target)) return 'revocation'
  if (unit.updates.length > 0) return 'update'
  return unit.inserts.length > 0 ? 'insert' : 'outbox'
}

interface Write {
  readonly $set?: object
  readonly $unset?: object
  readonly increment?: Readonly<Record<string, number>>
  readonly mark: string
  readonly events: readonly OutboxEvent[]
}

/** One change of one document: its values, its mark and the events that it carries, or none of them. */
function changeWith({ $set = {}, $unset = {}, increment = {}, mark, events }: Write): object {
  const by = { $each: [mark], $slice: -WRITERS_MAX }
  const outbox = events.length > 0 ? { outbox: { $each: toldOf(events) } } : {}
  return {
    ...(Object.keys($set).length > 0 && { $set }),
    ...(Object.keys($unset).length > 0 && { $unset }),
    ...(events.length > 0 && { $min: { outboxAt: events[0]?.at } }),
    $inc: { rev: 1, ...increment },
    $push: { by, ...outbox },
  }
}

/** One unit's way into the database. */
export class Application {
  readonly #tables: ReadonlyMap<string, Table>
  readonly #outbox: Outbox

  constructor(tables: ReadonlyMap<string, Table>, outbox: Outbox) {
    this.#tables = tables
    this.#outbox = outbox
  }

  /**
   * Throws Conflict when a burn, insert, update or the decider is lost; inserts are taken back then. After any other error the
   * outcome may be unknown, and nothing is taken back: the commit may be repeated.
   */
  async apply(unit: Writes): Promise<void> {
    this.#check(unit)
    const carrier = carrierOf(unit)
    for (const burn of unit.burns) await this.#burn(burn, unit)
    try {
      await this.#insertAll(unit, carrier === 'insert' ? unit.events : [])
      for (const update of unit.updates) {
        await this.#update(update, unit, carrier === 'update' && update === unit.updates.at(-1) ? unit.events : [])
      }
      if (unit.decider) await this.#decide(unit.decider, unit)
    } catch (cause) {
      if (isCertain(cause)) await this.#takeBack(unit)
      throw cause
    }
    // From here on nothing can be lost, so the events may come first, and must: a crash would take them.
    if (carrier === 'outbox' && unit.events.length > 0) await this.#outbox.put(unit.cid, unit.events)
    await this.#revokeAll(unit, carrier === 'revocation' ? unit.events : [])
    for (const { collection, id } of unit.cleanups) await this.#clean(this.#table(collection), id)
  }

  /** Whatever is wrong with the unit itself is said before anything is written. */
  #check(unit: Writes): void {
    for (const { collection, doc } of [...unit.burns, ...unit.inserts]) keptOf(this.#table(collection), doc, unit.cid)
    for (const { collection, set } of unit.updates) changeOf(this.#table(collection), set)
    if (unit.decider) {
      const table = this.#table(unit.decider.collection)
      changeOf(table, unit.decider.set)
      filterOf(table, unit.decider.if)
      for (const path of Object.keys(incrementOf(table, unit.decider.increment ?? {}))) {
        if (path.slice('f.'.length) in (unit.decider.set.fields ?? {}))
          throw new TypeError(`${path}: both set and incremented`)
      }
    }
    for (const { collection, target } of unit.revocations) {
      const table = this.#table(collection)
      if ('by' in target) byIndex(table, target.by)
    }
    for (const { collection } of unit.cleanups) this.#table(collection)
  }

  #table(name: string): Table {
    const table = this.#tables.get(name)
    if (!table) throw new TypeError(`no collection ${name} is declared`)
    return table
  }

  /** Whether a document is as an earlier try of this commit left it, durably. */
  async #holds(table: Table, filter: object): Promise<boolean> {
    return (await table.docs.updateOne(filter, NOTHING)).matchedCount === 1
  }

  async #burn({ collection, doc }: Insert, { cid, request }: Writes): Promise<void> {
    const table = this.#table(collection)
    try {
      await table.docs.insertOne({ ...keptOf(table, doc, cid), request })
    } catch (cause) {
      if (!isDuplicate(cause)) throw cause
      if (!(await this.#holds(table, { _id: doc.id, request }))) throw new Conflict('burn', collection, doc.id)
    }
  }

  /** One ordered insert a collection; that of the unit's last insert comes last, since the last insert may carry the events. */
  async #insertAll(unit: Writes, events: readonly OutboxEvent[]): Promise<void> {
    const last = unit.inserts.at(-1)
    const groups = Map.groupBy(unit.inserts, ({ collection }) => collection)
    const names = [...groups.keys()].filter((name) => name !== last?.collection)
    for (const name of last ? [...names, last.collection] : names) {
      const table = this.#table(name)
      const records = (groups.get(name) ?? []).map((insert) => ({
        ...keptOf(table, insert.doc, unit.cid),
        ...(insert === last && events.length > 0 && { outbox: toldOf(events), outboxAt: events[0]?.at }),
      }))
      await this.#insert(table, records, unit.cid)
    }
  }

  async #insert(table: Table, records: readonly Kept[], cid: string): Promise<void> {
    let from = 0
    while (from < records.length) {
      try {
        await table.docs.insertMany(records.slice(from), { ordered: true })
        return
      } catch (cause) {
        if (!isDuplicate(cause)) throw cause
        from += indexOf(cause)
        const id = records[from]?._id ?? ''
        if (!(await this.#holds(table, { _id: id, cid }))) throw new Conflict('insert', table.name, id)
        from += 1
      }
    }
  }

  async #update({ collection, id, rev, set }: Update, { cid }: Writes, events: readonly OutboxEvent[]): Promise<void> {
    const table = this.#table(collection)
    const mark = `update ${cid}`
    const change = changeWith({ ...changeOf(table, set), mark, events })
    const { matchedCount } = await table.docs.updateOne({ _id: id, rev }, change)
    if (matchedCount === 1 || (await this.#holds(table, { _id: id, by: mark }))) return
    throw new Conflict('update', collection, id)
  }

  async #decide(
    { collection, id, if: condition, set, increment = {} }: Decider,
    { cid, events }: Writes,
  ): Promise<void> {
    const table = this.#table(collection)
    const mark = `decider ${cid}`
    const change = changeWith({ ...changeOf(table, set), increment: incrementOf(table, increment), mark, events })
    // Not by the condition alone: it may go on to hold, and a repeat must add nothing.
    const filter = { ...filterOf(table, condition), _id: id, by: { $ne: mark } }
    const { matchedCount } = await table.docs.updateOne(filter, change)
    if (matchedCount === 1 || (await this.#holds(table, { _id: id, by: mark }))) return
    throw new Conflict('decider', collection, id)
  }

  /** Deletes by commit id, never by id alone: a rival's document may stand under the same id. */
  async #takeBack({ inserts, cid }: Writes): Promise<void> {
    for (const [name, group] of Map.groupBy(inserts, ({ collection }) => collection)) {
      await this.#table(name).docs.deleteMany({ _id: { $in: group.map(({ doc }) => doc.id) }, cid })
    }
  }

  /** Those by id first: the first of them that changes anything carries the events, and the outbox if none does. */
  async #revokeAll(unit: Writes, events: readonly OutboxEvent[]): Promise<void> {
    let untold = events
    for (const revocation of unit.revocations.filter(({ target }) => 'id' in target)) {
      if (await this.#revokeOne(revocation, unit.cid, untold)) untold = []
    }
    if (untold.length > 0) await this.#outbox.put(unit.cid, untold)
    for (const revocation of unit.revocations) {
      if (!('by' in revocation.target)) continue
      const table = this.#table(revocation.collection)
      const change = changeWith({ $set: tombstoneOf(revocation), mark: `revocation ${unit.cid}`, events: [] })
      await table.docs.updateMany({ ...byIndex(table, revocation.target.by), ...untouchedBy(revocation) }, change)
    }
  }

  async #revokeOne(revocation: Revocation, cid: string, events: readonly OutboxEvent[]): Promise<boolean> {
    const { collection, target } = revocation
    if (!('id' in target)) return false
    const { docs } = this.#table(collection)
    const mark = `revocation ${cid}`
    const $set = tombstoneOf(revocation)
    const filter = { _id: target.id, ...untouchedBy(revocation) }
    if ((await docs.updateOne(filter, changeWith({ $set, mark, events }))).matchedCount === 1) return true
    return events.length > 0 && this.#holds(this.#table(collection), { _id: target.id, by: mark })
  }

  /** Removes a document; events that it carries are put into the outbox first. */
  async #clean({ name, docs }: Table, id: string): Promise<void> {
    for (let round = 0; round < CLEANUPS_MAX; round++) {
      if ((await docs.deleteOne({ _id: id, outboxAt: null })).deletedCount === 1) return
      const standing = await docs.findOne({ _id: id }, { promoteBuffers: true })
      if (!standing) return
      // Whatever adds events raises rev, so what is deleted carries no more than was put.
      const { rev, outbox = [] } = standing
      if (outbox.length > 0) await this.#outbox.put(`${name} ${rev} ${id}`, outbox)
      if ((await docs.deleteOne({ _id: id, rev })).deletedCount === 1) return
    }
    throw new Error(`a cleanup in ${name} gave way ${CLEANUPS_MAX} times: the document is written without end`)
  }
}
