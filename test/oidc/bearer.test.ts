/** Access tokens at our own API: good while their grant, family, person and client are, and for that API alone. */

import assert from 'node:assert/strict'
import { declareManagementApi, MANAGEMENT_API, MANAGEMENT_SCOPES } from '../../src/admin/index.ts'
import { randomText, systemRandom, Unit } from '../../src/base/index.ts'
import { makeToken } from '../api-tokens/desk.ts'
import { API_TOKEN, EXCHANGE } from '../support/api-tokens.ts'
import { Browser, codeFor, post, redeem, refresh, text } from '../support/browser.ts'
import { CANARY, clientOrder, type Furniture, furnish, openWorld, STORES, type World } from '../support/world.ts'

for (const kind of STORES)
  for (const format of ['opaque', 'jwt'] as const)
    describe(`${format} access tokens at the management API on ${kind}`, () => {
      let world: World
      let has: Furniture
      let robot: string
      beforeEach(async () => {
        const own = {
          id: MANAGEMENT_API,
          name: 'Mintmark',
          scopes: { ...MANAGEMENT_SCOPES },
          accessToken: 'jwt' as const,
        }
        world = await openWorld(kind, format === 'jwt' ? { apis: [own] } : {})
        has = await furnish(world)
        await declareManagementApi({ api: world.app.clients.api, createApi: world.app.createApi })
        const { secret } = await world.app.clients.create(
          clientOrder({ id: 'robot', grants: ['client_credentials'], scopes: ['tokens:read'] }),
        )
        robot = secret?.reveal() ?? ''
      })
      afterEach(() => world.close())

      const facts = (token: string, api = MANAGEMENT_API) => world.app.oidc.bearer(token, { api })

      async function signedIn() {
        return await codeFor(world, new Browser(world), {
          scope: 'offline_access tokens:self tokens:read',
          resource: MANAGEMENT_API,
          client_id: 'admin',
        })
      }

      it('say what a client may do, and nothing once it is disabled', async () => {
        const answer = await post(
          world,
          '/token',
          { grant_type: 'client_credentials', scope: 'tokens:read', resource: MANAGEMENT_API },
          ['robot', robot],
        )
        const token = text(answer, 'access_token')
        assert.equal(token.split('.').length === 3, format === 'jwt')
        assert.deepEqual(await facts(token), {
          account: undefined,
          client: 'robot',
          scopes: ['tokens:read'],
          isBound: false,
          source: undefined,
        })
        assert.equal(await facts(token, 'urn:test:api'), undefined)
        const changed = token.slice(0, -9) + (token.at(-9) === 'A' ? 'B' : 'A') + token.slice(-8)
        assert.equal(await facts(changed), undefined)
        await world.app.clients.disable('robot')
        assert.equal(await facts(token), undefined)
      })

      it('say what a person may do, until the family, the person or the time ends', async () => {
        const { secret } = await world.app.clients.create(
          clientOrder({
            id: 'admin',
            grants: ['authorization_code', 'refresh_token'],
            scopes: ['openid', 'offline_access', 'tokens:self', 'tokens:read'],
            redirectUris: ['http://localhost:9/callback'],
          }),
        )
        const admin = secret?.reveal() ?? ''
        const redeemed = async () => {
          const { code, verifier } = await signedIn()
          const form = {
            grant_type: 'authorization_code',
            code,
            redirect_uri: 'http://localhost:9/callback',
            code_verifier: verifier,
            resource: MANAGEMENT_API,
          }
          return post(world, '/token', form, ['admin', admin])
        }
        const first = await redeemed()
        const token = text(first, 'access_token')
        const right = {
          account: has.person.sub,
          client: 'admin',
          scopes: ['tokens:self', 'tokens:read'],
          isBound: false,
          source: undefined,
        }
        assert.deepEqual(await facts(token), right)
        await post(world, '/token/revocation', { token: text(first, 'refresh_token') }, ['admin', admin])
        assert.equal(await facts(token), undefined, 'its family was revoked')
        const second = text(await redeemed(), 'access_token')
        await world.app.accounts.disable(CANARY.login)
        assert.equal(await facts(second), undefined, 'the person is disabled')
        await world.app.accounts.enable(CANARY.login)
        assert.deepEqual(await facts(second), right)
        if (format === 'jwt') world.clock.forward(301)
        if (format === 'jwt') assert.equal(await facts(second), undefined, 'too old')
      })

      it('are good from the networks of the API token that they were exchanged for, and from no other', async () => {
        await world.app.clients.create(clientOrder({ id: 'cli', grants: ['token_exchange'], public: true }))
        const { store, seal } = world.app
        const unit = () => new Unit({ store, cid: randomText(systemRandom, 16), request: 'test' })
        const networks = { allow: ['127.0.0.0/8', '::1'], except: [] }
        const owner = { type: 'account', id: has.person.sub } as const
        const wish = { kind: 'personal' as const, owner, networks, apis: [MANAGEMENT_API], scopes: ['tokens:self'] }
        const { id, text: secret } = await makeToken({ store, seal, clock: world.clock, unit }, wish)
        world.keepSecret(secret)
        const answer = await post(world, '/token', {
          grant_type: EXCHANGE,
          client_id: 'cli',
          subject_token: secret,
          subject_token_type: API_TOKEN,
        })
        const token = text(answer, 'access_token')
        const from = (address: string) => world.app.oidc.bearer(token, { api: MANAGEMENT_API, address })
        const near = await from('127.0.0.1')
        assert.deepEqual(
          [near?.account, near?.client, near?.scopes, near?.source?.id],
          [has.person.sub, 'cli', ['tokens:self'], `tok_${id}`],
        )
        assert.equal(await from('192.0.2.1'), undefined)
      })

      it('are nothing where they are of another API, of userinfo, or no access tokens', async () => {
        const answer = await redeem(world, has.web, await codeFor(world, new Browser(world)))
        assert.equal(await facts(text(answer, 'access_token')), undefined)
        assert.equal(await facts(text(answer, 'refresh_token')), undefined)
        assert.equal(await facts(text(answer, 'id_token')), undefined)
        for (const odd of ['', 'x', 'a.b.c', 'mm_at_x', `mm_at_${'0'.repeat(60)}`])
          assert.equal(await facts(odd), undefined)
        assert.equal(
          (await refresh(world, has.web, text(answer, 'refresh_token'))).status,
          200,
          'and looking spends nothing',
        )
      })
    })
