/** Token exchange for API tokens, on both stores: narrower, shorter, and dead with its source. */

import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import { MANAGEMENT_API } from '../../src/admin/index.ts'
import { API_TOKEN, EXCHANGE, openTokenWorld, type TokenWorld } from '../support/api-tokens.ts'
import { post, text } from '../support/browser.ts'
import { STORES } from '../support/world.ts'

for (const kind of STORES) {
  describe(`token exchange on ${kind}`, () => {
    let at: TokenWorld
    before(async () => {
      at = await openTokenWorld(kind)
    })
    after(() => at.world.close())

    it('exchanges a token for a short-lived one of one API, narrower or equal and never longer-lived', async () => {
      const { has, service, now, make, personal, introspect, exchange } = at
      const token = await personal({ scopes: ['read'] })
      const { status, body, headers } = await exchange(token.text, { scope: 'read write' })
      assert.equal(status, 200, JSON.stringify(body))
      const left = Number(headers.get('token-expires-in'))
      assert.ok(left > 29 * 86_400 && left <= 30 * 86_400, "the API token's own end, for its holder")
      assert.deepEqual(
        [body.scope, body.issued_token_type, body.token_type, 'refresh_token' in body],
        ['read', 'urn:ietf:params:oauth:token-type:access_token', 'Bearer', false],
      )
      const claims = decodeJwt(String(body.access_token))
      assert.deepEqual(
        [claims.sub, claims.client_id, claims.aud, claims.scope, claims.tok],
        [has.person.sub, 'reports', 'urn:test:api', 'read', `tok_${token.id}`],
      )
      assert.equal(Number(claims.exp) - Number(claims.iat), 300)
      const brief = await make({ exp: now() + 60 })
      const short = await exchange(brief.text, { resource: 'urn:test:api' })
      assert.ok(Number(short.body.expires_in) <= 60)
      assert.equal(decodeJwt(String(short.body.access_token)).sub, 'reports')
      const seen = (await introspect(String(short.body.access_token), service)).body
      assert.deepEqual([seen.active, seen.sub, seen.reason, seen.tok], [true, 'reports', 'VALID', `tok_${brief.id}`])
    })

    it('lets a public client that is registered for it exchange, and no other', async () => {
      const { world, service, make, introspect, exchange } = at
      const token = await make({ apis: [], scopes: ['look'] })
      const form = { client_id: 'cli', scope: 'look' }
      const made = await post(world, '/token', {
        grant_type: EXCHANGE,
        subject_token: token.text,
        subject_token_type: API_TOKEN,
        ...form,
      })
      assert.equal(made.status, 200, JSON.stringify(made.body))
      const opaque = text(made, 'access_token')
      assert.match(opaque, /^mm_cc_/)
      const seen = (await introspect(opaque, service)).body
      assert.deepEqual([seen.active, seen.sub, seen.client_id, seen.aud], [true, 'reports', 'cli', 'urn:test:opaque'])
      assert.notEqual((await exchange(token.text, {}, service)).status, 200)
      assert.equal((await exchange(token.text, { client_id: 'reports' }, undefined)).status, 200)
    })

    it('lets the secret be presented from its own networks, and the access token stand for what is left of it', async () => {
      const { world, service, make, introspect, exchange } = at
      const token = await make({ networks: { allow: ['127.0.0.0/8', '::1/128'], except: [] } })
      const jwt = text(await exchange(token.text), 'access_token')
      assert.equal((await introspect(jwt, service)).body.reason, 'VALID')
      const { clients } = world.app
      await clients.disable('reports')
      world.clock.forward(1)
      assert.equal((await introspect(jwt, service)).body.reason, 'REVOKED', 'the owner is disabled, and with it both')
      await clients.enable('reports')
      world.clock.forward(1)
      assert.equal((await introspect(jwt, service)).body.reason, 'VALID')
    })

    it('tells that it was exchanged, by whom and for what, and counts it as a use', async () => {
      const { world, now, make, exchange } = at
      const token = await make({ apis: ['urn:test:opaque'], scopes: ['look'] })
      assert.equal((await exchange(token.text)).status, 200)
      const [user] = (await world.app.tokenUse.usage.users(token.id)).served
      const { uses, scopes } = await world.app.tokenUse.usage.used(token.id)
      assert.deepEqual([uses, Object.keys(scopes.at), scopes.unnamed], [1, ['look'], 0], 'with what it was for')
      assert.deepEqual([user?.outcome, now() - (user?.lastSeen ?? 0) <= 5], ['VALID', true])
      await world.app.relay.drain()
      const [told] = await world.app.eventLog.latest({ type: 'api_token.exchanged', last: 1 })
      const said = JSON.stringify(told)
      for (const part of [`tok_${token.id}`, 'reports', 'urn:test:opaque', 'look']) assert.ok(said.includes(part), part)
      assert.ok(!said.includes(token.text))
    })

    it('ends what was exchanged with its source, opaque and JWT alike', async () => {
      const { service, personal, revoke, introspect, exchange } = at
      const token = await personal({ apis: ['urn:test:api', 'urn:test:opaque'], scopes: ['read', 'look'] })
      const jwt = text(await exchange(token.text, { resource: 'urn:test:api' }), 'access_token')
      const opaque = text(await exchange(token.text, { audience: 'urn:test:opaque' }), 'access_token')
      const active = async () => [
        (await introspect(jwt, service)).body.active,
        (await introspect(opaque, service)).body.active,
      ]
      assert.deepEqual(await active(), [true, true])
      await revoke(token.id)
      assert.deepEqual(await active(), [false, false])
      assert.equal((await introspect(jwt, service)).body.reason, 'REVOKED')
      assert.equal((await introspect(opaque, service)).body.reason, 'REVOKED')
      assert.equal((await exchange(token.text, { resource: 'urn:test:api' })).body.error, 'invalid_request')
    })

    it('ends what was exchanged with its source at our own API, too', async () => {
      const { make, revoke, exchange, world } = at
      const token = await make({ apis: [MANAGEMENT_API], scopes: ['tokens:read'] })
      const access = text(await exchange(token.text), 'access_token')
      const seen = async (): Promise<number> => {
        const headers = { authorization: `Bearer ${access}` }
        return (await fetch(new URL('/api/v1/tokens?owner=service:reports', world.issuer), { headers })).status
      }
      assert.equal(await seen(), 200)
      await revoke(token.id)
      assert.equal(await seen(), 401)
    })

    it('refuses every bad request for an exchange, and says of no token what is wrong with it', async () => {
      const { world, reports, now, make, revoke } = at
      const token = await make()
      const gone = await make()
      await revoke(gone.id)
      const refused = async (form: Readonly<Record<string, string>> | URLSearchParams, error: string) => {
        const { status, body } = await post(world, '/token', form, reports)
        assert.deepEqual([status, body.error], [400, error], JSON.stringify(body))
        return body.error_description
      }
      const form = (more: Readonly<Record<string, string>>) => ({
        grant_type: EXCHANGE,
        subject_token: token.text,
        subject_token_type: API_TOKEN,
        resource: 'urn:test:api',
        ...more,
      })
      const words = new Set<unknown>()
      for (const bad of [
        gone.text,
        (await make({ exp: now() - 1 })).text,
        (await make({ networks: { allow: ['192.0.2.0/24'], except: [] } })).text,
        `${token.text.slice(0, -1)}${token.text.endsWith('0') ? '1' : '0'}`,
        world.app.seal.mintCredential('pat'),
        'mm_at_junk',
        'a.b.c',
      ])
        words.add(await refused(form({ subject_token: bad }), 'invalid_request'))
      assert.deepEqual([...words], ['the subject token is not valid'])
      await refused(form({ subject_token: '' }), 'invalid_request')
      await refused(form({ subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' }), 'invalid_request')
      await refused(form({ actor_token: 'x', actor_token_type: API_TOKEN }), 'invalid_request')
      await refused(form({ requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }), 'invalid_request')
      await refused(
        new URLSearchParams([...Object.entries(form({})), ['subject_token', token.text]]),
        'invalid_request',
      )
      await refused(form({ resource: 'urn:nobody:declared' }), 'invalid_target')
      await refused(form({ resource: 'urn:test:opaque' }), 'invalid_target')
      await refused(form({ audience: 'urn:test:opaque' }), 'invalid_target')
      await refused(form({ scope: 'look' }), 'invalid_scope')
      const bound = await make({ methods: ['GET'] })
      await refused(form({ subject_token: bound.text }), 'invalid_target')
    })
  })
}
