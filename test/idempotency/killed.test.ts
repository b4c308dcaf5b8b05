/** A request with an Idempotency-Key whose process is killed: at every call of the store, and between any two writes of its commit. */

import assert from 'node:assert/strict'
import { systemRandom as random } from '../../src/base/index.ts'
import { createIdempotency } from '../../src/idempotency/index.ts'
import { createSeal, fixedMasters } from '../../src/seal/index.ts'
import { Killed, mortal } from '../support/mortal.ts'
import { asked, furnish, node, openStore, standing, work } from '../support/once.ts'
import { HandClock, masterOf, STORES } from '../support/world.ts'

for (const kind of STORES) {
  describe(`a request that is killed on ${kind}`, () => {
    const clock = new HandClock()

    it('is done wholly or not at all when the process is killed at any call, and the retry completes it', async () => {
      const outcomes = new Set<string>()
      for (const when of ['before', 'after'] as const)
        for (let at = 1; ; at++) {
          const inner = await openStore(kind)
          await furnish(inner)
          const seal = await createSeal({ store: inner, clock, random, masters: fixedMasters(masterOf(7)) })
          const dying = mortal(inner, { at, when })
          const first = createIdempotency({ store: dying.store, seal, clock, random })
          const answer = await first.once(asked(), work).catch((cause) => {
            assert.ok(cause instanceof Killed)
          })
          const left = await standing(inner)
          assert.ok(left === 'nothing' || left === 'all', `${when} call ${at}: ${left}`)
          outcomes.add(left)
          const retried = await (await node(inner, clock)).once(asked(), work)
          assert.equal(await standing(inner), 'all', `${when} call ${at}`)
          assert.equal(retried.isReplayed, left === 'all')
          await inner.close()
          if (answer) break
        }
      assert.deepEqual([...outcomes].sort(), ['all', 'nothing'])
    })
  })
}

if (STORES.includes('mongodb'))
  describe('a request that is killed between two writes of its commit on MongoDB', () => {
    const clock = new HandClock()

    async function killedAt(at: number, when: 'before' | 'after') {
      let writes = 0
      let dead = false
      const die = (): void => {
        if (at === 0) return
        dead = dead || writes >= at
        if (dead) throw new Killed()
      }
      const seam = { before() {}, after() {} }
      const store = await openStore('mongodb', seam)
      await furnish(store)
      const one = await node(store, clock)
      seam.before = () => {
        writes++
        if (when === 'before') die()
      }
      seam.after = () => {
        if (when === 'after') die()
      }
      const answer = await one.once(asked(), work).catch((cause) => {
        assert.ok(cause instanceof Killed, String(cause))
      })
      seam.before = seam.after = () => {}
      return { store, answer }
    }

    for (const how of ['the retry', 'a recovery'] as const)
      it(`is completed by ${how}, with the answer that was decided first`, async () => {
        let half = 0
        for (const when of ['before', 'after'] as const)
          for (let at = 1; ; at++) {
            const { store, answer } = await killedAt(at, when)
            const left = await standing(store)
            if (left !== 'nothing' && left !== 'all') half++
            const two = await node(store, clock)
            if (how === 'a recovery') {
              clock.forward(60)
              await two.recover({ olderThanSeconds: 30, limit: 100 })
              assert.match(await standing(store), /^(nothing|all)$/, `${when} write ${at}`)
            }
            const retried = await two.once(asked(), work)
            assert.equal(await standing(store), 'all', `${when} write ${at}`)
            assert.deepEqual((await two.once(asked(), work)).body, retried.body)
            const [record, ...more] = await store.scan('idempotent-requests', { limit: 10 })
            assert.deepEqual([record?.state, more.length], ['done', 0])
            await store.close()
            if (answer) break
          }
        assert.ok(half > 4, 'some kills did leave a half: this test sees them')
      })
  })
