/** Records of requests through a renewal of the keys at rest: answers are still given, and no record holds an old key for longer than a day and a bit. */

import assert from 'node:assert/strict'
import { systemRandom as random } from '../../src/base/index.ts'
import { createIdempotency, idempotencyResealer } from '../../src/idempotency/index.ts'
import { createSeal, Renewer, sealKeys } from '../../src/seal/index.ts'
import { asked, furnish, openStore, work } from '../support/once.ts'
import { masters } from '../support/renewing.ts'
import { HandClock, STORES } from '../support/world.ts'

for (const kind of STORES)
  describe(`a renewal with records of requests on ${kind}`, () => {
    it('seals them again, gives their answers while they live, and lets the old key go afterwards', async () => {
      const store = await openStore(kind)
      await furnish(store)
      const clock = new HandClock()
      const seal = await createSeal({ store, clock, random, masters })
      const dataKeys = async () =>
        (await store.scan(sealKeys.name, { limit: 100 })).filter((key) => key.kind === 'data')
      const [old] = await dataKeys()
      const room = createIdempotency({ store, seal, clock, random })
      const first = await room.once(asked(), work)
      const renewer = new Renewer({
        store,
        seal,
        clock,
        random,
        collections: ['idempotent-requests'],
        resealers: { 'idempotent-requests': idempotencyResealer(seal, clock) },
        report({ cause }) {
          throw cause
        },
      })
      const pass = async (seconds: number) => {
        clock.forward(seconds)
        await seal.poll()
        await seal.refresh()
        await renewer.work()
      }
      await renewer.start()
      // Whoever reads the outbox takes its events before long.
      await store.settle((await store.pending(100)).map(({ id }) => id))
      await pass(0)
      await pass(121)
      const [record] = await store.scan('idempotent-requests', { limit: 10 })
      assert.ok(record && old)
      assert.deepEqual([seal.isOld(record.dk), record.fields.answerKey], [false, old.id])
      assert.ok(
        (await dataKeys()).some(({ id }) => id === old.id),
        'the answer still needs it',
      )
      assert.deepEqual((await room.once(asked(), work)).body, first.body)
      for (let hours = 0; hours < 60; hours++) await pass(3600)
      const [later] = await store.scan('idempotent-requests', { limit: 10 })
      assert.equal(later?.fields.answerKey ?? null, null)
      assert.equal(
        (await dataKeys()).some(({ id }) => id === old.id),
        false,
      )
      await store.close()
    })
  })
