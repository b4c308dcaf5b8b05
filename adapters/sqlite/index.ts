/**
 * The embedded store: SQLite through `node:sqlite`, WAL, synchronous=FULL, one writer thread with group commit.
 * Reads run on the calling thread over a read-only connection. One process at a time: a second one is refused.
 */

import { chmodSync, closeSync, fchmodSync, openSync, readSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Collection, type Store, StoreUnusable } from '../store.ts'
import { tableIn } from './jobs.ts'
import { outboxOf, PENDING } from './outbox.ts'
import { prepareSchema } from './prepare.ts'
import { type PrepareReading, readings, readsOf } from './reads.ts'
import { quoted, type Table, tableOf } from './schema.ts'
import { startWriter, type Writer } from './thread.ts'
import { type ReadTurn, readTurns } from './turn.ts'
import { countedVersions, noVersions, touchedBy, type Versions } from './versions.ts'

const MAGIC = 'SQLite format 3\0'
const SQLITE_BUSY = 5

/** The one name of the file, so that a link to it is no second store. Throws when its folder is not there. */
function nameOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false })
  if (!stats) return join(realpathSync(dirname(file)), basename(file))
  if (!stats.isFile()) throw new StoreUnusable(`${file} is not a file: the embedded store needs a path of its own`)
  return realpathSync(file)
}

/**
 * Holds the store for this process: a lock of the operating system's, gone when the process is. It is taken before the
 * database is opened in any other way, since closing a file drops every lock that the process has on it.
 */
