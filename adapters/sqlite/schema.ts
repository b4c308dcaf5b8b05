/** How declarations become tables. Shared by the writer thread and the reading side. */

import { checkOnly, fieldOf, isAlways } from '../query.ts'
import type { Collection, IndexField } from '../store.ts'

/** The envelope's columns, in the order of a row. */
export const COLUMNS = [
  'id',
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
/** `updatedBy` and `decidedBy` are the last commits of either class, so that a repeat is known; `request` is who burned. */
export const KEPT_BY_STORE = ['rev', 'cid', 'revokedAt', 'updatedBy', 'decidedBy', 'request'] as const

/** A set of columns travels as a sum of powers of two: a double holds as many. */
const COLUMNS_MAX = 53

/** Doubles quotes: names come from declarations, never from a request. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
const fieldColumn = (name: string): string => quoted(`f_${name}`)

/** The column of an index's field. */
export const columnOf = (name: string): string => {
  const field = fieldOf(name)
  return field === undefined ? quoted(name) : fieldColumn(field)
}

/** What the statements of one collection need to know. */
export interface Table {
  readonly name: string
  /** Its place among the tables, by which the writer knows it. */
  readonly at: number
  readonly fields: readonly string[]
  readonly indexes: readonly (readonly IndexField[])[]
  readonly only: Readonly<Record<string, readonly string[]>>
  readonly expires: boolean
  /** All columns, quoted, in the order of a row. */
  readonly columns: readonly string[]
}

/** The table of a declaration. Throws TypeError for a name that is no plain word, and for more fields than fit. */
export function tableOf(collection: Collection, at = 0): Table {
  const { name, indexes, expires, only = {} } = collection
  if (!/^[a-z][a-z0-9-]*$/.test(name)) throw new TypeError(`not a collection name: ${name}`)
  checkOnly(collection)
  const fields = Object.keys(collection.fields)
  const columns = [...COLUMNS.map(quoted), ...KEPT_BY_STORE.map(quoted), ...fields.map(fieldColumn)]
  if (columns.length > COLUMNS_MAX)
    throw new TypeError(`${name} declares more than ${COLUMNS_MAX - COLUMNS.length - KEPT_BY_STORE.length} fields`)
  return { name, at, fields, indexes, only, expires, columns }
}

/** The kinds that an index is for; none where it is for all. */
const kindsOf = (table: Table, index: readonly string[]): readonly string[] => table.only[index.join(' ')] ?? []

/** Named by all that it is, so that another one is another index. */
export function indexName(table: Table, index: readonly IndexField[]): string {
  const kinds = kindsOf(table, index)
  const of = kinds.length > 0 ? ` of ${kinds.join(' ')}` : isAlways(index[0]) ? '' : ' if any'
  return quoted(`${table.name} by ${index.join(' ')}${of}`)
}

/**
 * What a document must be to stand in an index: most have no value in its first field, or are of a kind that nobody looks for in it, and
 * cost it nothing. A query says the same words, which is how SQLite knows that it may use the index.
 */
export function indexed(table: Table, index: readonly IndexField[]): string {
  const kinds = kindsOf(table, index)
  if (kinds.length > 0) return kinds.map((kind) => `"kind" = '${kind.replaceAll("'", "''")}'`).join(' OR ')
  return isAlways(index[0]) ? '' : `${columnOf(index[0] ?? 'kind')} IS NOT NULL`
}

/** The indexes of a table by their names, with what makes each. */
export function indexesOf(table: Table): ReadonlyMap<string, string> {
  const made = new Map<string, string>()
  const name = quoted(table.name)
  for (const index of table.indexes.filter((one) => !one.includes('scopes'))) {
    const [by, where] = [['"tenant"', ...index.map(columnOf), 'id'].join(', '), indexed(table, index)]
    made.set(indexName(table, index), `ON ${name} (${by})${where ? ` WHERE ${where}` : ''}`)
  }
  if (table.expires) made.set(quoted(`${table.name} purge`), `ON ${name} ("purgeAt") WHERE "purgeAt" IS NOT NULL`)
  return made
}

/**
 * A table: rows lie in the order in which they came, and a small index leads from the id to them. Ids are keyed hashes, so rows that lay
 * in their order would each be written into a page of its own.
 */
export function tableDefinition(table: Table, name = table.name): string {
  const [id, ...others] = table.columns
  return `CREATE TABLE ${quoted(name)} (${id} TEXT PRIMARY KEY, ${others.join(', ')})`
}

/** `once`: events of a unit that leaves no commit id in any document; a repeat is known by the id of the event. */
export const OUTBOX =
  'CREATE TABLE "store-outbox" (seq INTEGER PRIMARY KEY, id TEXT, type TEXT, tenant TEXT, at INTEGER, dk TEXT, body BLOB, once INTEGER)'

/** Tables that belong to the store itself, but for its outbox. */
export const OWN_TABLES: readonly string[] = [
  'CREATE TABLE IF NOT EXISTS "store-meta" (name TEXT PRIMARY KEY, value) WITHOUT ROWID',
  'CREATE TABLE IF NOT EXISTS "store-leases" (name TEXT PRIMARY KEY, holder TEXT, until INTEGER) WITHOUT ROWID',
  'CREATE TABLE IF NOT EXISTS "store-idempotency" (key TEXT PRIMARY KEY, "purgeAt" INTEGER, result BLOB) WITHOUT ROWID',
  'CREATE INDEX IF NOT EXISTS "store-idempotency purge" ON "store-idempotency" ("purgeAt")',
]
