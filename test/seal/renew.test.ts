/** Renew: everything is sealed again while the server works, nothing is lost, and the old data keys are gone. */

import assert from 'node:assert/strict'
import { type Change, Conflict, type Doc, type Store } from '../../adapters/store.ts'
import { collections } from '../../src/app.ts'
import { bound, newDoc, systemRandom as random, TENANT } from '../../src/base/index.ts'
import { createSeal, fixedMasters, Renewer, type Seal, sealKeys } from '../../src/seal/index.ts'
import { emptyUnit } from '../../src/seal/keys.ts'
import { MemoryStore } from '../adapters/memory-store.ts'
import { Browser, codeFor, isActive, redeem, refresh, text } from '../support/browser.ts'
import { Killed, killedAt } from '../support/masters.ts'
import { CANARY, furnish, HandClock, masterOf, openTestStore, openWorld, STORES, type World } from '../support/world.ts'

const masters = fixedMasters(masterOf(7))
const ROOM = 'clients'

const columnsOf = (id: string) => bound({ tenant: TENANT, kind: 'client', id })

async function all(store: Store, name: string): Promise<readonly Doc[]> {
  return store.scan(name, { limit: 100_000 })
}

/** Every data key that any document names. */
async function named(store: Store): Promise<ReadonlySet<string>> {
  const names = new Set<string>()
  for (const { name } of collections)
    for (const { dk, fields } of await all(store, name))
      for (const key of [dk, fields.receiptKey]) if (typeof key === 'string' && key) names.add(key)
  return names
}

const dataKeys = async (store: Store): Promise<readonly string[]> =>
  (await all(store, sealKeys.name)).filter(({ kind }) => kind === 'data').map(({ id }) => id)

/** Runs the renewal to its end, as the timer and time do. */
async function finished(world: World): Promise<void> {
  await world.app.envelope.resealing()
  world.clock.forward(121)
  await world.app.envelope.resealing()
}

