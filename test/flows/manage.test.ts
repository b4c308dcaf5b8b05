/** Registration, introspection, revocation and sign-out, on both stores. */

import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { Browser, codeFor, isActive, pkce, post, redeem, refresh, text } from '../support/browser.ts'
import {
  CANARY,
  clientOrder,
  type Furniture,
  furnish,
  openWorld,
  REDIRECT,
  STORES,
  type World,
} from '../support/world.ts'

interface Heard {
  readonly server: Server
  readonly port: number
  readonly bodies: string[]
}

async function listener(): Promise<Heard> {
  const bodies: string[] = []
  const server = createServer((req, res) => {
    let body = ''
    req.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    req.on('end', () => {
      bodies.push(body)
      res.end()
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  return { server, port: typeof address === 'object' && address ? address.port : 0, bodies }
}

async function json(answer: Response): Promise<Readonly<Record<string, unknown>>> {
  const parsed: unknown = JSON.parse((await answer.text()) || '{}')
  return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {}
}

for (const kind of STORES) {
  describe(`management on ${kind}`, () => {
    let world: World
    let has: Furniture
    before(async () => {
      world = await openWorld(kind)
      has = await furnish(world)
    })
    after(() => world.close())

    it('lets one of 16 registrations with one initial access token through', async () => {
      const { token } = await world.app.oidc.initialAccessToken()
      world.keepSecret(token)
      const body = JSON.stringify({ redirect_uris: ['https://app.example/cb'] })
      const answers = await Promise.all(
        Array.from({ length: 16 }, () =>
          fetch(new URL('/reg', world.issuer), {
            method: 'POST',
            body,
            headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
          }),
        ),
      )
      assert.deepEqual(answers.map(({ status }) => status).sort(), [201, ...Array.from({ length: 15 }, () => 401)])
      const bare = await fetch(new URL('/reg', world.issuer), {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      })
      assert.equal(bare.status, 401)
    })

    it('shows a registered client its secret once, takes it back in an update, and forgets the client on request', async () => {
      const { token } = await world.app.oidc.initialAccessToken()
      const metadata = {
        redirect_uris: ['https://app.example/cb'],
        grant_types: ['authorization_code', 'client_credentials'],
      }
      const send = (url: string | URL, method: string, bearer: string, body?: object) =>
        fetch(url, {
          method,
          headers: { authorization: `Bearer ${bearer}`, ...(body ? { 'content-type': 'application/json' } : {}) },
          ...(body ? { body: JSON.stringify(body) } : {}),
        })
      const made = await json(await send(new URL('/reg', world.issuer), 'POST', token, metadata))
      const [id, secret, rat, uri] = [
        made.client_id,
        made.client_secret,
        made.registration_access_token,
        made.registration_client_uri,
      ].map(String)
      world.keepSecret(secret, rat)
      const works = async () =>
        (await post(world, '/token', { grant_type: 'client_credentials' }, [id ?? '', secret ?? ''])).status
      assert.equal(await works(), 200)
      const read = await json(await send(uri ?? '', 'GET', rat ?? ''))
      assert.deepEqual([read.client_id, 'client_secret' in read], [id, false])
      const wrong = await send(uri ?? '', 'PUT', rat ?? '', {
        ...metadata,
        client_id: id,
        client_secret: 'kept as a keyed hash',
      })
      assert.equal(wrong.status, 400)
      const right = await send(uri ?? '', 'PUT', rat ?? '', {
        ...metadata,
        client_id: id,
        client_secret: secret,
        redirect_uris: ['https://app.example/two'],
      })
      assert.deepEqual((await json(right)).redirect_uris, ['https://app.example/two'])
      assert.equal(await works(), 200)
      assert.equal((await send(uri ?? '', 'DELETE', rat ?? '')).status, 204)
      assert.equal(await works(), 401)
    })

    it("answers a client about its own tokens and a service about those for its API, and nobody about another's refresh token", async () => {
      const code = await codeFor(world, new Browser(world), {
        resource: 'urn:test:opaque',
        scope: 'offline_access look',
      })
      const token = await post(
        world,
        '/token',
        { grant_type: 'authorization_code', code: code.code, code_verifier: code.verifier, redirect_uri: REDIRECT },
        ['web', has.web],
      )
      const ask = async (name: 'access_token' | 'refresh_token', client: readonly [string, string]) =>
        (await post(world, '/token/introspection', { token: text(token, name) }, client)).body.active
      const stranger = await world.app.clients.create(
        clientOrder({ id: `stranger-${kind}`, grants: ['client_credentials'] }),
      )
      const outsider = [`stranger-${kind}`, stranger.secret?.reveal() ?? ''] as const
      assert.deepEqual(
        [await ask('access_token', ['web', has.web]), await ask('refresh_token', ['web', has.web])],
        [true, true],
      )
      assert.deepEqual(
        [await ask('access_token', ['service', has.service]), await ask('refresh_token', ['service', has.service])],
        [true, false],
      )
      assert.deepEqual([await ask('access_token', outsider), await ask('refresh_token', outsider)], [false, false])
      await post(world, '/token/revocation', { token: text(token, 'refresh_token') }, outsider)
      assert.equal(await ask('refresh_token', ['web', has.web]), true)
    })

    it('ends a family with its access tokens when its refresh token is revoked, and no other family', async () => {
      const browser = new Browser(world)
      const one = await redeem(world, has.web, await codeFor(world, browser))
      const two = await redeem(world, has.web, await codeFor(world, browser))
      assert.equal(
        (await post(world, '/token/revocation', { token: text(one, 'refresh_token') }, ['web', has.web])).status,
        200,
      )
      assert.deepEqual(
        [
          await isActive(world, has.web, text(one, 'access_token')),
          await isActive(world, has.web, text(two, 'access_token')),
        ],
        [false, true],
      )
      assert.equal((await refresh(world, has.web, text(one, 'refresh_token'))).body.error, 'invalid_grant')
      assert.equal((await refresh(world, has.web, text(two, 'refresh_token'))).status, 200)
    })

    it('refuses the tokens of an account or a client from the moment that it is disabled', async () => {
      const { accounts, clients } = world.app
      const made = await clients.create(
        clientOrder({ id: `brief-${kind}`, grants: ['client_credentials'], scopes: ['look'] }),
      )
      const token = text(
        await post(world, '/token', { grant_type: 'client_credentials', resource: 'urn:test:opaque', scope: 'look' }, [
          `brief-${kind}`,
          made.secret?.reveal() ?? '',
        ]),
        'access_token',
      )
      const person = await redeem(world, has.web, await codeFor(world, new Browser(world)))
      const active = async (value: string, client: readonly [string, string]) =>
        (await post(world, '/token/introspection', { token: value }, client)).body.active
      assert.deepEqual(
        [await active(token, ['service', has.service]), await active(text(person, 'access_token'), ['web', has.web])],
        [true, true],
      )
      await clients.disable(`brief-${kind}`)
      await accounts.disable(CANARY.login)
      assert.deepEqual(
        [await active(token, ['service', has.service]), await active(text(person, 'access_token'), ['web', has.web])],
        [false, false],
      )
      assert.equal((await refresh(world, has.web, text(person, 'refresh_token'))).body.error, 'invalid_grant')
      await accounts.enable(CANARY.login)
    })

    it('signs out on request, tells the other application only after the commit, and goes where it was asked to', async () => {
      const heard = await listener()
      try {
        const made = await world.app.clients.create(
          clientOrder({
            id: `told-${kind}`,
            grants: ['authorization_code'],
            scopes: ['openid'],
            redirectUris: [REDIRECT],
            postLogoutRedirectUris: ['http://localhost:9/out'],
            backchannelLogoutUri: `http://127.0.0.1:${heard.port}/told`,
          }),
        )
        const browser = new Browser(world)
        const { challenge, verifier } = pkce()
        const answer = await browser.authorize({
          client_id: `told-${kind}`,
          response_type: 'code',
          redirect_uri: REDIRECT,
          scope: 'openid',
          code_challenge: challenge,
          code_challenge_method: 'S256',
        })
        const token = await post(
          world,
          '/token',
          {
            grant_type: 'authorization_code',
            code: answer.searchParams.get('code') ?? '',
            code_verifier: verifier,
            redirect_uri: REDIRECT,
          },
          [`told-${kind}`, made.secret?.reveal() ?? ''],
        )
        const ask = `/session/end?${new URLSearchParams({ id_token_hint: text(token, 'id_token'), post_logout_redirect_uri: 'http://localhost:9/out', state: 'bye' })}`
        const stays = await browser.submit(await browser.request(ask), {})
        assert.equal(stays.status, 303)
        const page = await browser.request(ask)
        const out = await browser.submit(page, { logout: 'yes' })
        assert.equal(out.url, 'http://localhost:9/out?state=bye')
        await world.app.relay.drain()
        assert.ok(heard.bodies.every((body) => body.startsWith('logout_token=eyJ')))
        assert.ok(heard.bodies.length >= 1)
        const me = await fetch(new URL('/me', world.issuer), {
          headers: { authorization: `Bearer ${text(token, 'access_token')}` },
        })
        assert.equal(me.status, 401)
      } finally {
        heard.server.close()
      }
    })
  })
}

describe("the server's own requests", () => {
  it('do not reach a loopback address that configuration does not allow', async () => {
    const heard = await listener()
    const world = await openWorld('sqlite', { outbound: { allow: [] } })
    try {
      await furnish(world)
      await world.app.clients.create(
        clientOrder({
          id: 'inside',
          grants: ['authorization_code'],
          scopes: ['openid'],
          redirectUris: [REDIRECT],
          backchannelLogoutUri: `http://127.0.0.1:${heard.port}/x`,
        }),
      )
      const browser = new Browser(world)
      await browser.authorize({
        client_id: 'inside',
        response_type: 'code',
        redirect_uri: REDIRECT,
        scope: 'openid',
        code_challenge: pkce().challenge,
        code_challenge_method: 'S256',
      })
      await browser.submit(await browser.request('/session/end'), { logout: 'yes' })
      await world.app.relay.drain()
      assert.deepEqual(heard.bodies, [])
    } finally {
      heard.server.close()
      await world.close()
    }
  })
})
