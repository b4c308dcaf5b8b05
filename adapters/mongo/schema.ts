/** How declarations become mongoose models, and documents records of the database. */

import type { Connection, Model } from 'mongoose'
import mongoose from 'mongoose'
import type { Collection, Condition, Doc, Index, IndexField, NewDoc, OutboxEvent, Scalar } from '../store.ts'

/** A document as MongoDB keeps it. Declared fields stand under `f`, so that no name can collide with the envelope. */
export interface Kept {
  readonly _id: string
  readonly rev: number
  readonly cid: string
  /** The commit that wrote last. */
  readonly by: string | null
  /** Burns only: the request that burned it. */
  readonly request: string | null
  readonly revokedAt: number | null
  readonly f: Readonly<Record<string, Scalar>>
  /** Events that this document's last commits carried and no relay has settled; absent when there are none. */
  readonly outbox?: readonly OutboxEvent[]
  readonly outboxAt?: number
  readonly [column: string]: unknown
}

/** What one collection needs to know. */
export interface Table {
  readonly name: string
  readonly fields: readonly string[]
  readonly indexes: readonly (readonly IndexField[])[]
  readonly expires: boolean
  readonly model: Model<Kept>
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
  for (const index of collection.indexes)
    schema.index(Object.fromEntries(['tenant', ...index, '_id'].map((name) => [name, 1])))
  if (collection.expires) schema.index({ purgeAt: 1 }, { sparse: true })
  schema.index({ outboxAt: 1 }, { sparse: true })
  return {
    name: collection.name,
    fields: Object.keys(collection.fields),
    indexes: collection.indexes,
    expires: collection.expires,
    model: connection.model<Kept>(collection.name, schema),
  }
}

/** Refuses names that the declaration does not have, and values that are not plain. */
export function declared(table: Table, fields: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(fields)) {
    if (!table.fields.includes(name)) throw new TypeError(`${table.name} does not declare the field ${name}`)
    stored(value)
  }
}

/** Bytes as the driver wants them. Throws TypeError for structure: an operator in a filter would be no value any more. */
function stored(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    throw new TypeError('only plain values can be stored in clear')
  return value
}

/** A new document as it is inserted. */
export function keptOf(table: Table, doc: NewDoc, cid: string, request: string | null): Kept {
  declared(table, doc.fields)
  const { id, fields, ...rest } = doc
  const clear = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, stored(value)]))
  return {
    ...clear,
    _id: id,
    rev: 1,
    cid,
    by: null,
    request,
    revokedAt: null,
    f: Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, stored(value) as Scalar])),
  }
}

/** The `$set` of a change. */
export function setOf(table: Table, set: object): Record<string, unknown> {
  const { fields, ...rest } = set as { fields?: Readonly<Record<string, Scalar>> }
  declared(table, fields ?? {})
  const clear = Object.entries(rest).filter(([, value]) => value !== undefined)
  return Object.fromEntries(
    [...clear, ...Object.entries(fields ?? {}).map(([name, value]) => [`f.${name}`, value] as const)].map(
      ([name, value]) => [name, stored(value)],
    ),
  )
}

/** The filter of a condition; null matches null and absent, as MongoDB's equality does. */
export function filterOf(table: Table, condition: Condition): Record<string, unknown> {
  return Object.fromEntries(Object.entries(setOf(table, condition)).map(([name, value]) => [name, { $eq: value }]))
}

/** The filter of a declared index. Throws TypeError for any other set of fields. */
export function byIndex(table: Table, { tenant, by }: Index): Record<string, unknown> {
  const names = Object.keys(by)
  if (!table.indexes.some((index) => index.length === names.length && index.every((f) => names.includes(f))))
    throw new TypeError(`${table.name} declares no index by ${names.join(', ')}`)
  return {
    tenant: { $eq: tenant },
    ...Object.fromEntries(Object.entries(by).map(([name, value]) => [name, { $eq: value }])),
  }
}

/** A record as a document: the parsing edge of this store. */
export function docOf(table: Table, kept: Kept): Doc {
  const clear = Object.fromEntries(ENVELOPE.map((name) => [name, kept[name] ?? null]))
  const fields = Object.fromEntries(table.fields.map((name) => [name, kept.f[name] ?? null]))
  return {
    ...clear,
    id: kept._id,
    rev: kept.rev,
    cid: kept.cid,
    revokedAt: kept.revokedAt ?? null,
    fields,
  } as unknown as Doc
}
