/** The front door and what runs beside requests: health, static files, sweeps, ids of requests. */

import assert from 'node:assert/strict'
import type { Store } from '../adapters/store.ts'
import { committingBy } from '../src/base/index.ts'
import { numberedOf, typesOf } from '../src/seal/index.ts'
import { Browser, codeFor, redeem, text } from './support/browser.ts'
import { clientOrder, furnish, openWorld, STORES } from './support/world.ts'

describe('the front door', () => {
  it('is healthy while it runs, and ready while its store is', async () => {
    let gone = false
    const wrap = (store: Store): Store => ({
      ...store,
      async ping() {
        if (gone) throw new Error('the store is gone')
        return store.ping()
      },
    })
    const world = await openWorld('sqlite', {}, wrap)
    try {
      const status = async (path: string) => (await fetch(new URL(path, world.issuer))).status
      assert.deepEqual([await status('/healthz'), await status('/readyz')], [200, 200])
      gone = true
      assert.deepEqual([await status('/healthz'), await status('/readyz')], [200, 503])
    } finally {
      await world.close()
    }
  })

  it('gives every request an id, every answer its headers, and static files their ETag', async () => {
    const world = await openWorld('sqlite')
    try {
      const ids = new Set<string | null>()
      for (const path of ['/', '/assets/mintmark.css', '/nothing/here', '/token', '/healthz']) {
        const answer = await fetch(new URL(path, world.issuer))
        ids.add(answer.headers.get('x-request-id'))
        assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/)
        assert.equal(answer.headers.get('x-frame-options'), 'DENY')
        assert.equal(answer.headers.get('x-powered-by'), null)
        if (path === '/nothing/here')
          assert.deepEqual(
            [answer.status, await answer.json()],
            [404, { error: 'not_found', error_description: 'there is nothing at this address' }],
          )
        if (path.endsWith('.css')) assert.match(answer.headers.get('etag') ?? '', /^"/)
      }
      assert.equal(ids.size, 5)
    } finally {
      await world.close()
    }
  })
})

for (const kind of STORES) {
  describe(`beside requests on ${kind}`, () => {
    it('sweeps what is long over, and nothing that still lives', async () => {
      const world = await openWorld(kind)
      try {
        const has = await furnish(world)
        const code = await codeFor(world, new Browser(world))
        const token = await redeem(world, has.web, code)
        await world.app.relay.drain()
        const key = (await world.app.accounts.list()).length
        await world.app.background.sweep()
        assert.equal((await world.app.accounts.list()).length, key)
        const me = () =>
          fetch(new URL('/me', world.issuer), { headers: { authorization: `Bearer ${text(token, 'access_token')}` } })
        assert.equal((await me()).status, 200)
        world.clock.forward(500 * 24 * 3600)
        await world.app.background.sweep()
        assert.equal((await me()).status, 401)
        assert.equal((await world.app.accounts.list()).length, key, 'accounts never expire')
      } finally {
        await world.close()
      }
    })

    it('numbers every event once, in order, and hands each to its followers', async () => {
      const world = await openWorld(kind)
      try {
        await furnish(world)
        const drains = await Promise.allSettled([
          world.app.relay.drain(),
          world.app.relay.drain(),
          world.app.relay.drain(),
        ])
        assert.ok(drains.every(({ status }) => status === 'fulfilled'))
        const found = await world.store.find('events', { tenant: 'default', by: { kind: 'page' } }, { limit: 1000 })
        const numbered = found.flatMap(numberedOf)
        const told = numbered.flatMap(({ seq, entry }) => typesOf(entry).map((type, n) => ({ seq: seq + n, type })))
        assert.ok(told.length >= 6)
        assert.deepEqual(
          told.map(({ seq }) => seq),
          told.map((_, n) => n + 1),
        )
        assert.equal(new Set(numbered.map(({ entry }) => entry.id)).size, numbered.length)
        assert.deepEqual(await world.store.pending(10), [])
        const types = told.map(({ type }) => type)
        assert.ok(types.includes('client.created') && types.includes('account.created'))
      } finally {
        await world.close()
      }
    })
  })
}

for (const kind of STORES) {
  describe(`events of requests that write nothing, on ${kind}`, () => {
    it('wait while they can not be recorded, and are recorded once they can', async () => {
      let gone = false
      const wrap = (store: Store): Store =>
        committingBy(store, (unit) => (gone ? Promise.reject(new Error('the store is gone')) : store.commit(unit)))
      const apis = [{ id: 'urn:api', scopes: ['read'], accessToken: 'jwt' as const }]
      const world = await openWorld(kind, { apis }, wrap)
      try {
        const order = clientOrder({ id: 'machine', grants: ['client_credentials'], scopes: ['read'] })
        const { secret } = await world.app.clients.create(order)
        await world.app.relay.drain()
        const before = await world.store.pending(10)
        const body = new URLSearchParams({ grant_type: 'client_credentials', scope: 'read', resource: 'urn:api' })
        const authorization = `Basic ${Buffer.from(`machine:${secret?.reveal()}`).toString('base64')}`
        const ask = () => fetch(new URL('/token', world.issuer), { method: 'POST', body, headers: { authorization } })
        assert.deepEqual([(await ask()).status, (await ask()).status], [200, 200])
        gone = true
        await assert.rejects(world.app.background.flush(), /gone/)
        gone = false
        await world.app.background.flush()
        await world.app.background.flush()
        const told = (await world.store.pending(10)).flatMap(typesOf)
        assert.deepEqual([before, told], [[], ['token.issued', 'token.issued']])
      } finally {
        await world.close()
      }
    })
  })
}
