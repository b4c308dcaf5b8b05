/** Applies one unit inside the open transaction: burns first, then the rest, all of it or nothing (DESIGN rule 2). */

import type { StatementSync } from 'node:sqlite'
import { Conflict } from '../store.ts'
import { REACH } from './jobs.ts'
import type { PacketReader } from './packet.ts'
import type { Table } from './schema.ts'
import { type TableWrites, writesOf } from './statements.ts'

/** How many commit ids are kept at least: several seconds of the fastest load that was measured. */
const RECENT_MIN = 50_000

/** A unit without a savepoint broke off after it had written: the whole transaction must be undone, and done again with savepoints. */
export class HalfDone extends Error {
  constructor(cause: unknown) {
    super('a unit broke off half way', { cause })
    this.name = 'HalfDone'
  }
}

/** What a unit has done so far. */
interface Course {
  readonly cid: string
  readonly request: string
  /** Whether documents carry its commit id, and whether they did before. */
  isMarked: boolean
  isRepeat: boolean
  wrote: number
}

/** A write that leaves the commit id in a column of its document. */
interface Marked {
  readonly kind: 'insert' | 'update' | 'decider'
  readonly column: 'cid' | 'updatedBy' | 'decidedBy'
  readonly table: TableWrites
  readonly id: string
}

/** Units' way into the database. */
export class Application {
  readonly #prepare: (sql: string) => StatementSync
  readonly #writes: readonly TableWrites[]
  // An answer is lost here only while the process lives, so memory is enough to know a repeat as a whole: its cleanups and
  // settled events too. The commit ids in the rows know it after a restart.
  // Two generations: one by one, the oldest would be looked for behind all that went before it.
  #recent = new Map<string, number>()
  #earlier: ReadonlyMap<string, number> = new Map()
  readonly #applied = new Map<string, number>()
  #seq: number

  constructor(prepare: (sql: string) => StatementSync, tables: readonly Table[]) {
    this.#prepare = prepare
    this.#writes = tables.map((table) => writesOf(prepare, table))
    this.#seq = Number(prepare('SELECT max(seq) AS seq FROM "store-outbox"').get()?.seq ?? 0)
  }

  /**
   * Burns, then everything else, under a savepoint where more than its first write could be lost, or where it is asked for. `size` is how
   * many values the unit is: TypeError when a commit id comes back with others, since taking that for a repeat would lose them without
   * a word. Throws Conflict, or whatever the database threw; burns stand then, unless it is `HalfDone`.
   */
  apply(read: PacketReader, { size, careful }: { readonly size: number; readonly careful: boolean }): void {
    const course = { cid: read.text(), request: read.text(), isMarked: false, isRepeat: false, wrote: 0 }
    const known = this.#recent.get(course.cid) ?? this.#earlier.get(course.cid) ?? this.#applied.get(course.cid)
    if (known === size) return
    if (known !== undefined) throw new TypeError('a commit id was used for two different units')
    const losable = read.number()
    for (let left = read.number(); left > 0; left--) this.#burn(read, course)
    // What may be lost comes first, and a statement is all or nothing by itself.
    if (losable <= 1 && !careful) this.#plain(read, course)
    else this.#saved(read, course)
    this.#applied.set(course.cid, size)
  }

  /** Says that the transaction stands: from now on its units are known when they are repeated. */
  committed(): void {
    for (const [cid, size] of this.#applied) this.#recent.set(cid, size)
    this.#applied.clear()
    if (this.#recent.size < RECENT_MIN) return
    this.#earlier = this.#recent
    this.#recent = new Map()
  }

  /** Says that the transaction is gone, and all of its units with it. */
  undone(): void {
    this.#applied.clear()
  }

  #plain(read: PacketReader, course: Course): void {
    try {
      this.#rest(read, course)
    } catch (cause) {
      throw course.wrote > 0 ? new HalfDone(cause) : cause
    }
  }

  #saved(read: PacketReader, course: Course): void {
    this.#prepare('SAVEPOINT unit').run()
    try {
      this.#rest(read, course)
    } catch (cause) {
      this.#prepare('ROLLBACK TO unit').run()
      throw cause
    } finally {
      this.#prepare('RELEASE unit').run()
    }
  }

