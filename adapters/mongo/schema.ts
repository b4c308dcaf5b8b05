/** How declarations become mongoose models, and documents records of the database. */

import type { Connection, Model } from 'mongoose'
import mongoose from 'mongoose'
import { boundsOf, checkOnly, declaredIndex, fieldOf, isAlways, revocableIndex } from '../query.ts'
import type {
  Change,
  Collection,
  Condition,
  Doc,
  Equality,
  Index,
  IndexField,
  NewDoc,
  OutboxEvent,
  Scalar,
} from '../store.ts'

/** A document as MongoDB keeps it. Declared fields stand under `f`, so that no name can collide with the envelope. */
export interface Kept {
  readonly _id: string
  readonly rev: number
  readonly cid: string
  /** The latest writes of the document and their commits (`apply.ts` says which); absent before the first. */
  readonly by?: readonly string[]
  /** Burns only: the request that burned it. */
  readonly request?: string
  readonly revokedAt?: number
  readonly f: Readonly<Record<string, Scalar>>
  /** Events that this document's last commits carried and no relay has settled; absent when there are none. */
  readonly outbox?: readonly OutboxEvent[]
  readonly outboxAt?: number | undefined
  readonly [column: string]: unknown
}

/** The driver's collection behind a model, as far as this store uses it: filters and changes are made in this file. */
export interface Docs {
  insertOne(record: object): Promise<unknown>
  insertMany(records: object[], options: { readonly ordered: true }): Promise<unknown>
  updateOne(filter: object, change: object): Promise<{ readonly matchedCount: number }>
  updateMany(filter: object, change: object): Promise<{ readonly modifiedCount: number }>
  deleteOne(filter: object): Promise<{ readonly deletedCount: number }>
  deleteMany(filter: object): Promise<{ readonly deletedCount: number }>
  findOne(filter: object, options?: object): Promise<Kept | null>
  find(filter: object, options?: object): mongoose.mongo.FindCursor<Kept>
  countDocuments(filter: object, options?: object): Promise<number>
}

/** What one collection needs to know. */
export interface Table {
  readonly name: string
  readonly fields: readonly string[]
  readonly indexes: readonly (readonly IndexField[])[]
  readonly only: Readonly<Record<string, readonly string[]>>
  readonly expires: boolean
  readonly model: Model<Kept>
  readonly docs: Docs
}

const { Mixed } = mongoose.Schema.Types
const ENVELOPE = [
  'tenant',
  'kind',
  'v',
  'hk',
  'dk',
  'family',
  'grant',
  'account',
  'owner',
  'client',
  'session',
  'api',
  'scopes',
  'iat',
  'exp',
  'purgeAt',
  'state',
  'lastUse',
  'body',
] as const

const keysOf = (index: readonly IndexField[]): Record<string, 1> =>
  Object.fromEntries(['tenant', ...index.map(pathOf), '_id'].map((name) => [name, 1]))

/**
 * Which documents stand in an index. A sparse one would hold them all, since all have a tenant. Equality with a value implies that
 * it exists and that it is one of a list, so the planner uses such indexes; an emulator that ignores the filter has a larger index.
 */
function optionsOf({ only = {} }: Pick<Collection, 'only'>, index: readonly IndexField[]): mongoose.IndexOptions {
  const kinds = only[index.join(' ')]
  if (kinds)
    return { name: `by ${index.join(' ')} of ${kinds.join(' ')}`, partialFilterExpression: { kind: { $in: kinds } } }
  if (index[0] === undefined || isAlways(index[0]) || index[0] === 'scopes') return {}
  return { name: `by ${index.join(' ')} if any`, partialFilterExpression: { [pathOf(index[0])]: { $exists: true } } }
}

/** Makes the model of a declaration. Indexes are the store's to create, before anything is served. */
export function tableOf(connection: Connection, collection: Collection): Table {
  const columns = Object.fromEntries(
    [...ENVELOPE, 'rev', 'cid', 'by', 'request', 'revokedAt', 'f', 'outbox', 'outboxAt'].map((name) => [name, Mixed]),
  )
  const schema = new mongoose.Schema<Kept>(
    { _id: String, ...columns },
    {
      autoIndex: false,
      autoCreate: false,
      versionKey: false,
      strict: 'throw',
      minimize: false,
      collection: collection.name,
    },
  )
  checkOnly(collection)
  for (const index of collection.indexes) schema.index(keysOf(index), optionsOf(collection, index))
  if (collection.expires) schema.index({ purgeAt: 1 }, { sparse: true })
  schema.index({ outboxAt: 1 }, { sparse: true })
  const model = connection.model<Kept>(collection.name, schema)
  return {
    name: collection.name,
    fields: Object.keys(collection.fields),
    indexes: collection.indexes,
    only: collection.only ?? {},
    expires: collection.expires,
    model,
    docs: model.collection as unknown as Docs,
  }
}

/**
 * Makes what is declared. What mongoose called an index before it was for some documents only goes first: before MongoDB 5 no two
 * indexes may have the same fields.
 */
export async function prepareIndexes(table: Table): Promise<void> {
  const { model } = table
  const standing = await model.listIndexes().catch(() => [])
  const replaced = table.indexes
    .filter((index) => optionsOf(table, index).name !== undefined)
    .map((index) => Object.entries(keysOf(index)).flat().join('_'))
  for (const { name } of standing) if (replaced.includes(name)) await model.collection.dropIndex(name)
  await model.createIndexes()
}

