/** API tokens at introspection and token exchange, on both stores: the right client, the wrong one, and the bearer. */

import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import { apiTokens, type TokenRecord, tokenDoc, tokenId } from '../../src/api-tokens/records.ts'
import { Browser, codeFor, post, redeem, text } from '../support/browser.ts'
import { CANARY, clientOrder, type Furniture, furnish, openWorld, STORES, type World } from '../support/world.ts'

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const TYPE = 'urn:mintmark:token-type:api-token'
const DAY = 24 * 3600

for (const kind of STORES) {
  describe(`API tokens on ${kind}`, () => {
    let world: World
    let has: Furniture
    let outsider: readonly [string, string]
    let reports: readonly [string, string]
    before(async () => {
      world = await openWorld(kind, { tokens: { rates: { few: { points: 2, seconds: 3600 } } } })
      has = await furnish(world)
      const made = async (id: string, order: Partial<Parameters<typeof clientOrder>[0]>) => {
        const { secret } = await world.app.clients.create(clientOrder({ id, grants: ['client_credentials'], ...order }))
        world.keepSecret(secret?.reveal())
        return [id, secret?.reveal() ?? ''] as const
      }
      outsider = await made('outsider', {})
      reports = await made('reports', {
        grants: ['client_credentials', 'token_exchange'],
        scopes: ['read', 'write', 'look'],
      })
      await world.app.clients.create(clientOrder({ id: 'cli', grants: ['token_exchange'], public: true }))
    })
    after(() => world.close())

    const now = () => Math.floor(world.clock.now() / 1000)

    async function make(wish: Partial<TokenRecord> & { readonly exp?: number } = {}) {
      const { seal, store } = world.app
      const { exp = now() + 30 * DAY, ...more } = wish
      const secret = seal.mintCredential(wish.kind === 'personal' ? 'pat' : 'svc')
      world.keepSecret(secret)
      const id = tokenId(seal, secret)
      const record: TokenRecord = {
        name: 'nightly',
        kind: 'service',
        owner: { type: 'service', id: 'reports' },
        purpose: '',
        keptAt: '',
        scopes: ['read', 'write'],
        apis: ['urn:test:api'],
        networks: { allow: [], except: [] },
        methods: [],
        paths: [],
        labels: [],
        template: null,
        createdAt: now(),
        createdBy: 'test',
        rotations: 0,
        parent: null,
        canary: false,
        ending: secret.slice(-4),
        approvedBy: null,
        why: null,
        ...more,
      }
      const doc = tokenDoc(seal, {
        id,
        hk: seal.hk,
        record,
        line: id,
        parent: null,
        state: 'active',
        notBefore: null,
        exp,
        purgeAt: exp + DAY,
      })
      const nothing = { burns: [], inserts: [], updates: [], revocations: [], cleanups: [], events: [] }
      await store.commit({
        ...nothing,
        cid: `make ${id}`,
        request: 'test',
        inserts: [{ collection: apiTokens.name, doc }],
      })
      return { text: secret, id }
    }
    const personal = (more: Partial<TokenRecord> = {}) =>
      make({ kind: 'personal', owner: { type: 'account', id: has.person.sub }, ...more })
    async function revoke(id: string): Promise<void> {
      const nothing = { burns: [], inserts: [], updates: [], cleanups: [], events: [] }
      const revocations = [{ collection: apiTokens.name, target: { id }, at: now() }]
      await world.app.store.commit({ ...nothing, cid: `revoke ${id}`, request: 'test', revocations })
      world.clock.forward(1)
    }
    const service = () => ['service', has.service] as const
    const introspect = (
      token: string,
      client: readonly [string, string],
      more: Readonly<Record<string, string>> = {},
    ) => post(world, '/token/introspection', { token, ...more }, client)
    const exchange = (
      token: string,
      more: Readonly<Record<string, string>> = {},
      client: readonly [string, string] | undefined = reports,
    ) =>
      post(world, '/token', { grant_type: EXCHANGE, subject_token: token, subject_token_type: TYPE, ...more }, client)

    it('tells a resource server all about a token of its API, and in a header when it ends', async () => {
      const token = await personal()
      const { status, body, headers } = await introspect(token.text, service())
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
      const { body: owned } = await introspect((await make()).text, service())
      assert.deepEqual([owned.sub, owned.client_id], ['reports', 'reports'])
    })

    it('tells nobody else anything: another client, the bearer, whoever is not authenticated', async () => {
      const token = await make()
      assert.deepEqual((await introspect(token.text, outsider)).body, { active: false })
      const other = await make({ apis: ['urn:elsewhere'] })
      const junk = world.app.seal.mintCredential('svc')
      // Another's API and a token that there is not: one answer, or it would be an oracle.
      assert.deepEqual((await introspect(other.text, service())).body, { active: false, reason: 'NOT_FOUND' })
      assert.deepEqual((await introspect(junk, service())).body, { active: false, reason: 'NOT_FOUND' })
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
      const wide = await make({ apis: [], scopes: ['look'] })
      assert.equal((await introspect(wide.text, service())).body.aud, 'urn:test:opaque')
      const foreign = await make({ apis: [], scopes: ['nothing of ours'] })
      assert.deepEqual((await introspect(foreign.text, service())).body, { active: false, reason: 'NOT_FOUND' })
      const both = await make({ apis: ['urn:test:api', 'urn:test:opaque'] })
      assert.equal(
        (await introspect(both.text, service(), { resource: 'urn:test:opaque' })).body.aud,
        'urn:test:opaque',
      )
      assert.equal((await introspect(both.text, service(), { resource: 'urn:elsewhere' })).body.reason, 'NOT_FOUND')
    })

    it('judges the request that the resource server was sent, with a reason', async () => {
      const token = await make({
        networks: { allow: ['10.0.0.0/8'], except: [] },
        methods: ['GET'],
        paths: ['/orders/{id}'],
        labels: ['rate:few'],
      })
      const good = { ip: '10.1.2.3', method: 'GET', path: '/orders/7', scope: 'read', user_agent: 'cron/1' }
      const reason = async (more: Readonly<Record<string, string>>) => {
        const { body } = await introspect(token.text, service(), more)
        assert.equal(body.active, body.reason === 'VALID')
        return body.reason
      }
      assert.equal(await reason(good), 'VALID')
      assert.equal(await reason({ ...good, ip: '192.0.2.1' }), 'IP_DENIED')
      assert.equal(await reason({}), 'IP_DENIED')
      assert.equal(await reason({ ...good, path: '/orders' }), 'SCOPE_DENIED')
      assert.equal(await reason({ ...good, scope: 'read admin' }), 'SCOPE_DENIED')
      assert.equal(await reason(good), 'VALID')
      const { body } = await introspect(token.text, service(), good)
      assert.deepEqual([body.reason, typeof body.retry_after], ['RATE_LIMITED', 'number'])
      const twice = new URLSearchParams([...Object.entries({ token: token.text, ip: '10.1.2.3' }), ['ip', '10.1.2.4']])
      assert.equal((await post(world, '/token/introspection', twice, service())).status, 400)
      await world.app.tokenUse.usage.flush()
      const users = await world.app.tokenUse.usage.users(`tok_${token.id}`)
      assert.ok(
        users.some(
          ({ agent, network, route }) => `${agent} ${network} ${route}` === 'cron/1 10.1.2.0/24 GET /orders/{id}',
        ),
      )
    })

    it('says of dead ones why, to the resource server alone', async () => {
      const expired = await make({ exp: now() - 1 })
      assert.equal((await introspect(expired.text, service())).body.reason, 'EXPIRED')
      const gone = await make()
      await introspect(gone.text, service())
      await revoke(gone.id)
      assert.equal((await introspect(gone.text, service())).body.reason, 'REVOKED')
      const person = await personal()
      await world.app.accounts.disable(CANARY.login)
      world.clock.forward(1)
      assert.equal((await introspect(person.text, service())).body.reason, 'QUARANTINED')
      assert.equal((await exchange(person.text, { resource: 'urn:test:api' })).body.error, 'invalid_request')
      await world.app.accounts.enable(CANARY.login)
      world.clock.forward(1)
      assert.equal((await introspect(person.text, service())).body.reason, 'VALID')
    })

    it('says of opaque and JWT access tokens why they are dead, to a service of their API alone', async () => {
      const issued = async (scope: string) =>
        text(await post(world, '/token', { grant_type: 'client_credentials', scope }, service()), 'access_token')
      const opaque = await issued('look')
      const jwt = await issued('read')
      const ask = async (token: string, client = service() as readonly [string, string]) => {
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
      await post(world, '/token/revocation', { token: opaque }, service())
      assert.deepEqual(await ask(opaque), [false, 'REVOKED'])
      assert.deepEqual(await ask('mm_at_junk'), [false, 'NOT_FOUND'])
    })

    it('exchanges a token for a short-lived one of one API, narrower or equal and never longer-lived', async () => {
      const token = await personal({ scopes: ['read'] })
      const { status, body } = await exchange(token.text, { scope: 'read write' })
      assert.equal(status, 200, JSON.stringify(body))
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
      const seen = (await introspect(String(short.body.access_token), service())).body
      assert.deepEqual([seen.active, seen.sub, seen.reason, seen.tok], [true, 'reports', 'VALID', `tok_${brief.id}`])
    })

    it('lets a public client that is registered for it exchange, and no other', async () => {
      const token = await make({ apis: [], scopes: ['look'] })
      const form = { client_id: 'cli', scope: 'look' }
      const made = await post(world, '/token', {
        grant_type: EXCHANGE,
        subject_token: token.text,
        subject_token_type: TYPE,
        ...form,
      })
      assert.equal(made.status, 200, JSON.stringify(made.body))
      const opaque = text(made, 'access_token')
      assert.match(opaque, /^mm_cc_/)
      const seen = (await introspect(opaque, service())).body
      assert.deepEqual([seen.active, seen.sub, seen.client_id, seen.aud], [true, 'reports', 'cli', 'urn:test:opaque'])
      assert.notEqual((await exchange(token.text, {}, service())).status, 200)
      assert.equal((await exchange(token.text, { client_id: 'reports' }, undefined)).status, 200)
    })

    it('ends what was exchanged with its source, opaque and JWT alike', async () => {
      const token = await personal({ apis: ['urn:test:api', 'urn:test:opaque'], scopes: ['read', 'look'] })
      const jwt = text(await exchange(token.text, { resource: 'urn:test:api' }), 'access_token')
      const opaque = text(await exchange(token.text, { audience: 'urn:test:opaque' }), 'access_token')
      const active = async () => [
        (await introspect(jwt, service())).body.active,
        (await introspect(opaque, service())).body.active,
      ]
      assert.deepEqual(await active(), [true, true])
      await revoke(token.id)
      assert.deepEqual(await active(), [false, false])
      assert.equal((await introspect(jwt, service())).body.reason, 'REVOKED')
      assert.equal((await introspect(opaque, service())).body.reason, 'REVOKED')
      assert.equal((await exchange(token.text, { resource: 'urn:test:api' })).body.error, 'invalid_request')
    })

    it('refuses every bad request for an exchange, and says of no token what is wrong with it', async () => {
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
        subject_token_type: TYPE,
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
      await refused(form({ actor_token: 'x', actor_token_type: TYPE }), 'invalid_request')
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
