/**
 * The embedded store: SQLite through `node:sqlite`, WAL, synchronous=FULL, one writer thread with group commit.
 * Reads run on the calling thread over a read-only connection. One process at a time: a second one is refused.
 */

import { chmodSync, closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { type Collection, type Index, type Page, SCHEMA, type Store, StoreUnusable } from '../store.ts'
import { byIndex, statements } from './apply.ts'
import { definition, docOf, eventOf, OWN_TABLES, quoted, type Table, tableOf } from './schema.ts'
import { startWriter, type Writer } from './thread.ts'

const MAGIC = 'SQLite format 3\0'

function refuseForeign(file: string): void {
  const stats = statSync(file, { throwIfNoEntry: false })
  if (!stats) return
  if (!stats.isFile()) throw new StoreUnusable(`${file} is not a file: the embedded store needs a path of its own`)
  if (stats.size === 0) return
  const head = Buffer.alloc(MAGIC.length)
  const handle = openSync(file, 'r')
  readSync(handle, head, 0, head.length, 0)
  closeSync(handle)
  if (head.toString('latin1') !== MAGIC) throw new StoreUnusable(`${file} is not a SQLite database`)
}

/** Holds the store for this process: a lock of the operating system's, gone when the process is. */
function lock(file: string): DatabaseSync {
  const db = new DatabaseSync(`${file}.lock`)
  try {
    db.exec('PRAGMA journal_mode = DELETE; PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
    chmodSync(`${file}.lock`, 0o600)
  } catch (cause) {
    db.close()
    throw new StoreUnusable(`${file} is in use by another Mintmark process; the CLI speaks to a running server by its socket`, { cause })
  }
  return db
}

function prepareSchema(file: string, tables: readonly Table[]): void {
  const db = new DatabaseSync(file)
  try {
    chmodSync(file, 0o600)
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    for (const sql of OWN_TABLES) db.exec(sql)
    const meta = db.prepare('SELECT value FROM "store-meta" WHERE name = ?')
    const least = meta.get('minReader')?.value
    if (typeof least === 'number' && least > SCHEMA.version) {
      throw new StoreUnusable(`${file} was written by a newer Mintmark (needs schema ${least}, this one reads ${SCHEMA.version}); start the newer one`)
    }
    for (const table of tables) {
      const existing = new Set(db.prepare(`SELECT name FROM pragma_table_info(?)`).all(table.name).map((row) => String(row.name)))
      for (const sql of definition(table, existing)) db.exec(sql)
    }
    const put = db.prepare('INSERT INTO "store-meta" (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)')
    put.run('version', SCHEMA.version)
    put.run('minReader', SCHEMA.minReader)
  } finally {
    db.close()
  }
}

interface Parts {
  readonly db: DatabaseSync
  readonly prepare: (sql: string) => StatementSync
  readonly writer: Writer
  readonly held: DatabaseSync
  readonly table: (name: string) => Table
}

function reads({ prepare, table }: Parts): Pick<Store, 'get' | 'find' | 'count' | 'pending'> {
  return {
    async get(collection, id) {
      const t = table(collection)
      const row = prepare(`SELECT * FROM ${quoted(t.name)} WHERE id = ?`).get(id)
      return row && docOf(t, row)
    },
    async find(collection, by: Index, { limit, after }: Page) {
      const t = table(collection)
      const where = byIndex(t, by)
      const rows = prepare(`SELECT * FROM ${quoted(t.name)} WHERE ${where.sql} AND id > ? ORDER BY id LIMIT ?`).all(...where.values, after ?? '', limit)
      return rows.map((row) => docOf(t, row))
    },
    async count(collection, by) {
      const where = byIndex(table(collection), by)
      return Number(prepare(`SELECT count(*) AS n FROM ${quoted(collection)} WHERE ${where.sql}`).get(...where.values)?.n)
    },
    async pending(limit) {
      return prepare('SELECT * FROM "store-outbox" ORDER BY seq LIMIT ?').all(limit).map(eventOf)
    },
  }
}

function writes({ prepare, writer, table }: Parts): Pick<Store, 'commit' | 'sweep' | 'settle' | 'lease' | 'release' | 'begin' | 'finish'> {
  return {
    commit: (unit) => writer.commit(unit),
    async sweep(collection, before, limit) {
      const name = quoted(table(collection).name)
      return writer.run(`DELETE FROM ${name} WHERE id IN (SELECT id FROM ${name} WHERE "purgeAt" < ? LIMIT ?)`, before, limit)
    },
    async settle(ids) {
      await Promise.all(ids.map((id) => writer.run('DELETE FROM "store-outbox" WHERE id = ?', id)))
    },
    async lease({ name, holder, until }, now) {
      const sql = `INSERT INTO "store-leases" (name, holder, until) VALUES (?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until WHERE holder = excluded.holder OR until <= ?`
      return (await writer.run(sql, name, holder, until, now)) === 1
    },
    async release(name, holder) {
      await writer.run('DELETE FROM "store-leases" WHERE name = ? AND holder = ?', name, holder)
    },
    async begin(key, purgeAt) {
      if ((await writer.run('INSERT OR IGNORE INTO "store-idempotency" (key, "purgeAt") VALUES (?, ?)', key, purgeAt)) === 1) return undefined
      const result = prepare('SELECT result FROM "store-idempotency" WHERE key = ?').get(key)?.result
      return result instanceof Uint8Array ? { result } : 'pending'
    },
    async finish(key, result) {
      await writer.run('UPDATE "store-idempotency" SET result = ? WHERE key = ?', result, key)
    },
  }
}

/** The embedded store, with a count of its transactions for whoever wants to see the group commit. */
export interface SqliteStore extends Store {
  readonly batches: number
}

/**
 * Opens the store in one file (created with mode 0600; its folder must exist).
 * Throws `StoreUnusable`, in words for people, when the file is not ours to use.
 */
export async function openSqliteStore(input: { readonly file: string; readonly collections: readonly Collection[] }): Promise<SqliteStore> {
  const { file } = input
  const tables = input.collections.map(tableOf)
  const byName = new Map(tables.map((t) => [t.name, t]))
  let held: DatabaseSync | undefined
  try {
    refuseForeign(file)
    held = lock(file)
    prepareSchema(file, tables)
  } catch (cause) {
    held?.close()
    if (cause instanceof StoreUnusable) throw cause
    throw new StoreUnusable(`${file} can't be opened: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
  const writer = startWriter({ file, tables })
  await writer.run('UPDATE "store-meta" SET value = value WHERE name = ?', 'version')
  const db = new DatabaseSync(file, { readOnly: true })
  for (const suffix of ['-wal', '-shm']) if (existsSync(file + suffix)) chmodSync(file + suffix, 0o600)
  const table = (name: string): Table => {
    const found = byName.get(name)
    if (!found) throw new TypeError(`no collection ${name} is declared`)
    return found
  }
  const parts: Parts = { db, prepare: statements(db), writer, held, table }
  return {
    name: 'sqlite',
    ...reads(parts),
    ...writes(parts),
    get batches() {
      return writer.batches
    },
    async ping() {
      if (writer.dead) throw writer.dead
      parts.prepare('SELECT 1').get()
      await writer.run('UPDATE "store-meta" SET value = value WHERE name = ?', 'version')
    },
    async close() {
      await writer.close()
      db.close()
      parts.held.close()
    },
  }
}
