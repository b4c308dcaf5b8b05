/** The inventory of a whole server: what it says of tokens that do not work, of keys, and of what a bulk revocation leaves alone. */

import assert from 'node:assert/strict'
import { type LeakWorld, openLeakWorld } from '../support/leak-world.ts'
import { CANARY, STORES } from '../support/world.ts'

for (const kind of STORES) {
  describe(`the inventory of a server on ${kind}`, () => {
    let at: LeakWorld
    before(async () => {
      at = await openLeakWorld(kind)
    })
    after(() => at.close())
    const entries = async () => (await at.world.app.inventory.list({}, { limit: 200 })).items

    it('says of a token what verification would say: too early, its owner disabled, or good', async () => {
      const { world, made } = at
      const [good, early] = [await made(), await made({ notBefore: Math.floor(world.clock.now() / 1000) + 3600 })]
      const standing = async (id: string) => (await entries()).find((one) => one.id === id)?.standing
      assert.deepEqual([await standing(good.id), await standing(early.id)], ['VALID', 'NOT_YET'])
      await world.app.accounts.disable(CANARY.login)
      world.clock.forward(2)
      assert.equal(await standing(good.id), 'QUARANTINED')
      await world.app.accounts.enable(CANARY.login)
    })

    it('says when the next step of a signing key is', async () => {
      const keys = (await entries()).filter((one) => one.kind === 'signing-key')
      assert.ok(keys.length > 0)
      for (const { next } of keys) {
        assert.ok(next?.at)
        assert.ok(next.why.includes(new Date(next.at * 1000).toISOString()), next.why)
      }
    })

    it('says before and after a bulk revocation what it leaves alone', async () => {
      const { inventory } = at.world.app
      const filter = { owner: { type: 'service', id: 'service' } } as const
      const who = { by: 'operator', why: 'left' }
      const plan = await inventory.plan(filter, who)
      assert.deepEqual([plan.leftAlone, plan.leftAloneByKind], [1, { 'client-secret': 1 }])
      const done = await at.inUnit((unit) => inventory.revoke(unit, filter, { ...who, code: plan.code }))
      assert.deepEqual([done.left, done.leftAlone, done.leftAloneByKind], [0, 1, { 'client-secret': 1 }])
      const rival = { ...who, by: 'account boris', code: plan.code }
      await assert.rejects(
        at.inUnit((unit) => inventory.revoke(unit, filter, rival)),
        { code: 'confirmation_wrong' },
      )
    })

    it('ends Grants with everything else that a filter finds', async () => {
      const { signedIn, refreshes, world, has } = at
      const one = await signedIn()
      const filter = { kind: ['grant' as const], owner: { type: 'account' as const, id: has.person.sub } }
      const by = { by: 'operator', why: 'left' }
      assert.equal((await at.inUnit((unit) => world.app.inventory.revoke(unit, filter, by))).revoked, 1)
      assert.equal(await refreshes(one.refresh), false)
    })
  })
}