/** Bytes as the driver wants them. Throws TypeError for structure: an operator in a filter would be no value any more. */
function stored(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    throw new TypeError('only plain values can be stored in clear')
  return value
}

/** Paths and values as MongoDB keeps them. Throws TypeError for names that the declaration does not have. */
function entriesOf(table: Table, part: Partial<NewDoc> | Change | Condition): [string, unknown][] {
  const { fields = {}, ...rest } = part
  for (const name of Object.keys(fields)) {
    if (!table.fields.includes(name)) throw new TypeError(`${table.name} does not declare the field ${name}`)
  }
  const inner = Object.entries(fields).map(([name, value]) => [`f.${name}`, value] as const)
  return [...Object.entries(rest), ...inner]
    .filter(([, value]) => value !== undefined)
    .map(([path, value]) => [path, stored(value)])
}

/**
 * A new document as it is inserted. Nulls are left out, here and in changes: `$inc` refuses a null but takes what is absent
 * for 0, and a sparse index then holds only what has a value. Throws TypeError for what no declaration names.
 */
export function keptOf(table: Table, doc: NewDoc, cid: string): Kept {
  const { id, fields, ...rest } = doc
  const present = (entries: [string, unknown][]) => Object.fromEntries(entries.filter(([, value]) => value !== null))
  const f = present(entriesOf(table, { fields }).map(([path, value]) => [path.slice('f.'.length), value]))
  return { ...present(entriesOf(table, rest)), _id: id, rev: 1, cid, f } as Kept
}

/** The assignments of a change: what is null is taken away. */
export function changeOf(table: Table, set: Change): { readonly $set: object; readonly $unset: object } {
  const entries = entriesOf(table, set)
  return {
    $set: Object.fromEntries(entries.filter(([, value]) => value !== null)),
    $unset: Object.fromEntries(entries.filter(([, value]) => value === null).map(([path]) => [path, ''])),
  }
}

/** The paths of an increment. */
export function incrementOf(table: Table, by: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(entriesOf(table, { fields: by }).map(([path, value]) => [path, Number(value)]))
}

/** The filter of a condition; null matches null and absent, as MongoDB's equality does. */
export function filterOf(table: Table, condition: Condition): Record<string, unknown> {
  return Object.fromEntries(entriesOf(table, condition).map(([path, value]) => [path, { $eq: value }]))
}

/** Events as they are kept. */
export function toldOf(events: readonly OutboxEvent[]): readonly OutboxEvent[] {
  return events.map((event) => ({ ...event, body: Buffer.from(event.body) }))
}

/** Bytes as a copy of their own; the driver's share their memory. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Uint8Array.from(value)
  if (value instanceof mongoose.mongo.Binary) return Uint8Array.from(value.value())
  return value ?? null
}

/** An event as it was before it became BSON. */
export function eventOf({ id, type, tenant, at, dk, body }: OutboxEvent): OutboxEvent {
  return { id, type, tenant, at, dk, body: plain(body) as Uint8Array }
}

const pathOf = (name: string): string => {
  const field = fieldOf(name)
  return field === undefined ? name : `f.${field}`
}

function equal({ tenant, by }: Equality): Record<string, unknown> {
  return {
    tenant: { $eq: tenant },
    ...Object.fromEntries(Object.entries(by).map(([name, value]) => [pathOf(name), { $eq: value }])),
  }
}

/** The filter of a revocation by a declared index. Throws TypeError for any other set of fields. */
export function byIndex(table: Table, by: Equality): Record<string, unknown> {
  revocableIndex(table, by)
  return equal(by)
}

/** The filters of a page, whose results follow each other, and their order. Throws TypeError for what is not declared. */
export function pageFilters(
  table: Table,
  index: Index,
  after?: string,
): { readonly filters: readonly Record<string, unknown>[]; readonly sort: Record<string, 1> } {
  declaredIndex(table, index)
  const same = equal(index)
  if (!index.range)
    return { filters: [{ ...same, ...(after === undefined ? {} : { _id: { $gt: after } }) }], sort: { _id: 1 } }
  const path = pathOf(index.range.field)
  const { from, below, past } = boundsOf(index.range, after)
  const sort = { [path]: 1, _id: 1 } as const
  // A comparison with a number finds numbers alone. After a page: the rest of its last value, then what is beyond; one filter
  // for both would read all of that value's entries again.
  if (!past) return { filters: [{ ...same, [path]: { $gte: from, $lt: below } }], sort }
  const rest = past.value < below ? [{ ...same, [path]: { $eq: past.value }, _id: { $gt: past.id } }] : []
  return { filters: [...rest, { ...same, [path]: { $gt: past.value, $lt: below } }], sort }
}

/** A record as a document: the parsing edge of this store. */
export function docOf(table: Table, kept: Kept): Doc {
  const clear = Object.fromEntries(ENVELOPE.map((name) => [name, plain(kept[name])]))
  const fields = Object.fromEntries(table.fields.map((name) => [name, plain(kept.f[name])]))
  return {
    ...clear,
    id: kept._id,
    rev: kept.rev,
    cid: kept.cid,
    revokedAt: kept.revokedAt ?? null,
    fields,
  } as unknown as Doc
}
