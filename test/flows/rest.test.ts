/** REST from outside: an access token of the token endpoint, a token made with it, its use, its end. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { MANAGEMENT_API } from '../../src/admin/index.ts'
import { proofOf, unwrapText } from '../../src/handover/index.ts'
import { post } from '../support/browser.ts'
import { clientOrder, furnish, openWorld, STORES, type World } from '../support/world.ts'

type Body = Readonly<Record<string, unknown>>

for (const kind of STORES) {
  describe(`REST with what the token endpoint gives, on ${kind}`, () => {
    let world: World
    let service: readonly [string, string]
    let access: string
    before(async () => {
      world = await openWorld(kind)
      const has = await furnish(world)
      service = ['service', has.service]
      const scopes = ['tokens:read', 'tokens:write', 'inventory:read']
      const { secret } = await world.app.clients.create(
        clientOrder({ id: 'console', grants: ['client_credentials'], scopes }),
      )
      world.keepSecret(secret?.reveal() ?? '')
      access = await accessToken(secret?.reveal() ?? '', scopes)
    })
    after(() => world.close())

    async function accessToken(secret: string, scopes: readonly string[]): Promise<string> {
      const form = { grant_type: 'client_credentials', scope: scopes.join(' '), resource: MANAGEMENT_API }
      const { status, body } = await post(world, '/token', form, ['console', secret])
      assert.equal(status, 200, JSON.stringify(body))
      world.keepSecret(String(body.access_token))
      return String(body.access_token)
    }

    async function call(method: string, path: string, body?: object, as = access) {
      const answer = await fetch(new URL(`/api/v1${path}`, world.issuer), {
        method,
        headers: {
          authorization: `Bearer ${as}`,
          ...(method === 'POST'
            ? {
                'idempotency-key': createHash('sha256')
                  .update(path + JSON.stringify(body))
                  .digest('hex'),
              }
            : {}),
          ...(body ? { 'content-type': 'application/json' } : {}),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
      const said: Body = JSON.parse((await answer.text()) || '{}')
      if (typeof said.token === 'string') world.keepSecret(said.token)
      return { status: answer.status, body: said }
    }

    const reason = (token: string): Promise<unknown> => {
      world.clock.forward(2)
      return reasonNow(token)
    }

    const reasonNow = async (token: string): Promise<unknown> => {
      const form = { token, resource: 'urn:test:api', scope: 'read', ip: '10.0.0.1', method: 'GET', path: '/x' }
      return (await post(world, '/token/introspection', form, service)).body.reason
    }

    const order = {
      name: 'nightly',
      kind: 'service',
      owner: 'service:service',
      scopes: ['read'],
      apis: ['urn:test:api'],
    }

    it('makes a token that its API verifies, and ends it', async () => {
      const made = await call('POST', '/tokens', order)
      assert.equal(made.status, 201, JSON.stringify(made.body))
      assert.deepEqual([made.body.owner, made.body.created_by], ['service:service', 'client console'])
      const text = String(made.body.token)
      assert.equal(await reason(text), 'VALID')
      const entry = await call('GET', '/inventory?kind=api-token&owner=service:service')
      assert.equal(entry.status, 200, JSON.stringify(entry.body))
      assert.ok(JSON.stringify(entry.body).includes(String(made.body.id)))
      assert.equal((await call('POST', `/tokens/${made.body.id}/revoke`, { why: 'done' })).body.state, 'revoked')
      assert.equal(await reason(text), 'REVOKED')
    })

    it('makes a child of a smaller network and path, and none of a larger', async () => {
      const rights = { networks: { allow: ['10.0.0.0/8'], except: [] }, paths: ['/a/{id}', '/b/**'], methods: ['GET'] }
      const parent = (await call('POST', '/tokens', { ...order, ...rights, name: 'parent' })).body
      const child = { ...order, ...rights, parent: parent.id, paths: ['/b/c', '/a/1'] }
      const narrow = { ...child, name: 'narrow', networks: { allow: ['10.2.0.0/16'], except: [] } }
      assert.equal((await call('POST', '/tokens', narrow)).status, 201)
      const wide = { ...child, name: 'wide', networks: { allow: ['10.0.0.0/7'], except: [] } }
      assert.equal((await call('POST', '/tokens', wide)).body.code, 'wider_than_parent')
      const odd = { ...order, name: 'odd', paths: ['/a/*'] }
      assert.equal((await call('POST', '/tokens', odd)).body.code, 'bad_path')
    })

    it('sees its own changes at once, while the clock stands', async () => {
      const { id, token } = (await call('POST', '/tokens', { ...order, name: 'at once' })).body
      const text = String(token)
      assert.equal(await reasonNow(text), 'VALID')
      await call('POST', `/tokens/${id}/quarantine`, { why: 'looked at' })
      assert.equal(await reasonNow(text), 'QUARANTINED')
      await call('POST', `/tokens/${id}/release`)
      assert.equal(await reasonNow(text), 'VALID')
      await world.app.clients.disable('service')
      await world.app.clients.enable('service')
      assert.equal(await reasonNow(text), 'VALID')
      const next = (await call('POST', `/tokens/${id}/rotate`, { overlap: '0' })).body
      assert.deepEqual([await reasonNow(text), await reasonNow(String(next.token))], ['REVOKED', 'VALID'])
      await call('POST', `/tokens/${next.id}/revoke`, { why: 'done' })
      assert.equal(await reasonNow(String(next.token)), 'REVOKED')
    })

    it('hands one over by an address that opens once; a retry of the order is told the same address', async () => {
      const wanted = { ...order, name: 'handed over', deliver: { as: 'wrapped', lifetime_seconds: 300 } }
      const [made, again] = [await call('POST', '/tokens', wanted), await call('POST', '/tokens', wanted)]
      assert.equal(made.status, 201, JSON.stringify(made.body))
      assert.deepEqual(made.body, again.body)
      assert.equal('token' in made.body, false)
      const url = new URL(/"address":"([^"]+)"/.exec(JSON.stringify(made.body))?.[1] ?? '')
      const [id, key] = [url.pathname.split('/').at(-1) ?? '', url.hash.slice(1)]
      world.keepSecret(key)
      const opened = await fetch(new URL(url.pathname, world.issuer), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ proof: proofOf(key, id), attempt: 'A'.repeat(22) }),
      })
      const { ciphertext }: { readonly ciphertext: string } = JSON.parse(await opened.text())
      const text = unwrapText(key, id, ciphertext)
      world.keepSecret(text)
      assert.equal(await reason(text), 'VALID')
      const bad = { ...order, name: 'bad', deliver: { as: 'sealed', recipient: { kty: 'RSA', n: 'AQAB', e: 'AQAB' } } }
      assert.deepEqual((await call('POST', '/tokens', bad)).body.code, 'bad_recipient_key')
    })

    it('lets in neither a token of another API nor one whose client has ended', async () => {
      const form = { grant_type: 'client_credentials', scope: 'read', resource: 'urn:test:api' }
      const other = String((await post(world, '/token', form, service)).body.access_token)
      world.keepSecret(other)
      assert.equal((await call('GET', '/tokens?owner=service:service', undefined, other)).status, 401)
      assert.equal((await call('GET', '/tokens?owner=service:service')).status, 200)
      await world.app.clients.disable('console')
      assert.equal((await call('GET', '/tokens?owner=service:service')).status, 401)
    })
  })
}
