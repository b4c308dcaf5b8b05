/** Renew: everything is sealed again while the server works, nothing is lost, and the old data keys are gone. */

import assert from 'node:assert/strict'
import { type Change, Conflict, type Store } from '../../adapters/store.ts'
import { collections } from '../../src/app.ts'
import { newDoc, systemRandom as random } from '../../src/base/index.ts'
import { createSeal, numberedOf, Renewer } from '../../src/seal/index.ts'
import { emptyUnit } from '../../src/seal/keys.ts'
import { Browser, codeFor, isActive, redeem, refresh, text } from '../support/browser.ts'
import { all, columnsOf, dataKeys, depsOf, masters, ROOM } from '../support/renewing.ts'
import { CANARY, furnish, HandClock, openTestStore, openWorld, STORES, type World } from '../support/world.ts'

/** Every data key that any document names. */
async function named(store: Store): Promise<ReadonlySet<string>> {
  const names = new Set<string>()
  for (const { name } of collections)
    for (const { dk, fields, body } of await all(store, name))
      for (const key of [dk, fields.receiptKey, ...numberedOf({ body, fields }).map(({ entry }) => entry.dk)])
        if (typeof key === 'string' && key) names.add(key)
  return names
}

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
