/**
 * Queries by a declared index, as SQL that names its index: a planner without statistics must not choose another one.
 * A document's scopes stand once more in a table of their own, one row a scope, which triggers keep: it is right after every write
 * and every crash, since both are one transaction.
 */

import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { boundsOf, declaredIndex, revocableIndex } from '../query.ts'
import type { Equality, Index, IndexField, Page } from '../store.ts'
import { selected } from './rows.ts'
import { columnOf, indexed, indexName, quoted, type Table } from './schema.ts'

/** A statement with its values. */
export interface Query {
  readonly sql: string
  readonly values: readonly SQLInputValue[]
}

const scoped = (table: Table) => table.indexes.filter((index) => index.includes('scopes'))
const columnsOf = (table: Table): readonly string[] =>
  [...new Set(scoped(table).flat())].filter((name) => name !== 'scopes').sort()

/** Named by its columns, so that another declaration is another table. */
const scopeTable = (table: Table): string => [table.name, 'scopes', ...columnsOf(table)].join(' ')
const scopeIndex = (table: Table, index: readonly string[]): string =>
  quoted(`${scopeTable(table)} by ${index.join(' ')}`)
const column = (name: string): string => (name === 'scopes' ? 'scope' : columnOf(name))

const TRIGGERS = ['made', 'changed', 'moved', 'gone'] as const

/** The table of scopes and its triggers. */
function scopeDefinition(table: Table): readonly string[] {
  const [side, main] = [quoted(scopeTable(table)), quoted(table.name)]
  const columns = ['tenant', ...columnsOf(table)].map(column)
  const rows = (of: string): string =>
    `INSERT OR IGNORE INTO ${side} (id, scope, ${columns.join(', ')}) SELECT ${[`${of}.id`, 'value', ...columns.map((c) => `${of}.${c}`)].join(', ')} FROM`
  const trigger = (what: (typeof TRIGGERS)[number], when: string, body: string): string =>
    `CREATE TRIGGER IF NOT EXISTS ${quoted(`${scopeTable(table)} ${what}`)} AFTER ${when} BEGIN ${body}; END`
  const other = columns.filter((c) => c !== columnOf('tenant'))
  const changed = other.map((c) => `old.${c} IS NOT new.${c}`).join(' OR ')
  const moved = other.length
    ? [
        trigger(
          'moved',
          `UPDATE OF ${other.join(', ')} ON ${main} WHEN ${changed}`,
          `UPDATE ${side} SET ${other.map((c) => `${c} = new.${c}`).join(', ')} WHERE id = new.id`,
        ),
      ]
    : []
  return [
    `CREATE TABLE ${side} (id TEXT, scope TEXT, ${columns.join(', ')}, PRIMARY KEY (id, scope)) WITHOUT ROWID`,
    ...scoped(table).map(
      (index) =>
        `CREATE INDEX ${scopeIndex(table, index)} ON ${side} (${['tenant', ...index, 'id'].map(column).join(', ')})`,
    ),
    `${rows('t')} ${main} AS t, json_each(t.scopes)`,
    trigger('made', `INSERT ON ${main}`, `${rows('new')} json_each(new.scopes)`),
    trigger(
      'changed',
      `UPDATE OF scopes ON ${main} WHEN old.scopes IS NOT new.scopes`,
      `DELETE FROM ${side} WHERE id = old.id; ${rows('new')} json_each(new.scopes)`,
    ),
    ...moved,
    trigger('gone', `DELETE ON ${main}`, `DELETE FROM ${side} WHERE id = old.id`),
  ]
}

