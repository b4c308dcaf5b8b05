/** The MongoDB store when answers are lost, rivals come in between, and documents go while they carry events. */

import assert from 'node:assert/strict'
import mongoose from 'mongoose'
import { openMongoStore } from '../../adapters/mongo/index.ts'
import type { Decider, NewDoc, OutboxEvent, Store, Writes } from '../../adapters/store.ts'
import { freshMongoUri } from '../support/mongo.ts'

const THINGS = 'law-things'
const NOW = 1_700_000_000
let last = 0
const word = (): string => `w${last++}`

function thing(more: Partial<NewDoc> = {}): NewDoc {
  const nobody = { family: null, grant: null, account: null, owner: null, client: null, session: null, api: null }
  const times = { iat: NOW, exp: null, purgeAt: null, lastUse: null }
  const fixed = { tenant: 't', kind: 'law', v: 1, hk: 'h', dk: 'd', scopes: [], state: 'live', fields: {}, body: null }
  return { id: word(), ...nobody, ...times, ...fixed, ...more }
}

function unit(more: Partial<Writes> = {}): Writes {
  const empty = { burns: [], inserts: [], updates: [], revocations: [], cleanups: [], events: [] }
  return { cid: word(), request: word(), ...empty, ...more }
}

const event = (): OutboxEvent => ({ id: word(), type: 'x', tenant: 't', at: NOW, dk: 'd', body: new Uint8Array([1]) })
const insert = (doc = thing()) => ({ collection: THINGS, doc })

/** Wins as often as it is asked, unless it is a repeat. */
function count(id: string): Decider {
  return { collection: THINGS, id, if: { revokedAt: null }, set: {}, increment: { uses: 1 } }
}

