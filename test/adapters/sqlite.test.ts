/** The embedded store: every law, and what is its own (one process, one file, group commit, a crash). */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fresh, lawThings, read, thing, unit } from '../../adapters/laws/world.ts'
import { lawCollections, laws } from '../../adapters/laws.ts'
import { openSqliteStore, type SqliteStore } from '../../adapters/sqlite/index.ts'
import { tableOf } from '../../adapters/sqlite/schema.ts'
import { startWriter } from '../../adapters/sqlite/thread.ts'
import { type Collection, SCHEMA, type Scalar, StoreUnusable } from '../../adapters/store.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mintmark-'))
})
after(() => rmSync(folder, { recursive: true }))

const path = (): string => join(folder, `${fresh()}.db`)
const open = (file: string, collections: readonly Collection[] = lawCollections): Promise<SqliteStore> =>
  openSqliteStore({ file, collections })
const insert = (doc = thing('t')) => unit({ inserts: [{ collection: lawThings.name, doc }] })

/** Requires that the file is refused in words that say why. */
async function isRefused(file: string, words: RegExp): Promise<void> {
  await assert.rejects(open(file), (cause: unknown) => cause instanceof StoreUnusable && words.test(cause.message))
}

describe('the embedded store obeys the laws', () => {
  let file: string
  let store: SqliteStore

  before(async () => {
    file = path()
    store = await open(file)
  })
  after(() => store.close())

  const world = {
    open: async () => store,
    reopen: async () => {
      await store.close()
      store = await open(file)
      return store
    },
  }
  for (const { name, proof } of laws) it(name, () => proof(world))
})

