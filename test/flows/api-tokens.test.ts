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
    })

    it('tells each API of a token for several only what is its own', async () => {
      const { service, reports, make, introspect } = at
      const apis = ['urn:test:api', 'urn:test:opaque']
      for (const both of [
        await make({ apis, scopes: ['read', 'look'] }),
        await make({ apis: [], scopes: ['read', 'look'] }),
      ]) {
        const ask = async (more: Readonly<Record<string, string>>) => {
          const { reason, scope, aud } = (await introspect(both.text, service, more)).body
          return [reason, scope, aud]
        }
        assert.deepEqual(await ask({ resource: 'urn:test:api' }), ['VALID', 'read', 'urn:test:api'])
        assert.deepEqual(await ask({ resource: 'urn:test:opaque' }), ['VALID', 'look', 'urn:test:opaque'])
        assert.deepEqual(await ask({ scope: 'look' }), ['VALID', 'look', 'urn:test:opaque'])
        assert.deepEqual(await ask({}), ['VALID', 'read', 'urn:test:api'])
        assert.equal((await ask({ resource: 'urn:test:opaque', scope: 'read' }))[0], 'SCOPE_DENIED')
        assert.equal((await ask({ scope: 'read look' }))[0], 'SCOPE_DENIED', 'no API has both')
        assert.equal((await ask({ resource: 'urn:elsewhere' }))[0], 'NOT_FOUND')
        const own = (await introspect(both.text, reports, { resource: 'urn:test:opaque' })).body
        assert.deepEqual([own.active, own.scope], [true, 'look'])
      }
      const one = await make({ apis, scopes: ['read'] })
      assert.equal((await introspect(one.text, service, { resource: 'urn:test:opaque' })).body.reason, 'SCOPE_DENIED')
      const second = await make({ apis, scopes: ['look'] })
      assert.equal((await introspect(second.text, service)).body.aud, 'urn:test:opaque')
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

    it('is for no path that means another one downstream', async () => {
      const { service, make, introspect } = at
      const token = await make({ paths: ['/files/**'] })
      const seen = async (path: string) => (await introspect(token.text, service, { path })).body.reason
      assert.equal(await seen('/files/a/b'), 'VALID')
      for (const path of ['/files/..;/admin', '/files/..%5cadmin', '/files/%252e%252e/admin', '/files/..%00/admin'])
        assert.equal(await seen(path), 'SCOPE_DENIED', path)
    })

    it('holds tokens to the quota that a policy names for them, all of an owner together', async () => {
      const { service, make, introspect } = at
      const owner = { type: 'organisation', id: 'acme' } as const
      await at.world.app.accounts.createOrganisation({ name: 'acme' })
      const [one, two] = [await make({ owner, labels: ['trial'] }), await make({ owner, labels: ['trial'] })]
      const reasons: unknown[] = []
      for (const { text: token } of [one, two, one, two]) reasons.push((await introspect(token, service)).body.reason)
      assert.deepEqual(reasons, ['VALID', 'VALID', 'VALID', 'RATE_LIMITED'])
      assert.equal((await introspect((await make({ owner })).text, service)).body.reason, 'VALID')
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

    it('answers what a resource server asks of access tokens, opaque and JWT, as of API tokens', async () => {
      const { world, has, service, make, personal, introspect, exchange } = at
      const person = await codeFor(world, new Browser(world), {
        resource: 'urn:test:api',
        scope: 'offline_access read',
      })
      const jwt = text(await redeem(world, has.web, person), 'access_token')
      const opaque = text(
        await exchange((await personal({ apis: ['urn:test:opaque'], scopes: ['look'] })).text),
        'access_token',
      )
      const tokens = [
        [(await make({ scopes: ['read'] })).text, 'urn:test:api', 'read'],
        [jwt, 'urn:test:api', 'read'],
        [opaque, 'urn:test:opaque', 'look'],
      ] as const
      for (const [token, api, scope] of tokens) {
        const ask = async (more: Readonly<Record<string, string>>) => (await introspect(token, service, more)).body
        const other = api === 'urn:test:api' ? 'urn:test:opaque' : 'urn:test:api'
        const good = await ask({ resource: api, scope })
        assert.deepEqual([good.active, good.aud, good.reason], [true, api, 'VALID'])
        assert.deepEqual(await ask({ scope: `${scope} write` }), { active: false, reason: 'SCOPE_DENIED' })
        assert.deepEqual(await ask({ resource: other }), { active: false, reason: 'NOT_FOUND' })
        assert.deepEqual(await ask({ resource: 'urn:nobody' }), { active: false, reason: 'NOT_FOUND' })
        const twice = new URLSearchParams([
          ['token', token],
          ['scope', scope],
          ['scope', scope],
        ])
        assert.equal((await post(world, '/token/introspection', twice, service)).status, 400)
      }
      const own = (await introspect(jwt, ['web', has.web], { scope: 'write', resource: 'urn:nobody' })).body
      assert.deepEqual([own.active, 'reason' in own], [true, false], 'who serves no API asks about its own token')
      const dead = text(await exchange((await personal()).text), 'access_token')
      world.clock.forward(301)
      assert.equal((await introspect(dead, service)).body.reason, 'EXPIRED')
      assert.equal((await introspect(dead, service, { resource: 'urn:test:opaque' })).body.reason, 'NOT_FOUND')
    })

    it('holds a child to the policies by label that hold for its parent', async () => {
      const { world, service, make, introspect } = at
      const seen = async (text: string, ip: string) => (await introspect(text, service, { ip })).body.reason
      const office = await make({ labels: ['office'] })
      const child = await make({ parent: office.id })
      assert.deepEqual(
        [await seen(office.text, '192.0.2.1'), await seen(office.text, '10.0.0.1')],
        ['IP_DENIED', 'VALID'],
      )
      assert.deepEqual(
        [await seen(child.text, '192.0.2.1'), await seen(child.text, '10.0.0.1')],
        ['IP_DENIED', 'VALID'],
      )
      const brief = await make({ labels: ['brief'] })
      const under = await make({ parent: brief.id })
      const slow = await make({ labels: ['rate:few'] })
      const fast = await make({ parent: slow.id })
      const three = async (text: string) => [await seen(text, ''), await seen(text, ''), await seen(text, '')]
      assert.deepEqual(await three(fast.text), ['VALID', 'VALID', 'RATE_LIMITED'])
      assert.equal(await seen(slow.text, ''), 'RATE_LIMITED')
      assert.deepEqual([await seen(brief.text, ''), await seen(under.text, '')], ['VALID', 'VALID'])
      world.clock.forward(3600)
      assert.deepEqual([await seen(brief.text, ''), await seen(under.text, '')], ['QUARANTINED', 'QUARANTINED'])
    })
  })
}
