/** What is read on the calling thread, over a read-only connection. */

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Store } from '../store.ts'
import { tableIn } from './jobs.ts'
import { countQuery, pageQuery } from './queries.ts'
import { docOf, rowOf, rowsOf, selected } from './rows.ts'
import { quoted, type Table } from './schema.ts'
import type { ReadTurn } from './turn.ts'

/** Prepares a statement of reading, or gives the one that it prepared before. */
export type StatementPrepare = (sql: string) => StatementSync

/** Statements that give their rows as arrays, by their text: thirty names a row need not be told again for each. */
export function rowStatements(db: DatabaseSync): StatementPrepare {
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
  readonly prepare: StatementPrepare
  readonly tables: ReadonlyMap<string, Table>
  readonly turn: ReadTurn
}): Pick<Store, 'get' | 'find' | 'count' | 'scan'> {
  const { prepare, tables, turn } = deps
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
      turn.enter()
      const row = rowOf(statement.get(id))
      return row && docOf(table, row)
    },
    async find(collection, by, page) {
      const table = tableIn(tables, collection)
      const { sql, values } = pageQuery(table, by, page)
      turn.enter()
      return rowsOf(prepare(sql).all(...values)).map((row) => docOf(table, row))
    },
    async count(collection, by, most) {
      const { sql, values } = countQuery(tableIn(tables, collection), by, most)
      turn.enter()
      return Number(rowOf(prepare(sql).get(...values))?.[0])
    },
    async scan(collection, { limit, after }) {
      const table = tableIn(tables, collection)
      const sql = `SELECT ${selected(table)} FROM ${quoted(table.name)} WHERE id > ? ORDER BY id LIMIT ?`
      turn.enter()
      return rowsOf(prepare(sql).all(after ?? '', limit)).map((row) => docOf(table, row))
    },
  }
}
