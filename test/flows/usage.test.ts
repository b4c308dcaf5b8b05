/** What faces say of who uses a token, and of who does not: from a resource server's question to the answer of REST. */

import assert from 'node:assert/strict'
import { openTokenWorld, type TokenWorld } from '../support/api-tokens.ts'
import { Browser, codeFor } from '../support/browser.ts'
import { STORES } from '../support/world.ts'

for (const kind of STORES) {
  describe(`the users of a token as people see them on ${kind}`, () => {
    let at: TokenWorld
    before(async () => {
      at = await openTokenWorld(kind)
    })
    after(() => at.world.close())

    it('are those who were served, and the others stand apart with how they were refused', async () => {
      const { world, service, make, introspect } = at
      const token = await make({ networks: { allow: ['10.0.0.0/8'], except: [] } })
      await introspect(token.text, service, { ip: '10.0.0.7', path: '/orders/7', method: 'GET' })
      await introspect(token.text, service, { ip: '192.0.2.7', path: '/<script>', method: 'GET' })
      const found = await world.app.doors.consumers?.(`tok_${token.id}`)
      assert.deepEqual(
        [found?.served, found?.refused].map((list) => list?.map((one) => [one.network, one.route, one.outcome])),
        [[['10.0.0.0/24', 'GET /orders/{id}', 'VALID']], [['192.0.2.0/24', 'GET /{id}', 'IP_DENIED']]],
      )
      await world.app.tokenUse.usage.flush()
      const hours = await world.app.doors.hours?.(`tok_${token.id}`)
      assert.deepEqual(
        hours?.map(({ counts }) => counts),
        [{ VALID: 1, IP_DENIED: 1 }],
      )
    })

    it('do not hide a scope that was used before sixty other routes', async () => {
      const { world, service, make, introspect } = at
      const token = await make({ scopes: ['read', 'write'] })
      await introspect(token.text, service, { ip: '10.0.0.7', scope: 'write', path: '/w' })
      for (let n = 0; n < 60; n++)
        await introspect(token.text, service, { ip: `10.0.${n}.7`, scope: 'read', path: '/r' })
      await introspect(token.text, service, { ip: '10.0.0.7', scope: 'admin', path: '/r' })
      const { used, unused } = await world.app.inventory.grantedButUnused(`tok_${token.id}`, { days: 90 })
      assert.deepEqual([used, unused], [['read', 'write'], []])
    })

    it('are absent where nobody records them', async () => {
      const { world } = at
      await codeFor(world, new Browser(world))
      const page = await world.app.inventory.list({}, { limit: 200, users: true })
      assert.ok(page.items.some((one) => one.kind === 'session'))
      for (const one of page.items) assert.equal('users' in one, one.kind === 'api-token', one.kind)
    })
  })
}
