/** The MongoDB store: every law, and what only a server of one's own choosing can get wrong. */

import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import mongoose from 'mongoose'
import { laws, type World } from '../../adapters/laws.ts'
import { openMongoStore } from '../../adapters/mongo/index.ts'
import { type Store, StoreUnusable } from '../../adapters/store.ts'
import { freshMongoUri } from '../support/mongo.ts'

describe('the MongoDB store', () => {
  let store: Store
  let uri: string
  before(async () => {
    uri = await freshMongoUri()
    store = await openMongoStore({ uri, collections: [] })
  })
  after(() => store.close())

  for (const law of laws) {
    it(`keeps the law: ${law.name}`, async () => {
      const world: World = {
        open: () => Promise.resolve(store),
        async reopen() {
          await store.close()
          store = await openMongoStore({ uri, collections: [] })
          return store
        },
      }
      await law.proof(world)
    })
  }

  it('refuses a server whose conditional updates are not atomic', async () => {
    const opening = openMongoStore({
      uri: await freshMongoUri(),
      collections: [],
      seam(tables) {
        for (const { model } of tables.values()) {
          const { collection } = model
          const atomic = collection.updateOne.bind(collection)
          // Reads, lets rivals read, then writes by id alone: what FerretDB 1.x does.
          Object.assign(collection, {
            async updateOne(filter: Record<string, unknown>, change: never) {
              const found = await collection.findOne(filter as never)
              await new Promise((next) => setImmediate(next))
              return found ? atomic({ _id: found._id } as never, change) : { matchedCount: 0 }
            },
          })
        }
      },
    })
    await assert.rejects(
      opening,
      (cause) => cause instanceof StoreUnusable && /can't run on this MongoDB-compatible server/.test(cause.message),
    )
  })

  it("says that a server can't be reached without saying its password", async () => {
    const opening = openMongoStore({
      uri: 'mongodb://mint:hush-hush-hush@127.0.0.1:1/x?serverSelectionTimeoutMS=300',
      collections: [],
    })
    await assert.rejects(opening, (cause) => cause instanceof StoreUnusable && !cause.message.includes('hush'))
  })

  it('keeps credentials out of every part of a refusal', async () => {
    for (const uri of [
      'mongodb://mint:hush-hush@[bad/x',
      'mongodb://mint:hush-hush@',
      'mongodb://mint:hush-hush@h:99999/x',
    ]) {
      const cause = await openMongoStore({ uri, collections: [] }).catch((refused: unknown) => refused)
      assert.ok(cause instanceof StoreUnusable, uri)
      assert.doesNotMatch(inspect(cause, { depth: 9, showHidden: true }), /hush/)
    }
  })

  it('drops the indexes that were for every document, and makes those that are for some', async () => {
    const older = await freshMongoUri()
    const connection = await mongoose.createConnection(older).asPromise()
    const things = connection.collection('law-things')
    await things.createIndex({ tenant: 1, family: 1, _id: 1 })
    await (await openMongoStore({ uri: older, collections: [] })).close()
    const names = (await things.indexes()).map(({ name }) => name)
    await connection.close()
    assert.ok(names.includes('by family if any') && names.includes('by kind lastUse of law-listed law-else'))
    assert.ok(!names.includes('tenant_1_family_1__id_1'))
  })

  it('refuses a database that a newer Mintmark wrote', async () => {
    const newer = await freshMongoUri()
    const connection = await mongoose.createConnection(newer).asPromise()
    await connection
      .collection<{ _id: string; minReader: number }>('store-meta')
      .insertOne({ _id: 'schema', minReader: 99 })
    await connection.close()
    await assert.rejects(openMongoStore({ uri: newer, collections: [] }), /newer Mintmark/)
  })
})
