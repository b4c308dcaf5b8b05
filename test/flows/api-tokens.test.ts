/** API tokens at introspection, on both stores: the right client, the wrong one, and the bearer. */

import assert from 'node:assert/strict'
import { openTokenWorld, type TokenWorld } from '../support/api-tokens.ts'
import { Browser, codeFor, post, redeem, text } from '../support/browser.ts'
import { CANARY, STORES } from '../support/world.ts'

const DAY = 24 * 3600

for (const kind of STORES) {
  describe(`API tokens on ${kind}`, () => {
    let at: TokenWorld
    before(async () => {
      at = await openTokenWorld(kind)
    })
    after(() => at.world.close())

    it('tells a resource server all about a token of its API, and in a header when it ends', async () => {
      const { has, service, make, personal, introspect } = at
      const token = await personal()
      const { status, body, headers } = await introspect(token.text, service)
      assert.equal(status, 200)
      const { exp, iat, ...rest } = body
      assert.deepEqual(rest, {
        active: true,
        scope: 'read write',
        sub: has.person.sub,
        token_type: 'api_token',
        jti: `tok_${token.id}`,
        aud: 'urn:test:api',
        reason: 'VALID',
      })
      assert.equal(Number(exp) - Number(iat), 30 * DAY)
      const left = Number(headers.get('token-expires-in'))
      assert.ok(left <= 30 * DAY && left > 30 * DAY - 60)
      assert.equal(headers.get('cache-control'), 'no-store')
      const { body: owned } = await introspect((await make()).text, service)
      assert.deepEqual([owned.sub, owned.client_id], ['reports', 'reports'])
    })

    it('tells nobody else anything: another client, the bearer, whoever is not authenticated', async () => {
      const { world, service, outsider, reports, make, revoke, introspect } = at
      const token = await make()
      assert.deepEqual((await introspect(token.text, outsider)).body, { active: false })
      const other = await make({ apis: ['urn:elsewhere'] })
      const junk = world.app.seal.mintCredential('svc')
      // Another's API and a token that there is not: one answer, or it would be an oracle.
      assert.deepEqual((await introspect(other.text, service)).body, { active: false, reason: 'NOT_FOUND' })
      assert.deepEqual((await introspect(junk, service)).body, { active: false, reason: 'NOT_FOUND' })
      assert.deepEqual((await introspect(junk, outsider)).body, { active: false })
      const own = (await introspect(token.text, reports)).body
      assert.deepEqual([own.active, 'reason' in own], [true, false])
      await revoke(token.id)
      assert.deepEqual((await introspect(token.text, reports)).body, { active: false })
      assert.equal((await post(world, '/token/introspection', { token: token.text })).status, 400)
      assert.equal((await introspect(token.text, ['service', 'wrong'])).status, 401)
      const bearer = { authorization: `Bearer ${token.text}` }
      const me = await fetch(new URL('/me', world.issuer), { headers: bearer })
      assert.ok(me.status === 401 && !/reason|REVOKED/.test(await me.text()))
    })

    it('knows tokens without an API by their scopes, and which of several APIs asks', async () => {
      const { service, make, introspect } = at
      const wide = await make({ apis: [], scopes: ['look'] })
      assert.equal((await introspect(wide.text, service)).body.aud, 'urn:test:opaque')
      const foreign = await make({ apis: [], scopes: ['nothing of ours'] })
      assert.deepEqual((await introspect(foreign.text, service)).body, { active: false, reason: 'NOT_FOUND' })
      const both = await make({ apis: ['urn:test:api', 'urn:test:opaque'] })
      assert.equal((await introspect(both.text, service, { resource: 'urn:test:opaque' })).body.aud, 'urn:test:opaque')
      assert.equal((await introspect(both.text, service, { resource: 'urn:elsewhere' })).body.reason, 'NOT_FOUND')
    })

    it('judges the request that the resource server was sent, with a reason', async () => {
      const { world, service, make, introspect } = at
      const token = await make({
        networks: { allow: ['10.0.0.0/8'], except: [] },
        methods: ['GET'],
        paths: ['/orders/{id}'],
        labels: ['rate:few'],
      })
      const good = { ip: '10.1.2.3', method: 'GET', path: '/orders/7', scope: 'read', user_agent: 'cron/1' }
      const reason = async (more: Readonly<Record<string, string>>) => {
        const { body } = await introspect(token.text, service, more)
        assert.equal(body.active, body.reason === 'VALID')
        return body.reason
      }
      assert.equal(await reason(good), 'VALID')
      assert.equal(await reason({ ...good, ip: '192.0.2.1' }), 'IP_DENIED')
      assert.equal(await reason({}), 'IP_DENIED')
      assert.equal(await reason({ ...good, path: '/orders' }), 'SCOPE_DENIED')
      assert.equal(await reason({ ...good, scope: 'read admin' }), 'SCOPE_DENIED')
      assert.equal(await reason(good), 'VALID')
      const { body } = await introspect(token.text, service, good)
      assert.deepEqual([body.reason, typeof body.retry_after], ['RATE_LIMITED', 'number'])
      const twice = new URLSearchParams([...Object.entries({ token: token.text, ip: '10.1.2.3' }), ['ip', '10.1.2.4']])
      assert.equal((await post(world, '/token/introspection', twice, service)).status, 400)
      await world.app.tokenUse.usage.flush()
      const { served: users } = await world.app.tokenUse.usage.users(`tok_${token.id}`)
      assert.ok(
        users.some(
          ({ agent, network, route }) => `${agent} ${network} ${route}` === 'cron/1 10.1.2.0/24 GET /orders/{id}',
        ),
      )
    })

    it('says of dead ones why, to the resource server alone', async () => {
      const { world, service, now, make, personal, revoke, introspect, exchange } = at
      const expired = await make({ exp: now() - 1 })
      assert.equal((await introspect(expired.text, service)).body.reason, 'EXPIRED')
      const gone = await make()
      await introspect(gone.text, service)
      await revoke(gone.id)
      assert.equal((await introspect(gone.text, service)).body.reason, 'REVOKED')
      const person = await personal()
      await world.app.accounts.disable(CANARY.login)
      world.clock.forward(1)
      assert.equal((await introspect(person.text, service)).body.reason, 'QUARANTINED')
      assert.equal((await exchange(person.text, { resource: 'urn:test:api' })).body.error, 'invalid_request')
      await world.app.accounts.enable(CANARY.login)
      world.clock.forward(1)
      assert.equal((await introspect(person.text, service)).body.reason, 'VALID')
    })

    it('says of opaque and JWT access tokens why they are dead, to a service of their API alone', async () => {
      const { world, has, service, outsider, introspect } = at
      const issued = async (scope: string) =>
        text(await post(world, '/token', { grant_type: 'client_credentials', scope }, service), 'access_token')
      const opaque = await issued('look')
      const jwt = await issued('read')
      const ask = async (token: string, client = service) => {
        const { body } = await introspect(token, client)
        return [body.active, body.reason]
      }
      assert.deepEqual(
        [await ask(opaque), await ask(jwt)],
        [
          [true, 'VALID'],
          [true, 'VALID'],
        ],
      )
      assert.deepEqual(
        [await ask(opaque, outsider), await ask(jwt, outsider)],
        [
          [false, undefined],
          [false, undefined],
        ],
      )
      const person = await redeem(
        world,
        has.web,
        await codeFor(world, new Browser(world), { resource: 'urn:test:api', scope: 'offline_access read' }),
      )
      const [access, refresh] = [text(person, 'access_token'), text(person, 'refresh_token')]
      assert.deepEqual(await ask(access), [true, 'VALID'])
      assert.deepEqual(await ask(access, ['web', has.web]), [true, undefined], 'its own client is the bearer')
      await post(world, '/token/revocation', { token: refresh }, ['web', has.web])
      assert.deepEqual(await ask(access), [false, 'REVOKED'])
      assert.deepEqual(await ask(`${access}x`), [false, 'NOT_FOUND'])
      await post(world, '/token/revocation', { token: opaque }, service)
      assert.deepEqual(await ask(opaque), [false, 'REVOKED'])
      assert.deepEqual(await ask('mm_at_junk'), [false, 'NOT_FOUND'])
    })
  })
}
