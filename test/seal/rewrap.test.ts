/** Rewrap: online, cut anywhere and begun again, and of no use afterwards to whoever has the old master key. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Store } from '../../adapters/store.ts'
import { collections } from '../../src/app.ts'
import { bound, systemRandom as random } from '../../src/base/index.ts'
import { createSeal, fixedMasters, rewrap, sealKeys, WrongMasterKey } from '../../src/seal/index.ts'
import { MemoryStore } from '../adapters/memory-store.ts'
import { Browser, codeFor, isActive, redeem, refresh, text } from '../support/browser.ts'
import { handMasters, Killed, killedAt } from '../support/masters.ts'
import { dumpOf } from '../support/search.ts'
import {
  furnish,
  HandClock,
  masterOf,
  openTestStore,
  openWorld,
  placeOf,
  STORES,
  type StoreKind,
} from '../support/world.ts'

const [OLD, NEW] = [masterOf(1), masterOf(2)]
const columns = bound({ tenant: 't', kind: 'k', id: 'i' })

async function wraps(store: Store): Promise<readonly Buffer[]> {
  const docs = await store.scan(sealKeys.name, { limit: 1000 })
  return docs.filter(({ fields }) => fields.master !== null).map(({ body }) => Buffer.from(body ?? []))
}

async function bytesOf(kind: StoreKind, store: Store): Promise<Buffer> {
  const place = placeOf(store)
  if (kind === 'mongodb') return Buffer.concat((await dumpOf(place)).map(([, bytes]) => bytes))
  return Buffer.concat(['', '-wal', '-shm'].map((end) => readFileSync(place + end)))
}

for (const kind of STORES) {
  describe(`a rewrap on ${kind}`, () => {
    it('changes the master of a running server, and leaves the old one nothing', async () => {
      const masters = handMasters(OLD)
      const world = await openWorld(kind, {}, undefined, { masters })
      try {
        const has = await furnish(world)
        const first = await redeem(world, has.web, await codeFor(world, new Browser(world)))
        const before = await wraps(world.store)
        assert.ok(before.length >= 7, 'keys of every purpose')
        const found = await bytesOf(kind, world.store)
        assert.ok(
          before.every((wrap) => found.includes(wrap)),
          'the search finds what is there',
        )

        masters.write(NEW, OLD)
        const dry = await world.app.envelope.rewrap({ dryRun: true })
        assert.deepEqual([dry.rewrapped, await wraps(world.store)], [before.length, before])
        const done = await world.app.envelope.rewrap({ dryRun: false })
        assert.deepEqual([done.rewrapped, done.keys, done.master], [before.length, before.length, NEW.id])
        assert.ok(done.mayRemain.length > 0)
        assert.equal(
          (await world.app.envelope.rewrap({ dryRun: false })).rewrapped,
          0,
          'a second time there is nothing to do',
        )

        masters.write(NEW)
        const second = await refresh(world, has.web, text(first, 'refresh_token'))
        assert.equal(second.status, 200, 'the server went on')
        assert.ok(await isActive(world, has.web, text(second, 'refresh_token')))
        await world.app.seal.turn()
        const after = await bytesOf(kind, world.store)
        assert.deepEqual(before.filter((wrap) => after.includes(wrap)).length, 0, 'no old wrap is left in its bytes')
        const deps = { store: world.store, clock: world.clock, random }
        await assert.rejects(createSeal({ ...deps, masters: fixedMasters(OLD) }), WrongMasterKey)
        await createSeal({ ...deps, masters: fixedMasters(NEW) })
      } finally {
        await world.close()
      }
    })

    it('is followed by another node whose key file got the new key, without a word to it', async () => {
      const store = await openTestStore(kind)
      const clock = new HandClock()
      const [here, there] = [handMasters(OLD), handMasters(OLD)]
      const one = await createSeal({ store, clock, random, masters: here })
      const two = await createSeal({ store, clock, random, masters: there })
      here.write(NEW, OLD)
      there.write(NEW, OLD)
      await rewrap({ store, masters: here, random }, { dryRun: false })
      await one.turn()
      const sealed = { ...columns, ...one.seal(columns, Buffer.from('from one')) }
      assert.equal((await two.open(sealed)).toString(), 'from one')
      await two.turn()
      const masters = new Set((await store.scan(sealKeys.name, { limit: 1000 })).map(({ fields }) => fields.master))
      assert.deepEqual(
        [...masters].filter((id) => id !== null),
        [NEW.id],
        'nobody wraps with the old one any more',
      )
      await store.close()
    })
  })
}

/** Opens a seal with the old key, seals something, and gives what must be readable whatever happens. */
async function prepared(store: Store) {
  const seal = await createSeal({ store, clock: new HandClock(), random, masters: fixedMasters(OLD) })
  const sealed = { ...columns, ...seal.seal(columns, Buffer.from('kept')) }
  return { sealed, token: seal.mint('at'), hash: seal.hash('lookup', 't', 'k', 'x') }
}

