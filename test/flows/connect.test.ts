/** OpenID Connect by openid-client, and the device flow, on both stores. */

import assert from 'node:assert/strict'
import * as oidc from 'openid-client'
import { Browser, codeFor, pkce, post, redeem, text } from '../support/browser.ts'
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

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code'

for (const kind of STORES) {
  describe(`OpenID Connect on ${kind}`, () => {
    let world: World
    let has: Furniture
    let config: oidc.Configuration
    before(async () => {
      world = await openWorld(kind)
      has = await furnish(world)
      config = await oidc.discovery(new URL(world.issuer), 'spa', undefined, oidc.None(), {
        execute: [oidc.allowInsecureRequests],
      })
    })
    after(() => world.close())

    it('is discovered at both well-known paths, with addresses of the issuer alone', async () => {
      for (const path of ['openid-configuration', 'oauth-authorization-server']) {
        const answer = await fetch(new URL(`/.well-known/${path}`, world.issuer), {
          headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', forwarded: 'host=evil.example' },
        })
        const body: Readonly<Record<string, unknown>> = JSON.parse(await answer.text())
        assert.equal(body.issuer, world.issuer)
        const addresses = Object.entries(body).filter(([name]) => /_endpoint$|_uri$/.test(name))
        assert.ok(addresses.length > 8)
        for (const [name, value] of addresses)
          assert.ok(String(value).startsWith(`${world.issuer}/`), `${name}: ${value}`)
        assert.deepEqual(body.code_challenge_methods_supported, ['S256'])
        assert.deepEqual(body.response_types_supported, ['code'])
      }
    })

    it('signs a person in: ID token, userinfo by scope, refresh', async () => {
      const verifier = oidc.randomPKCECodeVerifier()
      const nonce = oidc.randomNonce()
      const state = oidc.randomState()
      const url = oidc.buildAuthorizationUrl(config, {
        redirect_uri: REDIRECT,
        scope: 'openid profile email offline_access',
        prompt: 'consent',
        state,
        nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      })
      const back = await new Browser(world).authorize(Object.fromEntries(url.searchParams))
      const tokens = await oidc.authorizationCodeGrant(config, back, {
        pkceCodeVerifier: verifier,
        expectedNonce: nonce,
        expectedState: state,
        idTokenExpected: true,
      })
      world.keepSecret(tokens.access_token, tokens.refresh_token, tokens.id_token)
      const claims = tokens.claims()
      assert.equal(claims?.sub, has.person.sub)
      assert.equal(claims?.acr, 'urn:mintmark:acr:password')
      assert.ok(Math.abs(Number(claims?.auth_time) - Date.now() / 1000) < 60)
      const me = await oidc.fetchUserInfo(config, tokens.access_token, has.person.sub)
      assert.deepEqual(
        [me.email, me.email_verified, me.name, me.preferred_username],
        [CANARY.email, false, CANARY.name, CANARY.login],
      )
      const again = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')
      world.keepSecret(again.access_token, again.refresh_token, again.id_token)
      assert.notEqual(again.refresh_token, tokens.refresh_token)
      assert.equal(again.claims()?.auth_time, claims?.auth_time)
    })

    it('lets a signed-in browser through silently, and asks again when the sign-in is too old', async () => {
      const browser = new Browser(world)
      await codeFor(world, browser)
      const silent = {
        client_id: 'web',
        response_type: 'code',
        redirect_uri: REDIRECT,
        scope: 'openid',
        prompt: 'none',
        code_challenge: pkce().challenge,
        code_challenge_method: 'S256',
      }
      const page = await browser.follow(`/auth?${new URLSearchParams(silent)}`)
      assert.match(new URL(page.url).searchParams.get('code') ?? '', /^mm_ac_/)
      const old = await browser.follow(`/auth?${new URLSearchParams({ ...silent, prompt: 'login' })}`)
      assert.match(old.text, /name="password"/)
      const stranger = await new Browser(world).follow(`/auth?${new URLSearchParams(silent)}`)
      assert.equal(new URL(stranger.url).searchParams.get('error'), 'login_required')
    })

    it('asks every public client for PKCE, and a confidential one unless it relies on nonce', async () => {
      const bare = { response_type: 'code', redirect_uri: REDIRECT, scope: 'openid' }
      await world.app.clients.create(
        clientOrder({
          id: `nonce-${kind}`,
          grants: ['authorization_code'],
          redirectUris: [REDIRECT],
          reliesOnNonce: true,
        }),
      )
      for (const [client_id, asked] of [
        ['spa', true],
        ['web', true],
        [`nonce-${kind}`, false],
      ] as const) {
        const page = await new Browser(world).follow(`/auth?${new URLSearchParams({ ...bare, client_id })}`)
        if (asked) assert.match(new URL(page.url).searchParams.get('error_description') ?? '', /PKCE/, client_id)
        else assert.match(page.text, /name="password"/, client_id)
      }
    })

    it('takes a POST to /auth with a 303 to GET; a long one as a pushed request', async () => {
      const browser = new Browser(world)
      const form = {
        client_id: 'web',
        response_type: 'code',
        redirect_uri: REDIRECT,
        scope: 'openid',
        code_challenge: pkce().challenge,
        code_challenge_method: 'S256',
        response_mode: 'form_post',
        state: 'short',
      }
      const short = await browser.request('/auth', { form })
      assert.deepEqual([short.status, short.headers.get('location')?.includes('state=short')], [303, true])
      const long = await browser.request('/auth', { form: { ...form, state: 'x'.repeat(3000) } })
      assert.match(long.headers.get('location') ?? '', /request_uri=urn/)
      let page = await browser.follow(long.headers.get('location') ?? '')
      page = await browser.submit(page, { login: CANARY.login, password: CANARY.password, do: 'sign-in' })
      page = await browser.submit(page, { do: 'allow' })
      assert.match(page.text, /<form method="post" action="http:\/\/localhost:9\/callback">/)
      assert.match(page.headers.get('content-security-policy') ?? '', /script-src [^;]*'sha256-/)
      assert.ok(page.text.includes('x'.repeat(3000)))
    })

    it("connects a device once its person agrees, gives one of 16 polls the tokens, and ends them on the others' replay", async () => {
      const asked = await post(world, '/device/auth', { scope: 'openid offline_access' }, ['web', has.web])
      const poll = () =>
        post(world, '/token', { grant_type: DEVICE, device_code: text(asked, 'device_code') }, ['web', has.web])
      assert.equal((await poll()).body.error, 'authorization_pending')
      const browser = new Browser(world)
      let page = await browser.follow('/device')
      page = await browser.submit(page, { user_code: 'BCDF-GHJK' })
      assert.match(page.text, /not valid/)
      page = await browser.submit(page, { user_code: text(asked, 'user_code') })
      assert.ok(page.text.includes(text(asked, 'user_code')))
      page = await browser.submit(page, { confirm: 'yes' })
      page = await browser.submit(page, { login: CANARY.login, password: CANARY.password, do: 'sign-in' })
      page = await browser.submit(page, { do: 'allow' })
      assert.match(page.text, /connected/)
      const polls = await Promise.all(Array.from({ length: 16 }, poll))
      const won = polls.filter(({ status }) => status === 200)
      assert.equal(won.length, 1)
      const refreshed = await post(
        world,
        '/token',
        { grant_type: 'refresh_token', refresh_token: won[0] ? text(won[0], 'refresh_token') : '' },
        ['web', has.web],
      )
      assert.equal(refreshed.body.error, 'invalid_grant')
    })

    it('tells a device that its person refused, and stops a network that guesses codes', async () => {
      const asked = await post(world, '/device/auth', { scope: 'openid' }, ['web', has.web])
      const browser = new Browser(world)
      let page = await browser.submit(await browser.follow('/device'), { user_code: text(asked, 'user_code') })
      page = await browser.submit(page, { abort: 'yes' })
      assert.equal(page.status, 200)
      assert.equal(
        (await post(world, '/token', { grant_type: DEVICE, device_code: text(asked, 'device_code') }, ['web', has.web]))
          .body.error,
        'access_denied',
      )
      page = await browser.follow('/device')
      for (let guess = 0; guess < 12 && page.status === 200; guess++)
        page = await browser.submit(page, { user_code: `BCDF-GH${String.fromCharCode(66 + guess)}K` })
      assert.equal(page.status, 429)
      assert.ok(Number(page.headers.get('retry-after')) > 0)
    })

    it('keeps a code to the client, redirect URI and verifier that it was given for', async () => {
      const code = await codeFor(world, new Browser(world))
      const other = await post(world, '/token', {
        grant_type: 'authorization_code',
        code: code.code,
        redirect_uri: REDIRECT,
        code_verifier: code.verifier,
        client_id: 'spa',
      })
      assert.equal(other.body.error, 'invalid_grant')
      assert.equal((await redeem(world, has.web, { ...code, verifier: pkce().verifier })).body.error, 'invalid_grant')
      const elsewhere = await post(
        world,
        '/token',
        {
          grant_type: 'authorization_code',
          code: code.code,
          redirect_uri: 'http://localhost:9/other',
          code_verifier: code.verifier,
        },
        ['web', has.web],
      )
      assert.equal(elsewhere.body.error, 'invalid_grant')
      assert.equal((await redeem(world, has.web, code)).status, 200)
    })
  })
}