for (const kind of STORES) {
  describe(`a renewal on ${kind}`, () => {
    it('seals everything again under traffic: no request fails, and the old keys go', async () => {
      const world = await openWorld(kind)
      try {
        const has = await furnish(world)
        const heads = await Promise.all(
          [1, 2, 3].map(async () =>
            text(await redeem(world, has.web, await codeFor(world, new Browser(world))), 'refresh_token'),
          ),
        )
        const before = await dataKeys(world.store)
        assert.deepEqual((await world.app.envelope.renew({ dryRun: true })).data_keys_to_replace, before.length)
        await world.app.envelope.renew({ dryRun: false })
        let isOver = false
        const clients = heads.map(async (_, n) => {
          while (!isOver) {
            const answer = await refresh(world, has.web, heads[n] ?? '')
            assert.equal(answer.status, 200, JSON.stringify(answer.body))
            heads[n] = text(answer, 'refresh_token')
          }
        })
        const logging = (async () => {
          while (!isOver) await world.app.relay.drain()
        })()
        await world.app.envelope.resealing()
        const half = await world.app.envelope.status()
        assert.equal((await dataKeys(world.store)).filter((id) => before.includes(id)).length, before.length, 'not yet')
        world.clock.forward(121)
        await world.app.envelope.resealing()
        isOver = true
        await Promise.all([...clients, logging])
        assert.ok(half.renewal)
        const left = new Set([...(await named(world.store))].filter((dk) => before.includes(dk)))
        assert.deepEqual([...left], [], 'no document names an old key')
        assert.deepEqual(
          (await dataKeys(world.store)).filter((id) => before.includes(id)),
          [],
          'none of them is kept',
        )
        for (const token of heads) assert.ok(await isActive(world, has.web, token))
        const signedIn = { loginName: CANARY.login, password: CANARY.password, network: 'n' }
        assert.equal((await world.app.accounts.authenticate(signedIn)).ok, true)
        assert.ok((await world.app.eventLog.latest({ type: 'token.issued', last: 5 })).length === 5, 'events open')
        const { renewal } = await world.app.envelope.status()
        assert.match(JSON.stringify(renewal), /"finished_at":"20/)
        await world.app.clients.show('web')
      } finally {
        await world.close()
      }
    })

    it('keeps the key of a receipt whose window runs, gives its answer, and lets both go later', async () => {
      const world = await openWorld(kind)
      try {
        const has = await furnish(world)
        const fapi = await redeem(world, has.web, await codeFor(world, new Browser(world)))
        const first = await refresh(world, has.web, text(fapi, 'refresh_token'))
        const [family] = (await all(world.store, 'artefacts')).filter(
          ({ fields }) => typeof fields.receiptKey === 'string',
        )
        assert.ok(family)
        // A window that outlives the passes, as a FAPI client's does.
        const set = { fields: { graceUntil: Math.floor(world.clock.now() / 1000) + 3600 } }
        const update = { collection: 'artefacts', id: family.id, rev: family.rev, set }
        await world.store.commit({ ...emptyUnit(random), updates: [update] })
        await world.app.envelope.renew({ dryRun: false })
        await world.app.relay.drain()
        await finished(world)
        const status = JSON.stringify((await world.app.envelope.status()).renewal)
        assert.match(status, /"left":1,"keys_kept":1/)
        const again = await refresh(world, has.web, text(fapi, 'refresh_token'))
        assert.equal(text(again, 'refresh_token'), text(first, 'refresh_token'), 'the receipt opens')
        world.clock.forward(25 * 3600)
        await world.app.envelope.resealing()
        assert.match(JSON.stringify((await world.app.envelope.status()).renewal), /"left":0,"keys_kept":0/)
        assert.equal((await dataKeys(world.store)).includes(String(family.fields.receiptKey)), false)
      } finally {
        await world.close()
      }
    })

    it('loses no write of others: each of many counters ends where its writers left it', async () => {
      const store = await openTestStore(kind)
      const clock = new HandClock()
      const seal = await createSeal({ store, clock, random, masters })
      const ids = Array.from({ length: 40 }, (_, n) => `counter-${n}`)
      await store.commit({
        ...emptyUnit(random),
        inserts: ids.map((id) => ({
          collection: ROOM,
          doc: newDoc(columnsOf(id), { hk: '1', ...seal.seal(columnsOf(id), Buffer.from('0')) }),
        })),
      })
      const renewer = new Renewer({ ...depsOf(store, seal, clock), collections: [ROOM] })
      await renewer.start()
      let isOver = false
      const counts = new Map<string, number>()
      const writers = Array.from({ length: 4 }, async () => {
        while (!isOver) {
          const id = ids[random.below(ids.length)] ?? ''
          const doc = await store.get(ROOM, id)
          assert.ok(doc)
          const next = Number((await seal.open(doc)).toString()) + 1
          const set: Change = seal.seal(doc, Buffer.from(String(next)))
          const lost = await store
            .commit({ ...emptyUnit(random), updates: [{ collection: ROOM, id, rev: doc.rev, set }] })
            .then(() => false)
            .catch((cause) => {
              if (!(cause instanceof Conflict)) throw cause
              return true
            })
          if (!lost) counts.set(id, (counts.get(id) ?? 0) + 1)
        }
      })
      for (let pass = 0; pass < 5; pass++) {
        await renewer.work()
        await renewer.start()
        clock.forward(1)
      }
      await renewer.work()
      clock.forward(121)
      await renewer.work()
      isOver = true
      await Promise.all(writers)
      for (const id of ids) {
        const doc = await store.get(ROOM, id)
        assert.ok(doc)
        assert.equal(Number((await seal.open(doc)).toString()), counts.get(id) ?? 0, id)
      }
      await store.close()
    })
  })
}

function depsOf(store: Store, seal: Seal, clock: HandClock) {
  return {
    store,
    seal,
    clock,
    random,
    collections: collections.map(({ name }) => name).filter((name) => name !== sealKeys.name),
    resealers: {},
    report: ({ cause }: { readonly cause: unknown }) => {
      throw cause
    },
  }
}

describe('a renewal on many nodes', () => {
  it('has every one of them seal under a new key at its next look, and leaves no seal of before to commit after two minutes', async () => {
    const store = new MemoryStore(collections)
    const clock = new HandClock()
    const at = { now: 0 }
    const open = () => createSeal({ store, clock, random, masters, stopwatch: () => at.now })
    const [one, two, deaf] = [await open(), await open(), await open()]
    await new Renewer(depsOf(store, one, clock)).start()
    await two.poll()
    for (const seal of [one, two]) assert.equal(seal.isOld(seal.seal(columnsOf('x'), Buffer.from('x')).dk), false)
    assert.ok(one.isOld(deaf.seal(columnsOf('x'), Buffer.from('x')).dk), 'one that has not looked seals as before')
    at.now += 61_000
    assert.throws(() => deaf.seal(columnsOf('x'), Buffer.from('x')), /keyring could not be read/)
    assert.throws(() => one.seal(columnsOf('x'), Buffer.from('x')), /keyring could not be read/)
  })
})

describe('a renewal that is killed', () => {
  const bodies = ['one', 'two', 'three']

  async function prepared(store: Store): Promise<void> {
    const seal = await createSeal({ store, clock: new HandClock(), random, masters })
    for (const id of bodies) {
      const doc = newDoc(columnsOf(id), { hk: '1', ...seal.seal(columnsOf(id), Buffer.from(id)) })
      await store.commit({ ...emptyUnit(random), inserts: [{ collection: ROOM, doc }] })
    }
  }

  async function opens(store: Store, seal: Seal): Promise<void> {
    for (const id of bodies) {
      const doc = await store.get(ROOM, id)
      assert.ok(doc)
      assert.equal((await seal.open(doc)).toString(), id)
    }
  }

  for (const when of ['before', 'after'] as const) {
    it(`${when} any of its store calls is gone on with by the next process, which opens everything`, async () => {
      let killed = 0
      for (let n = 0; ; n++) {
        const store = new MemoryStore(collections)
        await prepared(store)
        const clock = new HandClock()
        const dying = killedAt(store, n, when)
        const doomed = async () => {
          const seal = await createSeal({ store: dying.store, clock, random, masters })
          const renewer = new Renewer(depsOf(dying.store, seal, clock))
          await renewer.start()
          await renewer.work()
          clock.forward(121)
          await renewer.work()
        }
        const outcome = await doomed().catch((cause) => cause)
        if (outcome instanceof Killed) killed++
        else assert.equal(outcome, undefined, String(outcome))
        // The lease of the dead runs out.
        clock.forward(31)
        const seal = await createSeal({ store, clock, random, masters })
        await opens(store, seal)
        const renewer = new Renewer(depsOf(store, seal, clock))
        if (!seal.ring().renewal) await renewer.start()
        await renewer.work()
        clock.forward(121)
        await renewer.work()
        assert.ok(seal.ring().renewal?.finishedAt, `finished after a kill at ${n}`)
        await opens(store, await createSeal({ store, clock, random, masters }))
        const old = (await dataKeys(store)).filter((id) => seal.isOld(id))
        assert.deepEqual(old, [], `no old key after a kill at ${n}`)
        if (dying.count() <= n) break
      }
      assert.ok(killed > 60, `killed ${killed} times`)
    })
  }

  it('keeps the key of a document that does not open, and says so', async () => {
    const store = new MemoryStore(collections)
    await prepared(store)
    const clock = new HandClock()
    const seal = await createSeal({ store, clock, random, masters })
    const doc = await store.get(ROOM, 'one')
    assert.ok(doc)
    const set = { body: Buffer.alloc(60) }
    await store.commit({ ...emptyUnit(random), updates: [{ collection: ROOM, id: 'one', rev: doc.rev, set }] })
    const failures: string[] = []
    const renewer = new Renewer({
      ...depsOf(store, seal, clock),
      report: ({ collection }) => void failures.push(collection),
    })
    await renewer.start()
    await renewer.work()
    clock.forward(121)
    await renewer.work()
    assert.deepEqual(failures, [ROOM, ROOM])
    assert.deepEqual([seal.ring().renewal?.left, seal.ring().renewal?.named], [1, [doc.dk]])
    assert.ok((await dataKeys(store)).includes(doc.dk))
  })

  it('is worked on by one process at a time', async () => {
    const store = new MemoryStore(collections)
    await prepared(store)
    const clock = new HandClock()
    const nodes = await Promise.all(
      [1, 2, 3].map(async () => {
        const seal = await createSeal({ store, clock, random, masters })
        return new Renewer(depsOf(store, seal, clock))
      }),
    )
    await nodes[0]?.start()
    const worked = await Promise.all(nodes.map((node) => node.work()))
    assert.equal(worked.filter(Boolean).length, 1)
  })
})