  #rest(read: PacketReader, course: Course): void {
    for (let left = read.number(); left > 0; left--) this.#insert(read, course)
    for (let left = read.number(); left > 0; left--) this.#update(read, course)
    for (let left = read.number(); left > 0; left--) this.#decide(read, course)
    for (let left = read.number(); left > 0; left--) this.#revoke(read, course)
    for (let left = read.number(); left > 0; left--) this.#clean(read, course)
    for (let left = read.number(); left > 0; left--) this.#note(read, course)
  }

  #table(read: PacketReader): TableWrites {
    const found = this.#writes[read.number()]
    if (!found) throw new Error('a packet names a table that there is not')
    return found
  }

  #value(table: TableWrites, id: string, column: 'request' | 'cid' | 'updatedBy' | 'decidedBy'): unknown {
    return this.#prepare(`SELECT "${column}" AS value FROM ${table.name} WHERE id = ?`).get(id)?.value
  }

  #burn(read: PacketReader, { cid, request }: Course): void {
    const table = this.#table(read)
    const { statement, counts } = table.burn(read.number())
    const values = read.many(counts[0] ?? 0)
    if (statement.run(...values, cid, request).changes === 1) return
    const id = String(values[0])
    if (this.#value(table, id, 'request') !== request) throw new Conflict('burn', table.collection, id)
  }

  #insert(read: PacketReader, course: Course): void {
    const table = this.#table(read)
    const { statement, counts } = table.insert(read.number())
    const values = read.many(counts[0] ?? 0)
    const isNew = statement.run(...values, course.cid).changes === 1
    this.#done(course, isNew, { kind: 'insert', column: 'cid', table, id: String(values[0]) })
  }

  #update(read: PacketReader, course: Course): void {
    const [table, id, rev] = [this.#table(read), read.text(), read.number()]
    const { statement, counts } = table.update(read.number())
    const isNew = statement.run(...read.many(counts[0] ?? 0), course.cid, id, rev).changes === 1
    this.#done(course, isNew, { kind: 'update', column: 'updatedBy', table, id })
  }

  #decide(read: PacketReader, course: Course): void {
    const [table, id, { cid }] = [this.#table(read), read.text(), course]
    const { statement, counts } = table.decide(`${read.number()} ${read.number()} ${read.number()}`)
    const [set = 0, added = 0, asked = 0] = counts
    const values = read.many(set + added)
    const isNew = statement.run(...values, cid, id, cid, ...read.many(asked)).changes === 1
    this.#done(course, isNew, { kind: 'decider', column: 'decidedBy', table, id })
  }

  /** A write that is not new is this commit's own from before, or lost. */
  #done(course: Course, isNew: boolean, what: Marked): void {
    course.isMarked = true
    if (isNew) course.wrote++
    else if (this.#value(what.table, what.id, what.column) === course.cid) course.isRepeat = true
    else throw new Conflict(what.kind, what.table.collection, what.id)
  }

  #revoke(read: PacketReader, course: Course): void {
    const table = this.#table(read)
    const isOne = read.number() === REACH.id
    const place = isOne ? table.name : read.text()
    const where = isOne ? 'id = ?' : read.text()
    const reached = read.many(isOne ? 1 : read.number())
    const [at = 0, purgeAt = null, mark = null] = read.many(3)
    const live = `WHERE ${where} AND "revokedAt" IS NULL`
    if (mark !== null) {
      const marking = `UPDATE ${place} SET state = ?, rev = rev + 1 ${live} AND state <> ?`
      this.#prepare(marking).run(mark, ...reached, mark)
    } else {
      const ending = `UPDATE ${place} SET state = 'revoked', "revokedAt" = ?, "purgeAt" = COALESCE(?, "purgeAt"), rev = rev + 1 ${live}`
      this.#prepare(ending).run(at, purgeAt, ...reached)
    }
    course.wrote++
  }

  #clean(read: PacketReader, course: Course): void {
    this.#prepare(`DELETE FROM ${this.#table(read).name} WHERE id = ?`).run(read.next())
    course.wrote++
  }

  /** Events of a commit that is known by a document were told with that document. */
  #note(read: PacketReader, { isMarked, isRepeat }: Course): void {
    const values = read.many(6)
    if (isRepeat) return
    const sql =
      'INSERT OR IGNORE INTO "store-outbox" (seq, id, type, tenant, at, dk, body, once) VALUES (?, ?, ?, ?, ?, ?, ?, ?)'
    this.#prepare(sql).run(++this.#seq, ...values, isMarked ? null : 1)
  }
}
