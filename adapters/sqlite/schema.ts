/** How declarations become tables, and documents rows. Shared by the writer thread and the reading side. */

import type { SQLInputValue } from 'node:sqlite'
import { fieldOf } from '../query.ts'
import type { Change, Collection, Condition, Doc, Fields, IndexField, NewDoc, OutboxEvent, Scalar } from '../store.ts'

const COLUMNS = [
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
// `updatedBy` and `decidedBy` are the last commits of either class, so that a repeat is known; `request` is who burned.
const KEPT_BY_STORE = ['rev', 'cid', 'revokedAt', 'updatedBy', 'decidedBy', 'request'] as const
const CHANGEABLE: ReadonlySet<string> = new Set<keyof Change>([
  'state',
  'lastUse',
  'exp',
  'purgeAt',
  'scopes',
  'dk',
  'body',
])
const TESTABLE: ReadonlySet<string> = new Set<keyof Condition>(['state', 'rev', 'revokedAt'])

/** Doubles quotes: names come from declarations, never from a request. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
const fieldColumn = (name: string): string => quoted(`f_${name}`)

/** The column of an index's field. */
export const columnOf = (name: string): string => {
  const field = fieldOf(name)
  return field === undefined ? quoted(name) : fieldColumn(field)
}
export const indexName = (table: Pick<Table, 'name'>, index: readonly string[]): string =>
  quoted(`${table.name} by ${index.join(' ')}`)

/** What the statements of one collection need to know. */
export interface Table {
  readonly name: string
  readonly fields: readonly string[]
  readonly indexes: readonly (readonly IndexField[])[]
  readonly expires: boolean
}

/** The table of a declaration. Throws TypeError for a name that is no plain word. */
export function tableOf(collection: Collection): Table {
  if (!/^[a-z][a-z0-9-]*$/.test(collection.name)) throw new TypeError(`not a collection name: ${collection.name}`)
  return {
    name: collection.name,
    fields: Object.keys(collection.fields),
    indexes: collection.indexes,
    expires: collection.expires,
  }
}

/** The statements that bring a table to its declared shape; `existing` are the columns that stand already. */
export function definition(table: Table, existing: ReadonlySet<string>): readonly string[] {
  const name = quoted(table.name)
  const columns = [...COLUMNS, ...KEPT_BY_STORE, ...table.fields.map((f) => `f_${f}`)].filter((c) => c !== 'id')
  const missing = columns
    .filter((c) => existing.size > 0 && !existing.has(c))
    .map((c) => `ALTER TABLE ${name} ADD COLUMN ${quoted(c)}`)
  const indexes = table.indexes
    .filter((index) => !index.includes('scopes'))
    .map((index) => {
      const by = ['"tenant"', ...index.map(columnOf), 'id'].join(', ')
      return `CREATE INDEX IF NOT EXISTS ${indexName(table, index)} ON ${name} (${by})`
    })
  const purge = table.expires
    ? [`CREATE INDEX IF NOT EXISTS ${quoted(`${table.name} purge`)} ON ${name} ("purgeAt") WHERE "purgeAt" IS NOT NULL`]
    : []
  return [
    `CREATE TABLE IF NOT EXISTS ${name} (id TEXT PRIMARY KEY, ${columns.map(quoted).join(', ')}) WITHOUT ROWID`,
    ...missing,
    ...indexes,
    ...purge,
  ]
}

/** Tables that belong to the store itself. */
export const OWN_TABLES: readonly string[] = [
  'CREATE TABLE IF NOT EXISTS "store-meta" (name TEXT PRIMARY KEY, value) WITHOUT ROWID',
  'CREATE TABLE IF NOT EXISTS "store-outbox" (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, type TEXT, tenant TEXT, at INTEGER, dk TEXT, body BLOB)',
  'CREATE TABLE IF NOT EXISTS "store-leases" (name TEXT PRIMARY KEY, holder TEXT, until INTEGER) WITHOUT ROWID',
  'CREATE TABLE IF NOT EXISTS "store-idempotency" (key TEXT PRIMARY KEY, "purgeAt" INTEGER, result BLOB) WITHOUT ROWID',
  'CREATE INDEX IF NOT EXISTS "store-idempotency purge" ON "store-idempotency" ("purgeAt")',
]

/** Columns of an insert, in the order of `insertValues`. */
export function insertColumns(table: Table): readonly string[] {
  return [...COLUMNS.map(quoted), ...KEPT_BY_STORE.map(quoted), ...table.fields.map(fieldColumn)]
}

/** Values of an insert. Throws TypeError when the document names a field that is not declared. */
export function insertValues(table: Table, doc: NewDoc, cid: string, request: string | null): SQLInputValue[] {
  declared(table, Object.keys(doc.fields))
  const clear = COLUMNS.map((column) =>
    column === 'scopes' ? JSON.stringify(doc.scopes) : (doc[column] as SQLInputValue),
  )
  return [...clear, 1, cid, null, null, null, request, ...table.fields.map((f) => doc.fields[f] ?? null)]
}

/** Refuses names that the declaration does not have. */
export function declared(table: Table, names: readonly string[]): void {
  for (const name of names) {
    if (!table.fields.includes(name)) throw new TypeError(`${table.name} does not declare the field ${name}`)
  }
}

/** `column = ?` for each part of a change or a condition, with the values in order. */
export interface Part {
  readonly sql: string
  readonly value: SQLInputValue
}

type Named = Readonly<Record<string, unknown>> & { readonly fields?: Fields }

function parts(table: Table, named: Named, allowed: ReadonlySet<string>, operator: '=' | 'IS'): Part[] {
  const { fields = {}, ...rest } = named
  declared(table, Object.keys(fields))
  const own = Object.entries(rest).filter(([, value]) => value !== undefined)
  for (const [name] of own)
    if (!allowed.has(name)) throw new TypeError(`${name} can't stand in a change or a condition of ${table.name}`)
  return [
    ...own.map(([name, value]) => ({
      sql: `${quoted(name)} ${operator} ?`,
      value: name === 'scopes' ? JSON.stringify(value) : (value as SQLInputValue),
    })),
    ...Object.entries(fields).map(([name, value]) => ({ sql: `${fieldColumn(name)} ${operator} ?`, value })),
  ]
}

/** The assignments of a change. */
export const assignments = (table: Table, set: Change): Part[] => parts(table, { ...set }, CHANGEABLE, '=')

/** The tests of a condition; IS compares null with null. */
export const tests = (table: Table, condition: Condition): Part[] => parts(table, { ...condition }, TESTABLE, 'IS')

/** `column = column + ?` for each increment. */
export function increments(table: Table, by: Readonly<Record<string, number>>): Part[] {
  declared(table, Object.keys(by))
  return Object.entries(by).map(([name, value]) => ({
    sql: `${fieldColumn(name)} = COALESCE(${fieldColumn(name)}, 0) + ?`,
    value,
  }))
}

type Row = Readonly<Record<string, unknown>>

/** A row as a document: the parsing edge of this store. Thousands are read for one answer: no intermediate objects. */
export function docOf(table: Table, row: Row): Doc {
  const doc: Record<string, unknown> = {}
  for (const column of COLUMNS) doc[column] = row[column] ?? null
  const fields: Record<string, Scalar> = {}
  for (const field of table.fields) fields[field] = (row[`f_${field}`] ?? null) as Scalar
  doc.scopes = row.scopes === '[]' ? [] : JSON.parse(String(row.scopes))
  doc.rev = row.rev
  doc.cid = row.cid
  doc.revokedAt = row.revokedAt ?? null
  doc.fields = fields
  return doc as unknown as Doc
}

/** A row of the outbox as an event. */
export function eventOf(row: Row): OutboxEvent {
  return { id: row.id, type: row.type, tenant: row.tenant, at: row.at, dk: row.dk, body: row.body } as OutboxEvent
}