function lock(file: string): DatabaseSync {
  const db = new DatabaseSync(`${file}.lock`)
  try {
    db.exec('PRAGMA journal_mode = DELETE; PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
    chmodSync(`${file}.lock`, 0o600)
  } catch (cause) {
    db.close()
    const busy = cause instanceof Error && 'errcode' in cause && cause.errcode === SQLITE_BUSY
    if (!busy) throw cause
    throw new StoreUnusable(
      `${file} is in use by another Mintmark process; the CLI speaks to a running server by its socket`,
      { cause },
    )
  }
  return db
}

/** Makes the file for its owner alone (its -wal and -shm follow its mode), or refuses what is no database. */
function claimFile(file: string): void {
  const handle = openSync(file, 'a+', 0o600)
  try {
    const head = Buffer.alloc(MAGIC.length)
    const length = readSync(handle, head, 0, head.length, 0)
    if (length > 0 && head.toString('latin1') !== MAGIC) throw new StoreUnusable(`${file} is not a SQLite database`)
    fchmodSync(handle, 0o600)
  } finally {
    closeSync(handle)
  }
}

/** What no SQL reaches. */
const REMAINS = [
  'blocks that the file system gave free: of the write-ahead log, which was cut to nothing, and of the file, where it shrank',
  'snapshots of the disk or the file system, and backups and copies of the database, as old as they are',
] as const
const BUSY =
  'the write-ahead log (mintmark.db-wal): it was in use and could not be emptied; it is when the server stops, or at the next try'

/** What reads and writes are made of. */
interface Parts {
  readonly db: DatabaseSync
  readonly prepare: PrepareReading
  readonly turn: ReadTurn
  readonly versions: Versions
  readonly writer: Writer
  readonly tables: ReadonlyMap<string, Table>
}

function writes({
  prepare,
  versions,
  writer,
  tables,
}: Parts): Pick<Store, 'commit' | 'sweep' | 'lease' | 'release' | 'begin' | 'finish' | 'scrub'> {
  return {
    commit: (unit) => versions.through(touchedBy(unit), () => writer.commit(unit)),
    async scrub() {
      const busy = await writer.scrub()
      return busy ? [BUSY, ...REMAINS] : REMAINS
    },
    async sweep(collection, before, limit) {
      const name = quoted(tableIn(tables, collection).name)
      // Idempotency records have no collection of their own: they go with whatever is swept, and are not counted.
      const due = (from: string, key: string) =>
        `DELETE FROM ${from} WHERE ${key} IN (SELECT ${key} FROM ${from} WHERE "purgeAt" < ? LIMIT ?)`
      const [swept] = await versions.through([collection], () =>
        Promise.all([
          writer.run(due(name, 'rowid'), before, limit),
          writer.run(due('"store-idempotency"', 'key'), before, limit),
        ]),
      )
      return swept
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
      if (
        (await writer.run('INSERT OR IGNORE INTO "store-idempotency" (key, "purgeAt") VALUES (?, ?)', key, purgeAt)) ===
        1
      )
        return undefined
      const [result] = prepare('SELECT result FROM "store-idempotency" WHERE key = ?').row(key) ?? []
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

function refused(file: string, cause: unknown): StoreUnusable {
  if (cause instanceof StoreUnusable) return cause
  return new StoreUnusable(`${file} can't be opened: ${cause instanceof Error ? cause.message : String(cause)}`, {
    cause,
  })
}

/** Enough for the upper pages of every index at ten million documents; the rest is the system's to cache. */
const CACHE_KIB = 8 * 1024
const PROBE = 'UPDATE "store-meta" SET value = value WHERE name = ? AND 0'
const TOUCH = 'UPDATE "store-meta" SET value = value WHERE name = ?'

/** Reads and writes over a writer that runs. */
export function partsOf(input: {
  readonly file: string
  readonly tables: readonly Table[]
  readonly writer: Writer
  /** Whether no other process writes. */
  readonly isAlone: boolean
}): Parts {
  const db = new DatabaseSync(input.file, { readOnly: true, timeout: 5000 })
  db.exec(`PRAGMA cache_size = ${-CACHE_KIB}`)
  const tables = new Map(input.tables.map((table) => [table.name, table]))
  const turn = readTurns(db)
  const prepare = readings(db, turn)
  input.writer.onAnswer(turn.leave)
  return { db, prepare, turn, versions: input.isAlone ? countedVersions() : noVersions, writer: input.writer, tables }
}

async function parts(input: {
  readonly file: string
  readonly tables: readonly Table[]
  readonly socket: string | undefined
}): Promise<Parts & { readonly held: DatabaseSync }> {
  const { tables, socket } = input
  const file = nameOf(input.file)
  const held = lock(file)
  try {
    claimFile(file)
    prepareSchema(file, tables)
    const writer = startWriter({ file, tables, socket })
    // Proves that the writer writes, and writes nothing: a start that is refused must leave the file as it was.
    await writer.run(PROBE, 'version')
    return { ...partsOf({ file, tables, writer, isAlone: socket === undefined }), held }
  } catch (cause) {
    held.close()
    throw cause
  }
}

/**
 * Opens the store in one file (created with mode 0600; its folder must exist).
 * Throws `StoreUnusable`, in words for people, when the file is not ours to use.
 */
export async function openSqliteStore(input: {
  readonly file: string
  readonly collections: readonly Collection[]
  /** Where other processes of this machine reach the writer (`openSharedSqliteStore`): a path for a Unix socket. */
  readonly socket?: string | undefined
}): Promise<SqliteStore> {
  const { file, socket } = input
  const opened = await parts({ file, tables: input.collections.map(tableOf), socket }).catch((cause: unknown) => {
    throw refused(file, cause)
  })
  return storeOf(opened, () => {
    if (opened.held.isOpen) opened.held.close()
  })
}

/** The store over its parts. `closed` is called when they are. */
export function storeOf(opened: Parts, closed: () => void): SqliteStore {
  const { db, writer, prepare, turn, versions } = opened
  return {
    name: 'sqlite',
    ...(versions.version ? { version: versions.version } : {}),
    ...readsOf(opened),
    ...outboxOf({ waiting: prepare(PENDING), writer }),
    ...writes(opened),
    get batches() {
      return writer.batches
    },
    async ping() {
      if (writer.dead) throw writer.dead
      prepare('SELECT 1').row()
      await writer.run(TOUCH, 'version')
    },
    async close() {
      // The writer last: who closes last empties the log into the file, and a reader may not.
      turn.leave()
      if (db.isOpen) db.close()
      await writer.close()
      closed()
    },
  }
}
