/** A request with an Idempotency-Key happens once: retried, raced, changed, refused and lost to rivals. */

import assert from 'node:assert/strict'
import type { Store } from '../../adapters/store.ts'
import { Refusal, systemRandom as random, Unit } from '../../src/base/index.ts'
import { createSeal, fixedMasters } from '../../src/seal/index.ts'
import { asked, furnish, KEY, node, openStore, read, refused, standing, thing, things, work } from '../support/once.ts'
import { HandClock, masterOf, STORES } from '../support/world.ts'

for (const kind of STORES) {
  describe(`a request with an Idempotency-Key on ${kind}`, () => {
    let store: Store
    const clock = new HandClock()
    beforeEach(async () => {
      store = await openStore(kind)
      await furnish(store)
    })
    afterEach(() => store.close())

    it('gives its first answer again, and does nothing more', async () => {
      const one = await node(store, clock)
      const first = await one.once(asked(), work)
      const second = await (await node(store, clock)).once(asked(), work)
      assert.deepEqual([first.isReplayed, second.isReplayed], [false, true])
      assert.deepEqual([second.status, second.body], [first.status, first.body])
      assert.equal(await standing(store), 'all')
    })

    it('refuses the key with another body, and takes it of another caller, for another route, and after a day', async () => {
      const one = await node(store, clock)
      const easy = async () => ({ status: 200, body: { n: random.below(1e9) } })
      const first = await one.once(asked(), easy)
      await assert.rejects(one.once(asked({ body: Buffer.from('{}') }), easy), refused('idempotency_key_reused'))
      for (const other of [{ principal: 'account bob' }, { route: 'POST /others' }, { key: 'another' }])
        assert.notDeepEqual((await one.once(asked(other), easy)).body, first.body)
      clock.forward(24 * 3600 - 5)
      assert.deepEqual((await one.once(asked(), easy)).body, first.body)
      clock.forward(10)
      assert.notDeepEqual((await one.once(asked({ body: Buffer.from('{}') }), easy)).body, first.body)
    })

    it('refuses a missing key and one that is none', async () => {
      const one = await node(store, clock)
      await assert.rejects(one.once(asked({ key: undefined }), work), refused('idempotency_key_missing'))
      for (const key of ['', 'a b', 'ä', 'a\0', 'x'.repeat(256)])
        await assert.rejects(one.once(asked({ key }), work), refused('idempotency_key_bad'))
      assert.equal(await standing(store), 'nothing')
    })

    it('lets a concurrent duplicate on one node wait, or go, and gives those on several nodes one answer', async () => {
      const one = await node(store, clock, 30)
      let go = (): void => {}
      const gate = new Promise<void>((done) => {
        go = done
      })
      const slow = one.once(asked(), async (unit) => {
        await gate
        return work(unit)
      })
      await assert.rejects(one.once(asked(), work), refused('idempotency_running'))
      go()
      const first = await slow
      const nodes = await Promise.all(Array.from({ length: 4 }, () => node(store, clock)))
      const answers = await Promise.all(nodes.flatMap((n) => [n.once(asked(), work), n.once(asked(), work)]))
      for (const { body } of answers) assert.deepEqual(body, first.body)
      const other = asked({ key: 'fresh' })
      const easy = async (unit: Unit) => {
        const made = `made-${random.below(1e12)}`
        unit.insert(things.name, thing(made))
        return { status: 201, body: { made } }
      }
      const raced = await Promise.all(nodes.map((n) => n.once({ ...other, request: `r${random.below(1e9)}` }, easy)))
      assert.equal(new Set(raced.map(({ body }) => JSON.stringify(body))).size, 1)
      const all = await store.scan(things.name, { limit: 1000 })
      assert.equal(all.filter(({ id }) => id.startsWith('made-')).length, 2)
    })

    it('leaves nothing of a refusal, and the key free', async () => {
      const one = await node(store, clock)
      const no = async (unit: Unit) => {
        await work(unit)
        throw new Refusal({ code: 'no', status: 403, message: 'no' })
      }
      await assert.rejects(one.once(asked(), no), refused('no'))
      assert.equal(await standing(store), 'nothing')
      assert.equal((await one.once(asked(), work)).status, 201)
    })

    it('runs anew where a rival was first, and keeps the answer of the run that won', async () => {
      const one = await node(store, clock)
      let runs = 0
      const raced = async (unit: Unit) => {
        const answer = await work(unit)
        if (++runs === 1) {
          const rival = new Unit({ store, cid: 'rival', request: 'rival' })
          rival.update(things.name, await read(rival, 'decided'), { lastUse: 1 })
          await store.commit(rival.writes('all'))
        }
        return answer
      }
      const first = await one.once(asked(), raced)
      assert.equal(runs, 2)
      assert.deepEqual((await one.once(asked(), raced)).body, first.body)
      assert.equal(runs, 2)
    })

    it('keeps the answer where neither the store nor the key alone opens it', async () => {
      const one = await node(store, clock)
      await one.once(asked(), async () => ({ status: 200, body: { token: 'mm_pat_the-very-secret' } }))
      const [record] = await store.scan('idempotent-requests', { limit: 10 })
      assert.ok(record)
      for (const part of [record.body, record.fields.answer])
        assert.equal(part instanceof Uint8Array && Buffer.from(part).includes('very-secret'), false)
      const seal = await createSeal({ store, clock, random, masters: fixedMasters(masterOf(7)) })
      assert.equal((await seal.open(record)).includes('very-secret'), false, 'the data key alone does not open it')
      assert.equal(JSON.stringify(record).includes(KEY), false)
    })
  })
}
