/** A renewal on many nodes, and one that is killed at each of its store calls. */

import assert from 'node:assert/strict'
import { Conflict, type Store } from '../../adapters/store.ts'
import { collections } from '../../src/app.ts'
import { newDoc, systemRandom as random, TENANT } from '../../src/base/index.ts'
import { createSeal, fenced, Renewer, type Seal } from '../../src/seal/index.ts'
import { emptyUnit } from '../../src/seal/keys.ts'
import { MemoryStore } from '../adapters/memory-store.ts'
import { Killed, killedAt } from '../support/masters.ts'
import { columnsOf, dataKeys, depsOf, masters, ROOM } from '../support/renewing.ts'
import { HandClock } from '../support/world.ts'

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

describe('a process that slept between sealing and committing', () => {
  it('commits nothing under a key that is being erased, and seals anew', async () => {
    const store = new MemoryStore(collections)
    const clock = new HandClock()
    const seal = await createSeal({ store, clock, random, masters })
    const room = fenced(store, seal)
    const insert = (id: string) => {
      const doc = newDoc(columnsOf(id), { hk: '1', ...seal.seal(columnsOf(id), Buffer.from(id)) })
      return { ...emptyUnit(random), inserts: [{ collection: ROOM, doc }] }
    }
    await room.commit(insert('first'))
    const [soon, late] = [insert('soon'), insert('late')]
    await new Renewer(depsOf(store, seal, clock)).start()
    await room.commit(soon)
    clock.forward(61)
    await assert.rejects(room.commit(late), Conflict)
    const first = await room.get(ROOM, 'first')
    assert.ok(first)
    const stale = { collection: ROOM, id: 'first', rev: first.rev, set: { dk: first.dk, body: first.body } }
    await assert.rejects(room.commit({ ...emptyUnit(random), updates: [stale] }), Conflict)
    await room.commit(insert('late'))
    assert.equal(await room.count(ROOM, { tenant: TENANT, by: { kind: 'client' } }), 3)
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
