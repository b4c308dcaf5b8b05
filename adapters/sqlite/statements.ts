/** Statements prepared once and kept: by their text, or by the columns that a write names. */

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { placesOf } from './jobs.ts'
import { quoted, type Table } from './schema.ts'

/** Statements by their text. */
export function statements(db: DatabaseSync): (sql: string) => StatementSync {
  const kept = new Map<string, StatementSync>()
  return (sql) => {
    const known = kept.get(sql)
    if (known) return known
    const made = db.prepare(sql)
    kept.set(sql, made)
    return made
  }
}

/** A statement, and how many values it takes from a packet for each set of columns. */
export interface Shaped {
  readonly statement: StatementSync
  readonly counts: readonly number[]
}

function remembered<Key>(make: (key: Key) => Shaped): (key: Key) => Shaped {
  const kept = new Map<Key, Shaped>()
  return (key) => {
    const known = kept.get(key)
    if (known) return known
    const made = make(key)
    kept.set(key, made)
    return made
  }
}

/** The writes of one table. Sums of columns are `jobs.ts`'s. */
export function writesOf(prepare: (sql: string) => StatementSync, table: Table) {
  const name = quoted(table.name)
  const columns = (sum: number): readonly string[] => placesOf(sum).map((at) => table.columns[at] ?? '')

  const inserted =
    (isBurn: boolean) =>
    (sum: number): Shaped => {
      const named = columns(sum)
      const all = [...named, '"cid"', ...(isBurn ? ['"request"'] : [])]
      const sql = `INSERT OR IGNORE INTO ${name} (${all.join(', ')}, "rev") VALUES (${all.map(() => '?').join(', ')}, 1)`
      return { statement: prepare(sql), counts: [named.length] }
    }
  const updated = (sum: number): Shaped => {
    const named = columns(sum)
    const sets = named.map((column) => `${column} = ?`).join(', ')
    const sql = `UPDATE ${name} SET ${sets}${sets ? ', ' : ''}"updatedBy" = ?, "rev" = "rev" + 1 WHERE "id" = ? AND "rev" = ?`
    return { statement: prepare(sql), counts: [named.length] }
  }
  /** Of three sums, in a word: what is set, what is added to, what is asked for. */
  const decided = (sums: string): Shaped => {
    const [set = [], added = [], asked = []] = sums.split(' ').map((sum) => columns(Number(sum)))
    const sets = [
      ...set.map((column) => `${column} = ?`),
      ...added.map((column) => `${column} = COALESCE(${column}, 0) + ?`),
      '"decidedBy" = ?',
      '"rev" = "rev" + 1',
    ]
    // IS compares null with null.
    const tests = ['"id" = ?', '"decidedBy" IS NOT ?', ...asked.map((column) => `${column} IS ?`)]
    const sql = `UPDATE ${name} SET ${sets.join(', ')} WHERE ${tests.join(' AND ')}`
    return { statement: prepare(sql), counts: [set.length, added.length, asked.length] }
  }
  return {
    name,
    collection: table.name,
    burn: remembered(inserted(true)),
    insert: remembered(inserted(false)),
    update: remembered(updated),
    decide: remembered(decided),
  }
}

export type TableWrites = ReturnType<typeof writesOf>