async function works(
  store: Store,
  masters: ReturnType<typeof fixedMasters>,
  was: Awaited<ReturnType<typeof prepared>>,
) {
  const seal = await createSeal({ store, clock: new HandClock(), random, masters })
  assert.equal((await seal.open(was.sealed)).toString(), 'kept')
  assert.ok(seal.read('at', was.token))
  assert.equal(seal.hash('lookup', 't', 'k', 'x'), was.hash)
}

describe('a rewrap that is killed', () => {
  for (const kind of ['memory', ...STORES.filter((k) => k === 'sqlite')] as const) {
    for (const when of ['before', 'after'] as const) {
      it(`${when} any of its store calls leaves a keyring that works, and can be begun again (${kind})`, async () => {
        let killed = 0
        for (let n = 0; ; n++) {
          const store = kind === 'memory' ? new MemoryStore(collections) : await openTestStore('sqlite')
          const was = await prepared(store)
          const dying = killedAt(store, n, when)
          const masters = fixedMasters(NEW, OLD)
          const outcome = await rewrap({ store: dying.store, masters, random }, { dryRun: false }).catch(
            (cause) => cause,
          )
          await works(store, masters, was)
          const again = await rewrap({ store, masters, random }, { dryRun: false })
          assert.equal(again.master, NEW.id)
          await works(store, fixedMasters(NEW), was)
          await assert.rejects(works(store, fixedMasters(OLD), was), WrongMasterKey)
          await store.close()
          if (outcome instanceof Killed) killed++
          if (dying.count() <= n) break
        }
        assert.ok(killed >= 8, `killed ${killed} times`)
      })
    }
  }

  it('refuses to begin with a master that opens nothing, and changes nothing', async () => {
    const store = new MemoryStore(collections)
    const was = await prepared(store)
    const before = await store.scan(sealKeys.name, { limit: 100 })
    await assert.rejects(rewrap({ store, masters: fixedMasters(NEW), random }, { dryRun: false }), WrongMasterKey)
    assert.deepEqual(await store.scan(sealKeys.name, { limit: 100 }), before)
    await works(store, fixedMasters(OLD), was)
  })
})

describe('the first start', () => {
  it('killed at any store call leaves a store that starts', async () => {
    for (let n = 0; ; n++) {
      const store = new MemoryStore(collections)
      const dying = killedAt(store, n)
      const deps = { clock: new HandClock(), random, masters: fixedMasters(OLD) }
      await createSeal({ ...deps, store: dying.store }).catch((cause) =>
        assert.ok(cause instanceof Killed, String(cause)),
      )
      const seal = await createSeal({ ...deps, store })
      const sealed = { ...columns, ...seal.seal(columns, Buffer.from('x')) }
      assert.equal((await (await createSeal({ ...deps, store })).open(sealed)).toString(), 'x')
      if (dying.count() <= n) break
    }
  })
})