describe('the MongoDB store under faults', () => {
  let store: Store
  let raw: mongoose.Connection
  /** Called before or after a write of the store's; what it throws the store sees. */
  let before: (method: string) => Promise<void> | void
  let after: (method: string) => Promise<void> | void

  beforeEach(async () => {
    before = after = () => {}
    const uri = await freshMongoUri()
    raw = await mongoose.createConnection(uri).asPromise()
    store = await openMongoStore({
      uri,
      collections: [],
      seam(tables) {
        for (const { model } of tables.values()) {
          for (const method of ['insertOne', 'insertMany', 'updateOne', 'updateMany', 'deleteOne', 'deleteMany']) {
            const real: (...args: readonly unknown[]) => unknown = Reflect.get(model.collection, method).bind(
              model.collection,
            )
            Reflect.set(model.collection, method, async (...args: readonly unknown[]) => {
              await before(method)
              const answer = await real(...args)
              await after(method)
              return answer
            })
          }
        }
      },
    })
  })
  afterEach(async () => {
    await store.close()
    await raw.close()
  })

  const uses = async (id: string): Promise<unknown> => (await store.get(THINGS, id))?.fields.uses
  const pending = async (): Promise<readonly string[]> => (await store.pending(100)).map((e) => e.id)
  const kept = (id: string) => raw.collection<{ _id: string }>(THINGS).findOne({ _id: id })

  async function stored(more: Partial<NewDoc> = {}): Promise<string> {
    const doc = thing(more)
    await store.commit(unit({ inserts: [insert(doc)] }))
    return doc.id
  }

  it("keeps a decided unit's inserts when the decider's answer is lost, and a repeat is no second commit", async () => {
    const id = await stored({ fields: { uses: 0 } })
    const won = unit({ inserts: [insert(), insert()], decider: count(id), events: [event()] })
    after = (method) => {
      if (method === 'updateOne') throw new Error('the answer is lost')
    }
    await assert.rejects(store.commit(won), /the answer is lost/)
    for (const { doc } of won.inserts) assert.ok(await store.get(THINGS, doc.id), 'what was decided stays')
    after = () => {}
    await store.commit(won)
    assert.deepEqual([await uses(id), await pending()], [1, won.events.map((e) => e.id)])
  })

  it('knows its own commit after rivals have decided in between', async () => {
    const id = await stored({ fields: { uses: 0 } })
    const updated = await stored()
    const update = { collection: THINGS, id: updated, rev: 1, set: { lastUse: NOW } }
    const mine = unit({ inserts: [insert()], updates: [update], decider: count(id), events: [event()] })
    await store.commit(mine)
    for (let rival = 0; rival < 10; rival++) await store.commit(unit({ decider: count(id) }))
    await store.commit(unit({ updates: [{ ...update, rev: 2 }] }))
    await store.commit(mine)
    assert.deepEqual([await uses(id), (await pending()).length], [11, 1])
    for (const { doc } of mine.inserts) assert.ok(await store.get(THINGS, doc.id))
  })

  it('goes on with its inserts where an earlier try ended', async () => {
    const docs = Array.from({ length: 4 }, () => insert())
    const whole = unit({ inserts: docs, events: [event()] })
    await store.commit({ ...whole, inserts: docs.slice(0, 2), events: [] })
    await store.commit(whole)
    for (const { doc } of docs) assert.equal((await store.get(THINGS, doc.id))?.rev, 1)
    assert.deepEqual(
      await pending(),
      whole.events.map((e) => e.id),
    )
  })

  it('keeps no null, so that a number can be added to what was never set or was taken away', async () => {
    const id = await stored({ fields: { uses: null, head: null } })
    await store.commit(
      unit({ updates: [{ collection: THINGS, id, rev: 1, set: { lastUse: null, fields: { weight: null } } }] }),
    )
    const flat = JSON.stringify(await kept(id))
    assert.doesNotMatch(flat, /null/)
    await store.commit(unit({ decider: count(id) }))
    assert.equal(await uses(id), 1)
  })

  it('sweeps no document that came to carry events since the sweep looked', async () => {
    const id = await stored({ purgeAt: 1 })
    const told = unit({ decider: count(id), events: [event()] })
    before = async (method) => {
      if (!method.startsWith('delete')) return
      before = () => {}
      await store.commit(told)
    }
    assert.equal(await store.sweep(THINGS, 10, 10), 0)
    assert.deepEqual(
      await pending(),
      told.events.map((e) => e.id),
    )
    await store.settle(told.events.map((e) => e.id))
    assert.equal(await store.sweep(THINGS, 10, 10), 1)
  })

  it('cleans up a document that carries events: nobody can decide it any more, and the events are delivered', async () => {
    const id = await stored()
    const told = unit({ decider: count(id), events: [event(), event()] })
    const ids = told.events.map((e) => e.id)
    await store.commit(told)
    await store.commit(unit({ cleanups: [{ collection: THINGS, id }] }))
    assert.equal(await kept(id), null, 'nothing is left of it')
    await assert.rejects(store.commit(unit({ decider: count(id) })), { name: 'Conflict' })
    assert.deepEqual(await pending(), ids)
    await store.settle(ids)
    assert.deepEqual(await pending(), [])
  })

  it('tells once what a repeated unit of revocations, burns or cleanups tells, before and after it is settled', async () => {
    const [revoked, gone] = [await stored(), await stored()]
    const kinds: readonly Partial<Writes>[] = [
      { revocations: [{ collection: THINGS, target: { id: revoked }, at: NOW }] },
      { revocations: [{ collection: THINGS, target: { by: { tenant: 't', by: { family: 'f' } } }, at: NOW }] },
      { burns: [insert()] },
      { cleanups: [{ collection: THINGS, id: gone }] },
    ]
    for (const kind of kinds) {
      const told = unit({ ...kind, events: [event()] })
      const ids = told.events.map((e) => e.id)
      for (let time = 0; time < 2; time++) await store.commit(told)
      assert.deepEqual(await pending(), ids)
      await store.settle(ids)
      await store.commit(told)
      assert.deepEqual(await pending(), [], `${Object.keys(kind)}: settled is settled`)
    }
  })

  it('loses no event of a revocation that a crash cuts in two', async () => {
    await stored({ family: 'f' })
    const byIndex = { collection: THINGS, target: { by: { tenant: 't', by: { family: 'f' } } }, at: NOW }
    const other = { collection: THINGS, target: { id: await stored() }, at: NOW }
    for (const revocations of [[byIndex], [byIndex, other]]) {
      const told = unit({ revocations, events: [event()] })
      after = (method) => {
        if (method === 'updateMany') throw new Error('the process ends')
      }
      await assert.rejects(store.commit(told), /the process ends/)
      after = () => {}
      assert.deepEqual(
        await pending(),
        told.events.map((e) => e.id),
      )
      await store.settle(told.events.map((e) => e.id))
    }
  })
})
