/** What is read on the calling thread, over a read-only connection. */

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Store } from '../store.ts'
import { tableIn } from './jobs.ts'
import { countQuery, pageQuery } from './queries.ts'
import { docOf, rowOf, rowsOf, selected } from './rows.ts'
import { quoted, type Table } from './schema.ts'

/** Statements that give their rows as arrays, by their text: thirty names a row need not be told again for each. */
export function rowStatements(db: DatabaseSync): (sql: string) => StatementSync {
  const kept = new Map<string, StatementSync>()
  return (sql) => {
    const known = kept.get(sql)
    if (known) return known
    const made = db.prepare(sql)
    made.setReturnArrays(true)
    kept.set(sql, made)
    return made
  }
}

/** The reads of documents. */
export function readsOf(deps: {
  readonly prepare: (sql: string) => StatementSync
  readonly tables: ReadonlyMap<string, Table>
}): Pick<Store, 'get' | 'find' | 'count' | 'scan'> {
  const { prepare, tables } = deps
  const byId = new Map<string, { readonly table: Table; readonly statement: StatementSync }>()

  function reading(collection: string) {
    const known = byId.get(collection)
    if (known) return known
    const table = tableIn(tables, collection)
    const made = { table, statement: prepare(`SELECT ${selected(table)} FROM ${quoted(table.name)} WHERE id = ?`) }
    byId.set(collection, made)
    return made
  }

  return {
    async get(collection, id) {
      const { table, statement } = reading(collection)
      const row = rowOf(statement.get(id))
      return row && docOf(table, row)
    },
    async find(collection, by, page) {
      const table = tableIn(tables, collection)
      const { sql, values } = pageQuery(table, by, page)
      return rowsOf(prepare(sql).all(...values)).map((row) => docOf(table, row))
    },
    async count(collection, by, most) {
      const { sql, values } = countQuery(tableIn(tables, collection), by, most)
      return Number(rowOf(prepare(sql).get(...values))?.[0])
    },
    async scan(collection, { limit, after }) {
      const table = tableIn(tables, collection)
      const sql = `SELECT ${selected(table)} FROM ${quoted(table.name)} WHERE id > ? ORDER BY id LIMIT ?`
      return rowsOf(prepare(sql).all(after ?? '', limit)).map((row) => docOf(table, row))
    },
  }
}
