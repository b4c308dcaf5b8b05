/** A server that lost sight of the ring: 503 with a time to come back, health says so, and it goes on by itself. */

import assert from 'node:assert/strict'
import { sealKeys } from '../../src/seal/index.ts'
import { post } from '../support/browser.ts'
import { furnish, openWorld, STORES } from '../support/world.ts'

for (const kind of STORES) {
  describe(`a server that can't read the ring on ${kind}`, () => {
    const { now } = performance
    afterEach(() => {
      performance.now = now
    })

    it('answers 503 after a minute, whatever is asked, and serves again when it can', async () => {
      let isAway = false
      const world = await openWorld(kind, {}, (store) => ({
        ...store,
        async get(collection, id) {
          if (isAway && collection === sealKeys.name) throw new Error('the store is away')
          return store.get(collection, id)
        },
      }))
      try {
        const has = await furnish(world)
        const token = () =>
          post(world, '/token', { grant_type: 'client_credentials', scope: 'look' }, ['service', has.service])
        const ready = async () => (await fetch(new URL('/readyz', world.issuer))).status
        isAway = true
        performance.now = () => now.call(performance) + 30_000
        assert.deepEqual([(await token()).status, await ready()], [200, 200], 'half a minute is nothing')
        performance.now = () => now.call(performance) + 62_000
        const refused = await token()
        assert.deepEqual([refused.status, refused.body.error], [503, 'temporarily_unavailable'])
        assert.equal(refused.headers.get('retry-after'), '1')
        assert.equal(await ready(), 503)
        assert.equal((await fetch(new URL('/healthz', world.issuer))).status, 200)
        isAway = false
        assert.deepEqual([(await token()).status, await ready()], [200, 200])
      } finally {
        await world.close()
      }
    })
  })
}