/** The tables of scopes that stand for a table. */
export function scopeTables(db: DatabaseSync, table: Table): readonly string[] {
  return db
    .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`)
    .all()
    .map((row) => String(row.name))
    .filter((name) => name.startsWith(`${table.name} scopes`))
}

/** Brings the tables of scopes to what is declared: made and filled where they are missing, gone where nobody asks for them. */
export function prepareScopes(db: DatabaseSync, tables: readonly Table[]): void {
  for (const table of tables) {
    const wanted = scoped(table).length > 0 ? scopeTable(table) : undefined
    for (const name of scopeTables(db, table).filter((one) => one !== wanted)) {
      for (const what of TRIGGERS) db.exec(`DROP TRIGGER IF EXISTS ${quoted(`${name} ${what}`)}`)
      db.exec(`DROP TABLE ${quoted(name)}`)
    }
    if (wanted === undefined || scopeTables(db, table).includes(wanted)) continue
    db.exec('BEGIN IMMEDIATE')
    for (const sql of scopeDefinition(table)) db.exec(sql)
    db.exec('COMMIT')
  }
}

function equal({ tenant, by }: Equality): Query {
  const entries = Object.entries(by)
  const tests = entries.map(([name, value]) => `${column(name)} ${value === null ? 'IS NULL' : '= ?'}`)
  const values = entries.flatMap(([, value]) => (value === null ? [] : [value as SQLInputValue]))
  return { sql: ['tenant = ?', ...tests].join(' AND '), values: [tenant, ...values] }
}

/** What a query says of an index that is for some documents only: the words that made it. */
function among(table: Table, declared: readonly IndexField[]): string {
  const words = declared.includes('scopes') ? '' : indexed(table, declared)
  return words ? ` AND (${words})` : ''
}

function from(table: Table, declared: readonly IndexField[]): string {
  return declared.includes('scopes')
    ? `${quoted(scopeTable(table))} INDEXED BY ${scopeIndex(table, declared)}`
    : `${quoted(table.name)} INDEXED BY ${indexName(table, declared)}`
}

/** Which documents of a table a revocation reaches. Throws TypeError for any other set of fields. */
export function reached(table: Table, by: Equality): { readonly place: string; readonly where: Query } {
  const declared = revocableIndex(table, by)
  const { sql, values } = equal(by)
  return { place: from(table, declared), where: { sql: sql + among(table, declared), values } }
}

function ranged(index: Index, after: string | undefined): Query {
  const same = equal(index)
  if (!index.range) return same
  const name = columnOf(index.range.field)
  const { from, below, past } = boundsOf(index.range, after)
  // Text sorts after every number, nothing is comparable with null: the upper bound leaves only numbers.
  const lower = past ? `(${name}, id) > (?, ?)` : `${name} >= ?`
  return {
    sql: `${same.sql} AND ${lower} AND ${name} < ?`,
    values: [...same.values, ...(past ? [past.value, past.id] : [from]), below],
  }
}

/** One page. Throws TypeError for what is not declared. */
export function pageQuery(table: Table, index: Index, { limit, after }: Page): Query {
  const declared = declaredIndex(table, index)
  const where = ranged(index, after)
  const order = index.range ? `${columnOf(index.range.field)}, id` : 'id'
  const past = index.range ? { sql: '', values: [] } : { sql: ' AND id > ?', values: [after ?? ''] }
  // From the index alone; then their rows. A scope's index leads to ids, any other straight to rows.
  const key = declared.includes('scopes') ? 'id' : 'rowid'
  const found = `SELECT ${key} AS key FROM ${from(table, declared)} WHERE ${where.sql}${among(table, declared)}${past.sql} ORDER BY ${order} LIMIT ?`
  return {
    sql: `SELECT ${selected(table, 't.')} FROM (${found}) AS found CROSS JOIN ${quoted(table.name)} AS t ON t.${key} = found.key`,
    values: [...where.values, ...past.values, limit],
  }
}

/** A count, from the index alone. */
export function countQuery(table: Table, index: Index, most: number | undefined): Query {
  const declared = declaredIndex(table, index)
  const where = ranged(index, undefined)
  const counted = `FROM ${from(table, declared)} WHERE ${where.sql}${among(table, declared)}`
  return most === undefined
    ? { sql: `SELECT count(*) AS n ${counted}`, values: where.values }
    : { sql: `SELECT count(*) AS n FROM (SELECT 1 ${counted} LIMIT ?)`, values: [...where.values, most] }
}
