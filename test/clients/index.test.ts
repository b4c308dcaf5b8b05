/** Clients of the configuration and of the store. */

import assert from 'node:assert/strict'
import { systemRandom, Unit } from '../../src/base/index.ts'
import { createClients } from '../../src/clients/index.ts'
import { post } from '../support/browser.ts'
import { clientOrder, furnish, openWorld, STORES, type World } from '../support/world.ts'

/** The room once more over the same store, as another node has it. */
function createClientsOf({ store, app: { seal }, clock }: World) {
  const deps = { store, seal, clock, random: systemRandom, configuration: { clients: [], apis: [] }, demoUsable: true }
  const unit = () => new Unit({ store, cid: 'other', request: 'other' })
  return createClients({ ...deps, unit, commit: async () => {} })
}

for (const kind of STORES) {
  describe(`clients on ${kind}`, () => {
    it('of the configuration bring their own secret, and are changed there only', async () => {
      const world = await openWorld(kind, {
        clients: [
          {
            client_id: 'declared',
            client_secret: 'a secret of its own',
            grant_types: ['client_credentials'],
            redirect_uris: [],
            response_types: [],
          },
        ],
      })
      try {
        const { clients } = world.app
        const record = await clients.find('declared')
        assert.ok(record)
        assert.deepEqual(
          [
            clients.secretMatches(record, 'a secret of its own'),
            clients.secretMatches(record, 'another'),
            'client_secret' in record.metadata,
          ],
          [true, false, false],
        )
        await assert.rejects(clients.rotateSecret('declared', { overlapSeconds: 0 }), /configuration/)
        await assert.rejects(clients.create(clientOrder({ id: 'declared', grants: ['client_credentials'] })), /already/)
      } finally {
        await world.close()
      }
    })

    it('let an old secret live for its overlap and not longer, never three at once, and say when each was last used', async () => {
      const world = await openWorld(kind)
      try {
        await furnish(world)
        const { clients } = world.app
        const made = await clients.create(clientOrder({ id: 'turning', grants: ['client_credentials'] }))
        const first = made.secret?.reveal() ?? ''
        world.clock.forward(5)
        const second = (await clients.rotateSecret('turning', { overlapSeconds: 60 })).reveal()
        const use = async (secret: string) =>
          (await post(world, '/token', { grant_type: 'client_credentials' }, ['turning', secret])).status
        const shown = async () => clients.secretsOf(await clients.show('turning'))
        await assert.rejects(clients.rotateSecret('turning', { overlapSeconds: 60 }), /Two secrets/)
        assert.deepEqual(
          (await shown()).map(({ lastUsedAt, unneeded }) => [lastUsedAt, unneeded]),
          [
            [undefined, true],
            [undefined, undefined],
          ],
        )
        world.clock.forward(5)
        assert.deepEqual([await use(first), await use(second), await use('mm_cs_wrong')], [200, 200, 401])
        assert.deepEqual(
          (await shown()).map(({ unneeded }) => unneeded),
          [false, undefined],
          'somebody still uses it',
        )
        await clients.flushSecretUses()
        const again = createClientsOf(world)
        const uses = (await again.secretsOf(await again.show('turning'))).map(({ lastUsedAt }) => lastUsedAt)
        assert.ok(
          uses.every((at) => Number(at) > 0),
          'last uses are in the store',
        )
        world.clock.forward(61)
        assert.deepEqual([await use(first), await use(second)], [401, 200])
        const third = (await clients.rotateSecret('turning', { overlapSeconds: 60 })).reveal()
        await clients.endOldSecret('turning')
        assert.deepEqual([await use(second), await use(third)], [401, 200])
        await assert.rejects(clients.endOldSecret('turning'), /no older secret/)
        await clients.remove('turning')
        await assert.rejects(clients.show('turning'), /no client/)
        assert.equal(
          (await clients.list()).some(({ clientId }) => clientId === 'turning'),
          false,
        )
      } finally {
        await world.close()
      }
    })

    it('made by 16 rivals under one id are one', async () => {
      const world = await openWorld(kind)
      try {
        const made = await Promise.allSettled(
          Array.from({ length: 16 }, () =>
            world.app.clients.create(clientOrder({ id: 'one', grants: ['client_credentials'] })),
          ),
        )
        assert.equal(made.filter(({ status }) => status === 'fulfilled').length, 1)
        assert.ok(made.every((one) => one.status === 'fulfilled' || /already/.test(String(one.reason))))
      } finally {
        await world.close()
      }
    })
  })
}
