/** Organisations, on both stores. */

import assert from 'node:assert/strict'
import { openWorld, STORES, type World } from '../support/world.ts'

for (const kind of STORES) {
  describe(`organisations on ${kind}`, () => {
    let world: World
    before(async () => {
      world = await openWorld(kind)
    })
    after(() => world.close())

    it('are made once under a name, listed, disabled and enabled, each with its event', async () => {
      const { accounts, relay, eventLog } = world.app
      const made = await accounts.createOrganisation({ name: 'acme', title: 'Acme Ltd' })
      assert.deepEqual(await accounts.organisation('acme'), made)
      assert.equal((await accounts.createOrganisation({ name: 'beta' })).title, 'beta')
      const rivals = await Promise.allSettled(
        Array.from({ length: 8 }, () => accounts.createOrganisation({ name: 'gamma' })),
      )
      assert.equal(rivals.filter(({ status }) => status === 'fulfilled').length, 1)
      await assert.rejects(accounts.createOrganisation({ name: 'acme' }), { code: 'organisation_exists', status: 409 })
      assert.equal((await accounts.disableOrganisation('acme')).disabled, true)
      assert.equal((await accounts.organisation('acme'))?.disabled, true)
      assert.equal((await accounts.enableOrganisation('acme')).disabled, false)
      assert.deepEqual((await accounts.organisations()).map(({ name }) => name).toSorted(), ['acme', 'beta', 'gamma'])
      await relay.drain()
      assert.equal((await eventLog.latest({ type: 'organisation.created', last: 9 })).length, 3)
      assert.equal((await eventLog.latest({ type: 'organisation.disabled', last: 9 })).length, 1)
      assert.equal((await eventLog.latest({ type: 'organisation.enabled', last: 9 })).length, 1)
    })

    it('are refused under names that nobody could type', async () => {
      const { accounts } = world.app
      for (const name of ['', 'Acme', '1st', 'a b', 'x'.repeat(65)])
        await assert.rejects(accounts.createOrganisation({ name }), { code: 'bad_organisation_name', status: 400 })
      await assert.rejects(accounts.createOrganisation({ name: 'a', title: '\n' }), { code: 'bad_organisation_title' })
      await assert.rejects(accounts.disableOrganisation('nobody'), { code: 'organisation_unknown', status: 404 })
      assert.equal(await accounts.organisation('nobody\0'), undefined)
    })
  })
}
