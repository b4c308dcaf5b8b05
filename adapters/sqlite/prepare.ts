/** Brings a file to what is declared, at open: tables, columns and indexes that are new are made, those of before are moved over. */

import { DatabaseSync } from 'node:sqlite'
import { SCHEMA, StoreUnusable } from '../store.ts'
import { prepareScopes, scopeTables } from './queries.ts'
import { indexesOf, OUTBOX, OWN_TABLES, quoted, type Table, tableDefinition } from './schema.ts'

function refuseForeign(db: DatabaseSync, file: string): void {
  const names = namesOf(db, `type = 'table'`)
  if (names.length > 0 && !names.includes('store-meta'))
    throw new StoreUnusable(`${file} is a database of something else than Mintmark`)
}

function namesOf(db: DatabaseSync, where: string, ...values: readonly string[]): readonly string[] {
  return db
    .prepare(`SELECT name FROM sqlite_schema WHERE ${where}`)
    .all(...values)
    .map((row) => String(row.name))
}

function columnsOf(db: DatabaseSync, name: string): readonly string[] {
  return db
    .prepare('SELECT name FROM pragma_table_info(?)')
    .all(name)
    .map((row) => quoted(String(row.name)))
}

function atomically(db: DatabaseSync, work: () => void): void {
  db.exec('BEGIN IMMEDIATE')
  try {
    work()
    db.exec('COMMIT')
  } catch (cause) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw cause
  }
}

/** Copies a table into a new one that takes its name: its rows, and no index and no trigger. */
function moved(db: DatabaseSync, name: string, definition: string): void {
  const next = quoted(`${name} next`)
  const columns = columnsOf(db, name)
  db.exec(definition)
  const kept = columnsOf(db, `${name} next`).filter((column) => columns.includes(column))
  db.exec(`INSERT INTO ${next} (${kept.join(', ')}) SELECT ${kept.join(', ')} FROM ${quoted(name)}`)
  db.exec(`DROP TABLE ${quoted(name)}`)
  db.exec(`ALTER TABLE ${next} RENAME TO ${quoted(name)}`)
}

function sqlOf(db: DatabaseSync, name: string): string | undefined {
  const sql = db.prepare(`SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?`).get(name)?.sql
  return typeof sql === 'string' ? sql : undefined
}

function prepareOutbox(db: DatabaseSync): void {
  const standing = sqlOf(db, 'store-outbox')
  if (standing === undefined) db.exec(OUTBOX)
  else if (standing !== OUTBOX) moved(db, 'store-outbox', OUTBOX.replace('"store-outbox"', '"store-outbox next"'))
  db.exec('CREATE UNIQUE INDEX IF NOT EXISTS "store-outbox once" ON "store-outbox" (id) WHERE once = 1')
}

function prepareTable(db: DatabaseSync, table: Table): void {
  const standing = sqlOf(db, table.name)
  if (standing === undefined) db.exec(tableDefinition(table))
  else if (standing.endsWith('WITHOUT ROWID')) {
    // The tables of scopes hang on triggers, which go with the table: they are made anew.
    for (const name of scopeTables(db, table)) db.exec(`DROP TABLE ${quoted(name)}`)
    moved(db, table.name, tableDefinition(table, `${table.name} next`))
  }
  const existing = columnsOf(db, table.name)
  for (const column of table.columns.filter((one) => !existing.includes(one)))
    db.exec(`ALTER TABLE ${quoted(table.name)} ADD COLUMN ${column}`)
  const wanted = indexesOf(table)
  for (const [name, made] of wanted) db.exec(`CREATE INDEX IF NOT EXISTS ${name} ${made}`)
  const made = namesOf(db, `type = 'index' AND tbl_name = ? AND sql IS NOT NULL`, table.name).map(quoted)
  for (const name of made.filter((one) => !wanted.has(one))) db.exec(`DROP INDEX ${name}`)
}

/** Throws `StoreUnusable` for a file of something else, or of a newer Mintmark. */
export function prepareSchema(file: string, tables: readonly Table[]): void {
  const db = new DatabaseSync(file)
  try {
    refuseForeign(db, file)
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON')
    for (const sql of OWN_TABLES) db.exec(sql)
    const least = db.prepare('SELECT value FROM "store-meta" WHERE name = ?').get('minReader')?.value
    if (typeof least === 'number' && least > SCHEMA.version) {
      throw new StoreUnusable(
        `${file} was written by a newer Mintmark (needs schema ${least}, this one reads ${SCHEMA.version}); start the newer one`,
      )
    }
    atomically(db, () => prepareOutbox(db))
    for (const table of tables) atomically(db, () => prepareTable(db, table))
    prepareScopes(db, tables)
    const put = db.prepare(
      'INSERT INTO "store-meta" (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value < excluded.value',
    )
    put.run('version', SCHEMA.version)
    put.run('minReader', SCHEMA.minReader)
  } finally {
    db.close()
  }
}
