/** Records what a store holds of people and protocol, and puts it back, below the store's own interface: as a restored backup would. */

import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import mongoose from 'mongoose'

/** The beginning of every history. Keys are left alone: data keys that came later are used by nobody. */
export interface Recorder {
  clear(): Promise<void>
  record(): Promise<void>
  restore(): Promise<void>
  close(): Promise<void>
}

const KEPT = ['artefacts', 'accounts']
const CLEARED = ['throttles']

/** Over a SQLite file, on a connection of its own. */
export function sqliteRecorder(file: string): Recorder {
  const db = new DatabaseSync(file)
  db.exec('PRAGMA synchronous = OFF; PRAGMA busy_timeout = 5000')
  let rows: { readonly table: string; readonly row: Record<string, SQLInputValue> }[] = []
  function wipe(tables: readonly string[]): void {
    for (const table of tables) db.exec(`DELETE FROM "${table}"`)
  }
  return {
    async clear() {
      wipe(['artefacts', ...CLEARED, 'store-outbox'])
    },
    async record() {
      rows = KEPT.flatMap((table) =>
        db
          .prepare(`SELECT * FROM "${table}"`)
          .all()
          .map((row) => ({ table, row })),
      )
    },
    async restore() {
      db.exec('BEGIN IMMEDIATE')
      wipe([...KEPT, ...CLEARED, 'store-outbox'])
      for (const { table, row } of rows) {
        const names = Object.keys(row)
        const sql = `INSERT INTO "${table}" (${names.map((n) => `"${n}"`).join(', ')}) VALUES (${names.map(() => '?').join(', ')})`
        db.prepare(sql).run(...Object.values(row))
      }
      db.exec('COMMIT')
    },
    async close() {
      db.close()
    },
  }
}

/** Over a MongoDB database, on a connection of its own. */
export async function mongoRecorder(uri: string): Promise<Recorder> {
  const connection = await mongoose.createConnection(uri).asPromise()
  const names = async (): Promise<readonly string[]> =>
    (await connection.db?.listCollections().toArray())?.map(({ name }) => name) ?? []
  const outboxes = async () => (await names()).filter((name) => name.includes('outbox'))
  let rows: { readonly name: string; readonly docs: mongoose.mongo.Document[] }[] = []
  async function wipe(collections: readonly string[]): Promise<void> {
    for (const name of collections) await connection.collection(name).deleteMany({})
  }
  return {
    async clear() {
      await wipe(['artefacts', ...CLEARED, ...(await outboxes())])
    },
    async record() {
      rows = await Promise.all(
        KEPT.map(async (name) => ({ name, docs: await connection.collection(name).find({}).toArray() })),
      )
    },
    async restore() {
      await wipe([...KEPT, ...CLEARED, ...(await outboxes())])
      for (const { name, docs } of rows) if (docs.length > 0) await connection.collection(name).insertMany(docs)
    },
    close: () => connection.close(),
  }
}
