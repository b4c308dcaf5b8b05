/** Clients of the configuration and of the store. */

import assert from 'node:assert/strict'
import { clientOrder, furnish, openWorld, STORES } from '../support/world.ts'

for (const kind of STORES) {
  describe(`clients on ${kind}`, () => {
    it('of the configuration come first, bring their own secret, and are changed there only', async () => {
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

    it('let an old secret live for its overlap and not longer, at most two at once', async () => {
      const world = await openWorld(kind)
      try {
        await furnish(world)
        const { clients } = world.app
        const made = await clients.create(clientOrder({ id: 'turning', grants: ['client_credentials'] }))
        const [first, second, third] = [
          made.secret,
          await clients.rotateSecret('turning', { overlapSeconds: 60 }),
          await clients.rotateSecret('turning', { overlapSeconds: 60 }),
        ].map((secret) => secret?.reveal() ?? '')
        const live = async () => {
          const record = await clients.show('turning')
          return [first, second, third].map((secret) => clients.secretMatches(record, secret ?? ''))
        }
        assert.deepEqual(await live(), [false, true, true])
        world.clock.forward(61)
        assert.deepEqual(await live(), [false, false, true])
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
