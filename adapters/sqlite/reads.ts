/** What is read on the calling thread, over a read-only connection. */

import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import type { Store } from '../store.ts'
import { tableIn } from './jobs.ts'
import { countQuery, pageQuery } from './queries.ts'
import { docOf, type Row, rowOf, rowsOf, selected } from './rows.ts'
import { quoted, type Table } from './schema.ts'
import type { ReadTurn } from './turn.ts'

/** A statement of reading, whose rows are arrays: thirty names a row need not be told again for each. Each run is in the transaction of its turn. */
export interface Reading {
  row(...values: readonly SQLInputValue[]): Row | undefined
  rows(...values: readonly SQLInputValue[]): readonly Row[]
}

/** Gives the statement of a text, prepared once. */
export type PrepareReading = (sql: string) => Reading

/** The statements of a connection that only reads. */
export function readings(db: DatabaseSync, turn: ReadTurn): PrepareReading {
  const kept = new Map<string, Reading>()
  return (sql) => {
    const known = kept.get(sql)
    if (known) return known
    const statement = db.prepare(sql)
    statement.setReturnArrays(true)
    const made: Reading = {
      row(...values) {
        turn.enter()
        return rowOf(statement.get(...values))
      },
      rows(...values) {
        turn.enter()
        return rowsOf(statement.all(...values))
      },
    }
    kept.set(sql, made)
    return made
  }
}

/** The reads of documents. */
export function readsOf(deps: {
  readonly prepare: PrepareReading
  readonly tables: ReadonlyMap<string, Table>
}): Pick<Store, 'get' | 'find' | 'count' | 'scan'> {
  const { prepare, tables } = deps
  const byId = new Map<string, { readonly table: Table; readonly statement: Reading }>()

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
      const row = statement.row(id)
      return row && docOf(table, row)
    },
    async find(collection, by, page) {
      const table = tableIn(tables, collection)
      const { sql, values } = pageQuery(table, by, page)
      return prepare(sql)
        .rows(...values)
        .map((row) => docOf(table, row))
    },
    async count(collection, by, most) {
      const { sql, values } = countQuery(tableIn(tables, collection), by, most)
      return Number(prepare(sql).row(...values)?.[0])
    },
    async scan(collection, { limit, after }) {
      const table = tableIn(tables, collection)
      const sql = `SELECT ${selected(table)} FROM ${quoted(table.name)} WHERE id > ? ORDER BY id LIMIT ?`
      return prepare(sql)
        .rows(after ?? '', limit)
        .map((row) => docOf(table, row))
    },
  }
}
