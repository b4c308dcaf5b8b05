/**
 * Applies one unit with nothing but atomic single-document writes, in the order of DESIGN rule 2. What a crash leaves between two
 * steps: burns that stay burned (as they must), and inserts whose decider never came, under ids that nobody has been told.
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
import { byIndex, declared, filterOf, type Kept, keptOf, setOf, type Table } from './schema.ts'

/** Where events go that no document of the unit can carry. */
export interface Outbox {
  put(id: string, events: readonly OutboxEvent[]): Promise<void>
}

/** The state of a document that a cleanup could not remove yet, since it carries events. Reads do not see it. */
export const REMOVED = 'removed'

const isDuplicate = (cause: unknown): boolean =>
  typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === 11000

type Carry = Record<string, unknown>

/** What a write adds so that it carries events. */
function carrying(events: readonly OutboxEvent[]): { readonly $push?: Carry; readonly set: Carry } {
  if (events.length === 0) return { set: {} }
  return {
    $push: { outbox: { $each: events.map((event) => ({ ...event, body: Buffer.from(event.body) })) } },
    set: { outboxAt: events[0]?.at ?? 0 },
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

  /** Throws Conflict when a burn, insert, update or the decider is lost; inserts are taken back then. */
  async apply(unit: Writes): Promise<void> {
    this.#check(unit)
    for (const burn of unit.burns) await this.#burn(burn, unit)
    const loose = unit.decider || unit.revocations.some(({ target }) => 'id' in target) ? [] : unit.events
    try {
      const lastIsUpdate = unit.updates.length > 0
      for (const [i, insert] of unit.inserts.entries())
        await this.#insert(insert, unit, !lastIsUpdate && i === unit.inserts.length - 1 ? loose : [])
      for (const [i, update] of unit.updates.entries())
        await this.#update(update, unit, i === unit.updates.length - 1 ? loose : [])
      if (unit.decider) await this.#decide(unit.decider, unit)
    } catch (cause) {
      await this.#takeBack(unit)
      throw cause
    }
    await this.#revokeAll(unit)
    for (const { collection, id } of unit.cleanups) await this.#clean(this.#table(collection), id)
    if (loose.length > 0 && unit.inserts.length === 0 && unit.updates.length === 0)
      await this.#outbox.put(unit.cid, loose)
  }

  /** Whatever is wrong with the unit itself is said before anything is written. */
  #check(unit: Writes): void {
    for (const { collection, doc } of [...unit.burns, ...unit.inserts]) declared(this.#table(collection), doc.fields)
    for (const { collection, set } of [...unit.updates, ...(unit.decider ? [unit.decider] : [])])
      declared(this.#table(collection), set.fields ?? {})
    if (unit.decider)
      for (const fields of [unit.decider.if.fields ?? {}, unit.decider.increment ?? {}])
        declared(this.#table(unit.decider.collection), fields)
    for (const { collection, target } of unit.revocations)
      if ('by' in target) byIndex(this.#table(collection), target.by)
    for (const { collection } of unit.cleanups) this.#table(collection)
  }

  #table(name: string): Table {
    const table = this.#tables.get(name)
    if (!table) throw new TypeError(`no collection ${name} is declared`)
    return table
  }

  async #burn({ collection, doc }: Insert, unit: Writes): Promise<void> {
    const table = this.#table(collection)
    try {
      await table.model.collection.insertOne({ ...keptOf(table, doc, unit.cid, unit.request) } as never)
    } catch (cause) {
      if (!isDuplicate(cause)) throw cause
      const standing = await this.#read(table, doc.id)
      if (standing?.request !== unit.request) throw new Conflict('burn', collection, doc.id)
    }
  }

  async #read(table: Table, id: string): Promise<Kept | undefined> {
    return ((await table.model.collection.findOne({ _id: id } as never)) as Kept | null) ?? undefined
  }

  async #insert({ collection, doc }: Insert, unit: Writes, events: readonly OutboxEvent[]): Promise<void> {
    const table = this.#table(collection)
    const kept = keptOf(table, doc, unit.cid, null)
    const carried =
      events.length > 0
        ? { outbox: events.map((event) => ({ ...event, body: Buffer.from(event.body) })), outboxAt: events[0]?.at ?? 0 }
        : {}
    try {
      await table.model.collection.insertOne({ ...kept, ...carried } as never)
    } catch (cause) {
      if (!isDuplicate(cause)) throw cause
      if ((await this.#read(table, doc.id))?.cid !== unit.cid) throw new Conflict('insert', collection, doc.id)
    }
  }

  async #update({ collection, id, rev, set }: Update, unit: Writes, events: readonly OutboxEvent[]): Promise<void> {
    const table = this.#table(collection)
    const carry = carrying(events)
    const { matchedCount } = await table.model.collection.updateOne(
      { _id: id, rev } as never,
      {
        $set: { ...setOf(table, set), by: unit.cid, ...carry.set },
        $inc: { rev: 1 },
        ...(carry.$push ? { $push: carry.$push } : {}),
      } as never,
    )
    if (matchedCount === 0 && (await this.#read(table, id))?.by !== unit.cid)
      throw new Conflict('update', collection, id)
  }

  async #decide({ collection, id, if: condition, set, increment }: Decider, unit: Writes): Promise<void> {
    const table = this.#table(collection)
    const carry = carrying(unit.events)
    const added = Object.fromEntries(Object.entries(increment ?? {}).map(([name, value]) => [`f.${name}`, value]))
    const change = {
      $set: { ...setOf(table, set), by: unit.cid, ...carry.set },
      $inc: { rev: 1, ...added },
      ...(carry.$push ? { $push: carry.$push } : {}),
    }
    const { matchedCount } = await table.model.collection.updateOne(
      { ...filterOf(table, condition), _id: id, by: { $ne: unit.cid } } as never,
      change as never,
    )
    // Not matched may mean that this very commit won before its answer was lost.
    if (matchedCount === 0 && (await this.#read(table, id))?.by !== unit.cid)
      throw new Conflict('decider', collection, id)
  }

  /** Deletes by commit id, never by id alone: a rival's document may stand under the same id. */
  async #takeBack(unit: Writes): Promise<void> {
    for (const { collection, doc } of unit.inserts)
      await this.#table(collection).model.collection.deleteOne({ _id: doc.id, cid: unit.cid } as never)
  }

  async #revokeAll(unit: Writes): Promise<void> {
    const carrier = unit.decider ? undefined : unit.revocations.find(({ target }) => 'id' in target)
    for (const revocation of unit.revocations) {
      const matched = await this.#revoke(revocation, revocation === carrier ? unit.events : [])
      // Revoked before, or never there: nothing was changed, but that it was asked for is still told.
      if (revocation === carrier && matched === 0 && unit.events.length > 0)
        await this.#outbox.put(unit.cid, unit.events)
    }
  }

  async #revoke({ collection, target, at, purgeAt }: Revocation, events: readonly OutboxEvent[]): Promise<number> {
    const table = this.#table(collection)
    const carry = carrying(events)
    const filter = 'id' in target ? { _id: target.id } : byIndex(table, target.by)
    const change = {
      $set: { state: 'revoked', revokedAt: at, ...(purgeAt === undefined ? {} : { purgeAt }), ...carry.set },
      $inc: { rev: 1 },
      ...(carry.$push ? { $push: carry.$push } : {}),
    }
    const { matchedCount } = await table.model.collection.updateMany(
      { ...filter, revokedAt: null } as never,
      change as never,
    )
    return matchedCount
  }

  async #clean(table: Table, id: string): Promise<void> {
    const { deletedCount } = await table.model.collection.deleteOne({ _id: id, outboxAt: { $exists: false } } as never)
    if (deletedCount === 0)
      await table.model.collection.updateOne({ _id: id } as never, { $set: { state: REMOVED, purgeAt: 1 } } as never)
  }
}
