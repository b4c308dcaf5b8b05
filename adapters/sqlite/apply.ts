/** Applies one unit inside the open transaction: burns first, then a savepoint for the rest (DESIGN rule 2). */

import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { Conflict, type Decider, type Insert, type Revocation, type Update, type Writes } from '../store.ts'
import { byIndex } from './queries.ts'
import { assignments, increments, insertColumns, insertValues, type Part, quoted, type Table, tests } from './schema.ts'

/** Statements prepared once and kept, by their text. */
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

type Prepare = (sql: string) => StatementSync

/** How many commit ids are kept: several seconds of the fastest load that was measured. */
const RECENT_MAX = 100_000

function shapeOf({ burns, inserts, updates, decider, revocations, cleanups, events }: Writes): string {
  return (
    [burns, inserts, updates, revocations, cleanups, events].map((writes) => writes.length).join('/') +
    (decider ? `/${decider.id}` : '')
  )
}

/** One unit's way into the database. */
export class Application {
  readonly #prepare: Prepare
  readonly #tables: ReadonlyMap<string, Table>
  // An answer is lost here only while the process lives, so memory is enough to know a repeat as a whole: its cleanups and
  // settled events too. The commit ids in the rows know it after a restart.
  readonly #recent = new Map<string, string>()
  readonly #applied = new Map<string, string>()

  constructor(prepare: Prepare, tables: ReadonlyMap<string, Table>) {
    this.#prepare = prepare
    this.#tables = tables
  }

  /**
   * Burns, then everything else under a savepoint. Throws Conflict, or whatever the database threw; burns stand then.
   * TypeError when a commit id comes back with other writes: taking that for a repeat would lose them without a word.
   */
  apply(unit: Writes): void {
    const shape = shapeOf(unit)
    const known = this.#recent.get(unit.cid) ?? this.#applied.get(unit.cid)
    if (known === shape) return
    if (known !== undefined) throw new TypeError('a commit id was used for two different units')
    for (const { collection, doc } of unit.burns) {
      if (
        !this.#add(this.#table(collection), doc, unit, 'OR IGNORE') &&
        this.#row(collection, doc.id, 'request') !== unit.request
      ) {
        throw new Conflict('burn', collection, doc.id)
      }
    }
    this.#prepare('SAVEPOINT unit').run()
    try {
      for (const insert of unit.inserts) this.#insert(insert, unit)
      for (const update of unit.updates) this.#update(update, unit)
      if (unit.decider) this.#decide(unit.decider, unit)
      for (const revocation of unit.revocations) this.#revoke(revocation)
      for (const { collection, id } of unit.cleanups)
        this.#prepare(`DELETE FROM ${quoted(this.#table(collection).name)} WHERE id = ?`).run(id)
      this.#note(unit)
    } catch (cause) {
      this.#prepare('ROLLBACK TO unit').run()
      throw cause
    } finally {
      this.#prepare('RELEASE unit').run()
    }
    this.#applied.set(unit.cid, shape)
  }

  /** Says that the transaction stands: from now on its units are known when they are repeated. */
  committed(): void {
    for (const [cid, shape] of this.#applied) this.#recent.set(cid, shape)
    this.#applied.clear()
    for (const cid of this.#recent.keys()) {
      if (this.#recent.size <= RECENT_MAX) break
      this.#recent.delete(cid)
    }
  }

  /** Says that the transaction is gone, and all of its units with it. */
  undone(): void {
    this.#applied.clear()
  }

  #table(name: string): Table {
    const table = this.#tables.get(name)
    if (!table) throw new TypeError(`no collection ${name} is declared`)
    return table
  }

  #row(collection: string, id: string, column: 'request' | 'cid' | 'updatedBy' | 'decidedBy'): unknown {
    return this.#prepare(`SELECT ${quoted(column)} AS value FROM ${quoted(collection)} WHERE id = ?`).get(id)?.value
  }

  #add(table: Table, doc: Insert['doc'], unit: Writes, or: string): boolean {
    const columns = insertColumns(table)
    const sql = `INSERT ${or} INTO ${quoted(table.name)} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`
    return this.#prepare(sql).run(...insertValues(table, doc, unit.cid, unit.request)).changes === 1
  }

  #insert({ collection, doc }: Insert, unit: Writes): void {
    if (this.#add(this.#table(collection), doc, unit, 'OR IGNORE')) return
    if (this.#row(collection, doc.id, 'cid') !== unit.cid) throw new Conflict('insert', collection, doc.id)
  }

  #write(table: Table, id: string, set: readonly Part[], when: readonly Part[]): boolean {
    const sets = [...set.map((p) => p.sql), 'rev = rev + 1'].join(', ')
    const wheres = ['id = ?', ...when.map((p) => p.sql)].join(' AND ')
    const values: SQLInputValue[] = [...set.map((p) => p.value), id, ...when.map((p) => p.value)]
    return this.#prepare(`UPDATE ${quoted(table.name)} SET ${sets} WHERE ${wheres}`).run(...values).changes === 1
  }

  #update({ collection, id, rev, set }: Update, unit: Writes): void {
    const table = this.#table(collection)
    const by = { sql: '"updatedBy" = ?', value: unit.cid }
    if (this.#write(table, id, [...assignments(table, set), by], [{ sql: 'rev = ?', value: rev }])) return
    if (this.#row(collection, id, 'updatedBy') !== unit.cid) throw new Conflict('update', collection, id)
  }

  #decide({ collection, id, if: condition, set, increment }: Decider, unit: Writes): void {
    const table = this.#table(collection)
    const sets = [
      ...assignments(table, set),
      ...increments(table, increment ?? {}),
      { sql: '"decidedBy" = ?', value: unit.cid },
    ]
    const fresh = { sql: '"decidedBy" IS NOT ?', value: unit.cid }
    if (this.#write(table, id, sets, [fresh, ...tests(table, condition)])) return
    if (this.#row(collection, id, 'decidedBy') !== unit.cid) throw new Conflict('decider', collection, id)
  }

  #revoke({ collection, target, at, purgeAt, mark }: Revocation): void {
    const table = this.#table(collection)
    const where = 'id' in target ? { sql: 'id = ?', values: [target.id] } : byIndex(table, target.by)
    if (mark !== undefined) {
      const marking = `UPDATE ${quoted(table.name)} SET state = ?, rev = rev + 1 WHERE ${where.sql} AND "revokedAt" IS NULL AND state <> ?`
      this.#prepare(marking).run(mark, ...where.values, mark)
      return
    }
    const sql = `UPDATE ${quoted(table.name)} SET state = 'revoked', "revokedAt" = ?, "purgeAt" = COALESCE(?, "purgeAt"), rev = rev + 1 WHERE ${where.sql} AND "revokedAt" IS NULL`
    this.#prepare(sql).run(at, purgeAt ?? null, ...where.values)
  }

  #note(unit: Writes): void {
    const sql = 'INSERT OR IGNORE INTO "store-outbox" (id, type, tenant, at, dk, body) VALUES (?, ?, ?, ?, ?, ?)'
    for (const { id, type, tenant, at, dk, body } of unit.events) this.#prepare(sql).run(id, type, tenant, at, dk, body)
  }
}
