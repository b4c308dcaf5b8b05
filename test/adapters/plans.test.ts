/** What the databases say that they do: every query of a declared index is a search in it, in its order, and nothing is sorted. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import mongoose from 'mongoose'
import { lawThings, thing, unit } from '../../adapters/laws/world.ts'
import { openMongoStore } from '../../adapters/mongo/index.ts'
import { tableOf as mongoTableOf, pageFilters } from '../../adapters/mongo/schema.ts'
import { openSqliteStore } from '../../adapters/sqlite/index.ts'
import { countQuery, pageQuery, type Query } from '../../adapters/sqlite/queries.ts'
import { tableOf } from '../../adapters/sqlite/schema.ts'
import type { Index } from '../../adapters/store.ts'
import { skip } from '../../scripts/test/skip.ts'
import { freshMongoUri } from '../support/mongo.ts'

const tenant = 't'
const range = { field: 'exp', from: 1, below: 9 } as const
const cases: readonly { readonly what: string; readonly index: Index; readonly by: string; readonly after?: string }[] =
  [
    {
      what: 'equality',
      index: { tenant, by: { client: 'c', state: 'live' } },
      by: 'law-things by client state if any',
    },
    {
      what: 'a range',
      index: { tenant, by: { client: 'c', state: 'live' }, range },
      by: 'law-things by client state exp if any',
    },
    {
      what: 'a range, further on',
      index: { tenant, by: { client: 'c', state: 'live' }, range },
      by: 'law-things by client state exp if any',
      after: '3 abc',
    },
    {
      what: 'no value',
      index: { tenant, by: { client: 'c', state: 'live', exp: null } },
      by: 'law-things by client state exp if any',
    },
    {
      what: 'a declared field',
      index: { tenant, by: { client: 'c' }, range: { field: 'fields.weight', from: 0 } },
      by: 'law-things by client fields.weight if any',
    },
    {
      what: 'some kinds',
      index: { tenant, by: { kind: 'law-else' }, range: { field: 'lastUse', below: 9 } },
      by: 'law-things by kind lastUse of law-listed law-else',
    },
    {
      what: 'a scope',
      index: { tenant, by: { scopes: 's', state: 'live' } },
      by: 'law-things scopes exp state by scopes state',
    },
    {
      what: 'a scope with a range',
      index: { tenant, by: { scopes: 's' }, range },
      by: 'law-things scopes exp state by scopes exp',
      after: '3 abc',
    },
  ]

describe("the embedded store's plans", () => {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-plans-'))
  const file = join(folder, 'x.db')
  const table = tableOf(lawThings)
  let db: DatabaseSync
  before(async () => {
    await (await openSqliteStore({ file, collections: [lawThings] })).close()
    db = new DatabaseSync(file, { readOnly: true })
  })
  after(() => {
    db.close()
    rmSync(folder, { recursive: true })
  })

  const plan = ({ sql, values }: Query): string =>
    db
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all(...values)
      .map((row) => String(row.detail))
      .join('\n')

  for (const { what, index, by, after } of cases) {
    it(`search a covering index for ${what}, and sort nothing`, () => {
      const pages = plan(pageQuery(table, index, { limit: 10, ...(after === undefined ? {} : { after }) }))
      assert.ok(pages.includes(`USING COVERING INDEX ${by} (tenant=?`), pages)
      assert.match(
        pages,
        /SEARCH t USING (INTEGER PRIMARY KEY \(rowid=\?\)|INDEX sqlite_autoindex_law-things_1 \(id=\?\))/,
      )
      for (const most of [undefined, 5]) {
        const count = plan(countQuery(table, index, most))
        assert.ok(count.includes(`SEARCH law-things`) && count.includes(`USING COVERING INDEX ${by} (tenant=?`), count)
        assert.doesNotMatch(`${pages}\n${count}`, /TEMP B-TREE|SCAN law/)
      }
    })
  }

  it('keep the scopes of documents that stood before the index was declared, and drop what nobody declares', async () => {
    const old = join(folder, 'old.db')
    const bare = { ...lawThings, indexes: [['kind'] as const], only: {} }
    const doc = thing(tenant, { scopes: ['a', 'b'], exp: 5 })
    const before = await openSqliteStore({ file: old, collections: [bare] })
    await before.commit(unit({ inserts: [{ collection: lawThings.name, doc }] }))
    await before.close()
    for (const indexes of [lawThings.indexes, [['scopes', 'exp'] as const]]) {
      const store = await openSqliteStore({ file: old, collections: [{ ...lawThings, indexes, only: {} }] })
      const found = await store.find(
        lawThings.name,
        { tenant, by: { scopes: 'b' }, range: { field: 'exp' } },
        { limit: 5 },
      )
      assert.deepEqual([found.length, found[0]?.id], [1, doc.id])
      await store.close()
    }
    await (await openSqliteStore({ file: old, collections: [bare] })).close()
    const left = new DatabaseSync(old)
    assert.deepEqual(left.prepare(`SELECT name FROM sqlite_schema WHERE name LIKE '%scopes%'`).all(), [])
    left.close()
  })
})

describe("MongoDB's plans", () => {
  it('name the index and sort nothing', async function () {
    const uri = await freshMongoUri()
    const store = await openMongoStore({ uri, collections: [lawThings] })
    const connection = await mongoose.createConnection(uri).asPromise()
    try {
      const status: Record<string, unknown> = await connection
        .getClient()
        .db()
        .command({ serverStatus: 1 })
        .catch(() => ({}))
      if (!status.storageEngine) skip(this, 'only an emulator was found, and its plans say nothing about a server')
      const table = mongoTableOf(connection, lawThings)
      for (const { what, index, after } of cases) {
        const { filters, sort } = pageFilters(table, index, after)
        for (const filter of filters) {
          const text = JSON.stringify(
            await connection.collection(lawThings.name).find(filter).sort(sort).limit(5).explain(),
          )
          assert.match(text, /"stage":"IXSCAN"/, what)
          assert.doesNotMatch(text, /"stage":"(COLLSCAN|SORT)"/, what)
        }
      }
    } finally {
      await connection.close()
      await store.close()
    }
  })
})
