/** Files of the embedded store that an older Mintmark wrote: they are brought forward when they are opened, and nothing is lost. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { event, fresh, lawThings, read, thing, unit } from '../../adapters/laws/world.ts'
import { openSqliteStore } from '../../adapters/sqlite/index.ts'
import { COLUMNS, KEPT_BY_STORE, tableOf } from '../../adapters/sqlite/schema.ts'
import type { Equality, NewDoc, OutboxEvent } from '../../adapters/store.ts'

/** As version 1 of the schema was: rows in the order of their ids, every document in every index, a row an event. */
function older(file: string, docs: readonly NewDoc[], told: readonly OutboxEvent[]): void {
  const db = new DatabaseSync(file)
  const { columns } = tableOf(lawThings)
  db.exec(`
    CREATE TABLE "store-meta" (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE "store-outbox" (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, type TEXT, tenant TEXT, at INTEGER, dk TEXT, body BLOB);
    CREATE TABLE "law-things" ("id" TEXT PRIMARY KEY, ${columns.slice(1).join(', ')}) WITHOUT ROWID;
    CREATE INDEX "law-things by family" ON "law-things" ("tenant", "family", id);
    INSERT INTO "store-meta" VALUES ('version', 1), ('minReader', 1);
  `)
  const insert = db.prepare(`INSERT INTO "law-things" VALUES (${columns.map(() => '?').join(', ')})`)
  for (const doc of docs) {
    const clear = COLUMNS.map((column) => (column === 'scopes' ? JSON.stringify(doc.scopes) : doc[column]))
    const kept = KEPT_BY_STORE.map((name) => (name === 'rev' ? 3 : name === 'cid' ? 'c' : null))
    const fields = Object.keys(lawThings.fields).map((name) => doc.fields[name] ?? null)
    insert.run(...([...clear, ...kept, ...fields] as SQLInputValue[]))
  }
  const note = db.prepare('INSERT INTO "store-outbox" (id, type, tenant, at, dk, body) VALUES (?, ?, ?, ?, ?, ?)')
  for (const { id, type, tenant, at, dk, body } of told) note.run(id, type, tenant, at, dk, body)
  db.close()
}

describe('a file of the embedded store that an older Mintmark wrote', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-older-'))
  after(() => rmSync(folder, { recursive: true }))

  it('keeps its documents and events, in their order, and takes new ones', async () => {
    const file = join(folder, `${fresh()}.db`)
    const docs = Array.from({ length: 30 }, (_, n) =>
      thing('t', {
        family: n % 2 ? 'f' : null,
        scopes: ['a', `s${n}`],
        body: new Uint8Array([n]),
        fields: { uses: n },
      }),
    )
    const told = Array.from({ length: 5 }, () => event('t'))
    older(file, docs, told)
    for (let time = 0; time < 2; time++) {
      const store = await openSqliteStore({ file, collections: [lawThings] })
      for (const doc of docs)
        assert.deepEqual(await read(store, doc.id), {
          ...doc,
          rev: 3,
          cid: 'c',
          revokedAt: null,
          fields: { head: null, predecessor: null, uses: null, weight: null, blob: null, ...doc.fields },
        })
      const pending = await store.pending(100)
      assert.deepEqual(
        pending.map(({ id }) => id),
        told.map(({ id }) => id),
      )
      const found = (by: Equality['by']) => store.find(lawThings.name, { tenant: 't', by }, { limit: 100 })
      assert.equal((await found({ family: 'f' })).length, 15)
      assert.equal((await found({ scopes: 's7', state: 'live' })).length, 1)
      const next = unit({ inserts: [{ collection: lawThings.name, doc: thing('t') }], events: [event('t')] })
      await store.commit(next)
      assert.equal((await store.pending(100)).at(-1)?.id, next.events[0]?.id, 'new events come after them')
      await store.settle(next.events.map(({ id }) => id))
      await store.close()
    }
  })

  it('keeps rows in the order in which they come, and no index that was replaced', async () => {
    const file = join(folder, `${fresh()}.db`)
    older(file, [thing('t')], [])
    await (await openSqliteStore({ file, collections: [lawThings] })).close()
    const db = new DatabaseSync(file)
    const sql = db
      .prepare(`SELECT sql FROM sqlite_schema WHERE tbl_name IN ('law-things', 'store-outbox')`)
      .all()
      .map((row) => String(row.sql))
      .join('\n')
    db.close()
    assert.doesNotMatch(sql, /WITHOUT ROWID|AUTOINCREMENT|"law-things by family" /)
    assert.match(sql, /"law-things by family if any"/)
  })
})
