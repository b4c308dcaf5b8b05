/** Traps: any use alarms, once a minute for each at most. */

import assert from 'node:assert/strict'
import { openLeakRoom } from '../support/leak-room.ts'
import { STORES } from '../support/world.ts'

for (const kind of STORES) {
  describe(`traps on ${kind}`, () => {
    it('alarm at the first of many uses at once, then once a minute, each trap for itself', async () => {
      const alarms: string[] = []
      const room = await openLeakRoom(kind, { alarm: async ({ id }) => void alarms.push(id) })
      const token = { id: 'tok_trap', name: 'trap', owner: { type: 'account', id: 's' }, keptAt: 'wiki' } as const
      const seen = { network: '192.0.2.0/24', agent: 'curl', path: '/orders?token=secret' }
      const first = await Promise.all(Array.from({ length: 16 }, () => room.leaks.onCanary(token, seen)))
      assert.equal(first.filter(Boolean).length, 1)
      assert.equal(await room.leaks.onCanary({ ...token, id: 'tok_other' }, {}), true)
      room.clock.forward(59)
      assert.equal(await room.leaks.onCanary(token, seen), false)
      room.clock.forward(2)
      assert.equal(await room.leaks.onCanary(token, seen), true)
      assert.deepEqual(alarms, ['tok_trap', 'tok_other', 'tok_trap'])
      const events = await room.events()
      assert.deepEqual(
        events.map(({ type }) => type),
        Array(3).fill('api_token.canary_used'),
      )
      const told = events.find(({ data }) => data.token === 'tok_trap')
      assert.equal(told?.data.seen_from, '192.0.2.0/24')
      assert.equal(told?.data.path, '/orders', 'without what may be a secret')
      await room.close()
    })

    it('never fail the verification that found them', async () => {
      const room = await openLeakRoom(kind, { alarm: () => Promise.reject(new Error('mail is down')) })
      const token = { id: 'tok_trap', name: 'trap', owner: { type: 'account', id: 's' }, keptAt: '' } as const
      assert.equal(await room.leaks.onCanary(token, {}), false)
      assert.equal((await room.events()).length, 1)
      await room.close()
    })
  })
}
