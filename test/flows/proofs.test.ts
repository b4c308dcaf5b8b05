/** Pushed requests, proofs of possession, assertions and tokens for APIs, on both stores. */

import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { createRemoteJWKSet, exportJWK, jwtVerify, SignJWT } from 'jose'
import { Browser, codeFor, pkce, post, redeem, text } from '../support/browser.ts'
import { clientOrder, type Furniture, furnish, openWorld, REDIRECT, STORES, type World } from '../support/world.ts'

const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })

async function proof(world: World, path: string): Promise<string> {
  const jwk = await exportJWK(key.publicKey)
  return new SignJWT({ htm: 'POST', htu: world.issuer + path, jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
    .setIssuedAt()
    .sign(key.privateKey)
}

function assertion(world: World, clientId: string): Promise<string> {
  return new SignJWT({})
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(world.issuer)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(key.privateKey)
}

const ASSERTED = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

for (const kind of STORES) {
  describe(`proofs on ${kind}`, () => {
    let world: World
    let has: Furniture
    before(async () => {
      world = await openWorld(kind)
      has = await furnish(world)
      const jwk = await exportJWK(key.publicKey)
      const keyed = { jwks: { keys: [{ ...jwk, alg: 'ES256', use: 'sig', kid: 'k' }] } }
      await world.app.clients.create(clientOrder({ id: 'keyed', grants: ['client_credentials'], ...keyed }))
      await world.app.clients.create(
        clientOrder({
          id: 'bank',
          grants: ['authorization_code', 'refresh_token'],
          redirectUris: ['https://bank.example/cb'],
          fapi: true,
          scopes: ['openid', 'offline_access'],
          ...keyed,
        }),
      )
    })
    after(() => world.close())

    it('take a pushed request once, and refuse it afterwards with a page', async () => {
      const { challenge, verifier } = pkce()
      const pushed = await post(
        world,
        '/request',
        {
          client_id: 'web',
          response_type: 'code',
          redirect_uri: REDIRECT,
          scope: 'openid',
          code_challenge: challenge,
          code_challenge_method: 'S256',
        },
        ['web', has.web],
      )
      assert.equal(pushed.status, 201)
      const browser = new Browser(world)
      const asked = { client_id: 'web', request_uri: text(pushed, 'request_uri') }
      const answer = await browser.authorize(asked)
      assert.equal(
        (await redeem(world, has.web, { code: answer.searchParams.get('code') ?? '', verifier })).status,
        200,
      )
      const again = await browser.follow(`/auth?${new URLSearchParams(asked)}`)
      assert.equal(again.status, 400)
      assert.match(again.text, /already used/)
    })

    it('give one of 16 tabs with one pushed request its code', async () => {
      const browser = new Browser(world)
      await codeFor(world, browser)
      const pushed = await post(
        world,
        '/request',
        {
          client_id: 'web',
          response_type: 'code',
          redirect_uri: REDIRECT,
          scope: 'openid',
          code_challenge: pkce().challenge,
          code_challenge_method: 'S256',
        },
        ['web', has.web],
      )
      const path = `/auth?${new URLSearchParams({ client_id: 'web', request_uri: text(pushed, 'request_uri') })}`
      const tabs = await Promise.all(Array.from({ length: 16 }, () => browser.copy().request(path)))
      assert.equal(tabs.filter(({ headers }) => headers.get('location')?.includes('code=')).length, 1)
    })

    it('bind tokens to the key of a DPoP proof, and let one of 32 uses of a proof through', async () => {
      const code = await codeFor(world, new Browser(world))
      const token = await post(
        world,
        '/token',
        { grant_type: 'authorization_code', code: code.code, code_verifier: code.verifier, redirect_uri: REDIRECT },
        ['web', has.web],
        { dpop: await proof(world, '/token') },
      )
      assert.equal(token.body.token_type, 'DPoP')
      const bearer = await fetch(new URL('/me', world.issuer), {
        headers: { authorization: `Bearer ${text(token, 'access_token')}` },
      })
      assert.equal(bearer.status, 401)
      const one = await proof(world, '/token')
      const uses = await Promise.all(
        Array.from({ length: 32 }, () =>
          post(world, '/token', { grant_type: 'client_credentials' }, ['service', has.service], { dpop: one }),
        ),
      )
      assert.equal(uses.filter(({ status }) => status === 200).length, 1)
      assert.deepEqual(
        new Set(uses.filter(({ status }) => status !== 200).map(({ body }) => body.error)),
        new Set(['invalid_grant']),
      )
    })

    it('let one of 32 uses of a client assertion through', async () => {
      const one = await assertion(world, 'keyed')
      const uses = await Promise.all(
        Array.from({ length: 32 }, () =>
          post(world, '/token', {
            grant_type: 'client_credentials',
            client_assertion_type: ASSERTED,
            client_assertion: one,
          }),
        ),
      )
      assert.deepEqual(uses.map(({ status }) => status).sort(), [200, ...Array.from({ length: 31 }, () => 401)])
    })

    it('hold a FAPI client to pushed requests, DPoP and its key, and never rotate its refresh token', async () => {
      const bare = await new Browser(world).follow(
        `/auth?${new URLSearchParams({ client_id: 'bank', response_type: 'code', redirect_uri: 'https://bank.example/cb', scope: 'openid' })}`,
      )
      assert.match(bare.url + bare.text, /Pushed.Authorization.Request/)
      const { challenge, verifier } = pkce()
      const asserted = async () => ({
        client_id: 'bank',
        client_assertion_type: ASSERTED,
        client_assertion: await assertion(world, 'bank'),
      })
      const pushed = await post(world, '/request', {
        ...(await asserted()),
        response_type: 'code',
        redirect_uri: 'https://bank.example/cb',
        scope: 'openid offline_access',
        prompt: 'consent',
        code_challenge: challenge,
        code_challenge_method: 'S256',
      })
      assert.equal(pushed.status, 201, JSON.stringify(pushed.body))
      const answer = await new Browser(world).authorize({ client_id: 'bank', request_uri: text(pushed, 'request_uri') })
      const redemption = {
        grant_type: 'authorization_code',
        code: answer.searchParams.get('code') ?? '',
        code_verifier: verifier,
        redirect_uri: 'https://bank.example/cb',
      }
      assert.equal((await post(world, '/token', { ...(await asserted()), ...redemption })).status, 400)
      const token = await post(world, '/token', { ...(await asserted()), ...redemption }, undefined, {
        dpop: await proof(world, '/token'),
      })
      assert.equal(token.status, 200, JSON.stringify(token.body))
      const refreshed = await post(
        world,
        '/token',
        { ...(await asserted()), grant_type: 'refresh_token', refresh_token: text(token, 'refresh_token') },
        undefined,
        { dpop: await proof(world, '/token') },
      )
      assert.equal(refreshed.body.refresh_token, token.body.refresh_token)
    })

    it('issue a JWT for a declared API that its JWKS verifies, with hashed family and session and how the person signed in', async () => {
      const code = await codeFor(world, new Browser(world), {
        resource: 'urn:test:api',
        scope: 'openid offline_access read',
      })
      const token = await post(
        world,
        '/token',
        {
          grant_type: 'authorization_code',
          resource: 'urn:test:api',
          code: code.code,
          code_verifier: code.verifier,
          redirect_uri: REDIRECT,
        },
        ['web', has.web],
      )
      const { payload } = await jwtVerify(
        text(token, 'access_token'),
        createRemoteJWKSet(new URL('/jwks', world.issuer)),
        { issuer: world.issuer, audience: 'urn:test:api', typ: 'at+jwt' },
      )
      assert.deepEqual(
        [payload.sub, payload.scope, payload.client_id, payload.acr],
        [has.person.sub, 'read', 'web', 'urn:mintmark:acr:password'],
      )
      assert.match(String(payload.fam), /^[\w-]{43}$/)
      assert.match(String(payload.sid), /^[\w-]{43}$/)
      assert.equal(typeof payload.auth_time, 'number')
      const elsewhere = await post(
        world,
        '/token',
        { grant_type: 'client_credentials', resource: 'urn:nobody:declared' },
        ['service', has.service],
      )
      assert.equal(elsewhere.body.error, 'invalid_target')
    })
  })
}