describe('the file of the embedded store', () => {
  it('belongs to its owner alone, with everything beside it', async () => {
    const file = path()
    const store = await open(file)
    await store.commit(insert())
    for (const suffix of ['', '-wal', '-shm', '.lock'])
      assert.equal(statSync(file + suffix).mode & 0o777, 0o600, suffix)
    await store.close()
  })

  it('is refused to a second opener, under whatever name, and free again after close', async () => {
    const file = path()
    const store = await open(file)
    await isRefused(file, /in use by another/)
    symlinkSync(file, `${file}.link`)
    await isRefused(`${file}.link`, /in use by another/)
    await store.commit(insert())
    await store.close()
    await (await open(`${file}.link`)).close()
  })

  it('is refused when it is a folder, no database, a database of something else, damaged, or in no folder', async () => {
    const taken = path()
    mkdirSync(taken)
    await isRefused(taken, /is not a file/)
    const text = path()
    writeFileSync(text, 'not a database at all')
    await isRefused(text, /is not a SQLite database/)
    const foreign = path()
    const db = new DatabaseSync(foreign)
    db.exec('CREATE TABLE cats (name)')
    db.close()
    await isRefused(foreign, /something else/)
    const damaged = path()
    writeFileSync(damaged, `SQLite format 3\0${'x'.repeat(5000)}`)
    await isRefused(damaged, /can't be opened/)
    const nowhere = join(folder, 'no-such-folder', 'x.db')
    await isRefused(nowhere, /can't be opened: ENOENT/)
    assert.equal(existsSync(join(folder, 'no-such-folder')), false)
  })
})

describe('the schema of the embedded store', () => {
  it('is refused when a newer Mintmark wrote it, and taken when this one can read it', async () => {
    const file = path()
    await (await open(file)).close()
    const set = (name: string, value: number): void => {
      const db = new DatabaseSync(file)
      db.prepare('UPDATE "store-meta" SET value = ? WHERE name = ?').run(value, name)
      db.close()
    }
    set('version', SCHEMA.version + 1)
    await (await open(file)).close()
    set('minReader', SCHEMA.version + 1)
    await isRefused(file, /newer Mintmark/)
  })

  it('gains the fields and indexes that a declaration gains', async () => {
    const file = path()
    const doc = thing('t', { fields: { head: 'a' }, owner: 'o' })
    const older = await open(file)
    await older.commit(insert(doc))
    await older.close()
    const newer = await open(file, [
      { ...lawThings, fields: { ...lawThings.fields, colour: 'new' }, indexes: [...lawThings.indexes, ['owner']] },
    ])
    const before = await read(newer, doc.id)
    assert.deepEqual([before.fields.head, before.fields.colour], ['a', null])
    const when = { fields: { colour: null } }
    await newer.commit(
      unit({ decider: { collection: lawThings.name, id: doc.id, if: when, set: { fields: { colour: 'red' } } } }),
    )
    assert.equal(
      (await newer.find(lawThings.name, { tenant: 't', by: { owner: 'o' } }, { limit: 1 }))[0]?.fields.colour,
      'red',
    )
    await newer.close()
  })

  it('forgets idempotency records that are due with any sweep', async () => {
    const store = await open(path())
    for (const [key, purgeAt] of [
      ['old', 10],
      ['young', 30],
    ] as const)
      await store.begin(key, purgeAt)
    await store.sweep(lawThings.name, 20, 10)
    assert.deepEqual([await store.begin('old', 40), await store.begin('young', 40)], [undefined, 'pending'])
    await store.close()
  })
})

describe('the writer of the embedded store', () => {
  it('commits what arrives together as one transaction', async () => {
    const store = await open(path())
    const before = store.batches
    await Promise.all(Array.from({ length: 500 }, () => store.commit(insert())))
    assert.ok(store.batches - before <= 5, `${store.batches - before} transactions for 500 commits`)
    await store.close()
  })

  it('reads indexes, not tables', async () => {
    const file = path()
    await (await open(file)).close()
    const db = new DatabaseSync(file, { readOnly: true })
    const plan = (sql: string): string =>
      db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map((row) => String(row.detail))
        .join('; ')
    assert.match(
      plan(
        `SELECT * FROM "law-things" WHERE tenant = 't' AND "client" = 'c' AND "state" = 's' AND id > '' ORDER BY id LIMIT 5`,
      ),
      /^SEARCH .*by client state/,
    )
    assert.match(plan(`SELECT id FROM "law-things" WHERE "purgeAt" < 5 LIMIT 5`), /^SEARCH .*law-things purge/)
    db.close()
  })

  it("refuses what can't be handed to the thread, and takes the rest of the same moment", async () => {
    const store = await open(path())
    const head: Scalar = JSON.parse('null')
    const bad = insert(thing('t', { fields: { head } }))
    Reflect.set(bad.inserts[0]?.doc.fields ?? {}, 'head', () => undefined)
    const good = insert()
    const [first, second] = await Promise.allSettled([store.commit(bad), store.commit(good)])
    assert.ok(first.status === 'rejected' && first.reason instanceof TypeError)
    assert.equal(second.status, 'fulfilled')
    await store.close()
  })

  it('refuses a commit id that comes back with other writes', async () => {
    const store = await open(path())
    const once = insert()
    await store.commit(once)
    await assert.rejects(store.commit({ ...once, cleanups: [{ collection: lawThings.name, id: 'x' }] }), TypeError)
    await store.close()
  })
})

describe("the end of the embedded store's writer", () => {
  it('fails every commit, waiting or new, when it is gone', async () => {
    const writer = startWriter({ file: folder, tables: [tableOf(lawThings)] })
    const waiting = await Promise.allSettled([writer.commit(insert()), writer.commit(insert())])
    for (const w of waiting) assert.ok(w.status === 'rejected' && w.reason instanceof StoreUnusable)
    await assert.rejects(writer.commit(insert()), StoreUnusable)
    assert.ok(writer.dead)
  })

  it('answers what was on its way before close, and refuses what comes after', async () => {
    const file = path()
    const store = await open(file)
    const units = Array.from({ length: 50 }, () => insert())
    const all = Promise.all(units.map((u) => store.commit(u)))
    const closed = store.close()
    await all
    await closed
    await store.close()
    await assert.rejects(store.commit(insert()), StoreUnusable)
    await assert.rejects(store.ping(), StoreUnusable)
    const again = await open(file)
    assert.equal(await again.count(lawThings.name, { tenant: 't', by: { kind: 'law' } }), 50)
    await again.close()
  })
})

describe('a crash', () => {
  /** Runs the child until it has acknowledged `count` commits; gives all of them when it is dead. */
  async function killedAfter(
    child: ChildProcess,
    count: number,
    meanwhile: () => Promise<void>,
  ): Promise<readonly string[]> {
    let text = ''
    let busy = false
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', () => resolve())
      child.stdout?.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1')
        if (busy || text.split('\n').length <= count) return
        busy = true
        meanwhile()
          .catch(reject)
          .finally(() => child.kill('SIGKILL'))
      })
    })
    return text.split('\n').slice(0, -1)
  }

  it('in the middle of a load loses nothing that was acknowledged, halves nothing, and frees the file', async () => {
    const file = path()
    const tenant = fresh()
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'sqlite-child.ts'), file, tenant], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const lines = await killedAfter(child, 1500, () => isRefused(file, /in use by another/))
      assert.ok(lines.length >= 1500)
      const store = await open(file)
      const told = new Set((await store.pending(1_000_000)).map((e) => e.id))
      for (const line of lines) {
        const [doc = '', event = ''] = line.split(' ')
        assert.ok(
          (await store.get(lawThings.name, doc)) && told.has(event),
          'an acknowledged commit is there, with its event',
        )
      }
      assert.equal(
        await store.count(lawThings.name, { tenant, by: { kind: 'law' } }),
        told.size,
        'a commit is there with its event or not at all',
      )
      await store.close()
    }
  })
})
