/** Whatever is malformed gets a clear error of the right shape, never a 500 or a stack trace, and changes nothing. */

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { Browser, codeFor, pkce, post, redeem, text } from '../support/browser.ts'
import { CANARY, type Furniture, furnish, openWorld, REDIRECT, STORES, type World } from '../support/world.ts'

const FORM = 'application/x-www-form-urlencoded'
const JSON_ENDPOINTS = [
  '/token',
  '/token/introspection',
  '/token/revocation',
  '/request',
  '/reg',
  '/device/auth',
] as const

interface Probe {
  readonly path: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** Bodies that no endpoint can mean. */
const BODIES: readonly (readonly [name: string, type: string, body: string | Buffer])[] = [
  ['nothing', FORM, ''],
  ['NUL', FORM, 'grant_type=a\0b'],
  ['escaped NUL', FORM, 'grant_type=client_credentials&scope=a%00b'],
  ['a parameter twice', FORM, 'grant_type=client_credentials&grant_type=refresh_token'],
  ['an operator', FORM, 'grant_type[$gt]=&token[$ne]=1&code[$gt]='],
  ['__proto__', FORM, '__proto__=x&constructor=y&grant_type=client_credentials'],
  ['bytes that are no text', FORM, Buffer.from([0xff, 0xfe, 0x3d, 0x80])],
  ['broken escapes', FORM, 'grant_type=%E0%A4%A&%=%'],
  ['a hundred thousand scopes', FORM, `grant_type=client_credentials&scope=${'a '.repeat(20_000)}`],
  ['JSON where a form belongs', 'application/json', '{"grant_type":{"$gt":""}}'],
  ['deep JSON', 'application/json', '['.repeat(20_000)],
  ['JSON with __proto__', 'application/json', '{"__proto__":{"admin":true},"redirect_uris":["https://x.example/"]}'],
  ['a file', 'multipart/form-data; boundary=x', '--x--'],
  ['no type', 'text/plain', 'x'],
  ['a type that is none', ';;;', 'x'],
]

const HEADERS: readonly Readonly<Record<string, string>>[] = [
  { authorization: 'Basic' },
  { authorization: 'Basic !!!' },
  { authorization: 'Basic Og==' },
  { authorization: `Basic ${Buffer.from('%zz:%zz').toString('base64')}` },
  { authorization: `Basic ${Buffer.from('a\0b:c').toString('base64')}` },
  { authorization: 'Bearer' },
  { authorization: 'Bearer a b c' },
  { authorization: `Bearer ${'x'.repeat(9000)}` },
  { dpop: 'not.a.jwt' },
  { dpop: 'eyJhbGciOiJub25lIn0.e30.' },
  { cookie: 'mm_session=%00; mm_interaction=$ne' },
  { cookie: `mm_session=${'x'.repeat(6000)}` },
  { cookie: 'mm_session' },
  { host: 'evil.example' },
  { 'x-forwarded-for': `${'1.1.1.1,'.repeat(500)}x` },
  { origin: 'null' },
  { accept: 'image/png' },
]

const PATHS = [
  '//token',
  '/token/.',
  '/TOKEN/',
  '/auth/%2e%2e',
  '/auth/x',
  '/device/x',
  '/interaction/',
  '/interaction/x',
  '/interaction/%00',
  '/interaction/..%2f..',
  `/${'a'.repeat(8000)}`,
  '/reg/x',
  '/reg/%00',
  '/reg/%E0%A4%A',
  '/assets/../package.json',
  '/assets/%2e%2e/package.json',
  '/.well-known/x',
  '/auth?client_id=web&client_id=spa',
  '/auth?client_id[$gt]=',
  '/auth?client_id=%00',
  '/auth?request=x.y.z',
  '/auth?request_uri=https://evil.example/',
  '/me',
  '/session/end?id_token_hint=x',
  '/session/end?post_logout_redirect_uri=javascript:1',
  '/admin/claim?code[]=x',
  '/admin/claim?code=%00',
]

for (const kind of STORES) {
  describe(`bad input on ${kind}`, () => {
    let world: World
    let has: Furniture
    before(async () => {
      world = await openWorld(kind)
      has = await furnish(world)
    })
    after(() => world.close())

    async function probe({
      path,
      method = 'POST',
      headers = {},
      body,
    }: Probe): Promise<{ readonly status: number; readonly text: string; readonly headers: Headers }> {
      const answer = await fetch(world.issuer + path, {
        method,
        headers,
        redirect: 'manual',
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
      })
      const what = `${method} ${path.slice(0, 60)} ${JSON.stringify(headers).slice(0, 80)}`
      const shown = await answer.text()
      assert.ok(answer.status < 500, `${what}: ${answer.status} ${shown.slice(0, 200)}`)
      assert.doesNotMatch(shown, /\n\s+at |node_modules|oops/, what)
      assert.match(answer.headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/, what)
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff', what)
      return { status: answer.status, text: shown, headers: answer.headers }
    }

    for (const [name, type, body] of BODIES) {
      it(`answers a body with ${name} as OAuth's errors are shaped`, async () => {
        for (const path of JSON_ENDPOINTS) {
          const { status, text: shown } = await probe({ path, headers: { 'content-type': type }, body })
          assert.ok(status >= 400, `${path}: ${status}`)
          const parsed: { error?: unknown } = JSON.parse(shown)
          assert.equal(typeof parsed.error, 'string', path)
        }
        for (const path of ['/auth', '/session/end', '/session/end/confirm', '/device', '/interaction/x'])
          await probe({ path, headers: { 'content-type': type, accept: 'text/html' }, body })
      })
    }

    it('answers odd headers with an error, not with a failure', async () => {
      for (const headers of HEADERS) {
        for (const path of ['/token', '/me', '/device', '/auth?client_id=web'])
          await probe({
            path,
            method: path === '/token' ? 'POST' : 'GET',
            headers: { ...headers },
            ...(path === '/token'
              ? { body: new URLSearchParams({ grant_type: 'client_credentials' }).toString() }
              : {}),
          }).catch((cause) => {
            // fetch itself refuses some headers before they leave.
            if (!(cause instanceof TypeError)) throw cause
          })
      }
    })

    it('answers odd paths and methods', async () => {
      for (const path of PATHS) {
        await probe({ path, method: 'GET', headers: { accept: 'text/html' } })
        await probe({ path, method: 'GET', headers: { accept: 'application/json' } })
      }
      for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'])
        for (const path of ['/token', '/auth', '/jwks', '/']) await probe({ path, method })
    })

    it('refuses a body over 56 KiB with 413', async () => {
      for (const path of ['/token', '/auth', '/device', '/interaction/x'])
        assert.equal(
          (await probe({ path, headers: { 'content-type': FORM }, body: `grant_type=${'x'.repeat(57 * 1024)}` }))
            .status,
          413,
        )
    })

    it('makes every address from the issuer, whatever Host and X-Forwarded-* say', async () => {
      const url = new URL(world.issuer)
      const raw = await new Promise<string>((done) => {
        const socket = connect(Number(url.port), '127.0.0.1', () =>
          socket.end(
            'GET /.well-known/openid-configuration HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n',
          ),
        )
        let got = ''
        socket.on('data', (chunk: Buffer) => {
          got += chunk.toString()
        })
        socket.on('end', () => done(got))
      })
      assert.match(raw, /200 OK/)
      assert.doesNotMatch(raw, /evil/)
      const device = await post(world, '/device/auth', { scope: 'openid' }, ['web', has.web], {
        'x-forwarded-host': 'evil.example',
      })
      assert.ok(text(device, 'verification_uri').startsWith(world.issuer))
    })

    it('never redirects to an address that is not registered, byte for byte', async () => {
      for (const redirect_uri of [
        'http://localhost:9/callback/',
        'http://localhost:9/callback?x',
        'http://localhost:9/Callback',
        'http://localhost:9//callback',
        'http://localhost:9/callback#',
        'http://localhost:9/callback/..',
        'http://localhost:9/%63allback',
        'http://LOCALHOST:9/callback',
        'http://localhost:99/callback',
        'http://user@localhost:9/callback',
        'http://localhost:9\\callback',
        'http://localhost:9/callback\t',
        'http://localhost:9/callback..;/',
        'http://localhost.evil.example:9/callback',
        'javascript:alert(1)',
        '',
      ]) {
        for (const more of [{}, { prompt: 'none' }, { response_type: 'nonsense' }, { response_mode: 'form_post' }]) {
          const page = await new Browser(world).request(
            `/auth?${new URLSearchParams({ client_id: 'web', response_type: 'code', scope: 'openid', code_challenge: pkce().challenge, code_challenge_method: 'S256', redirect_uri, ...more })}`,
          )
          assert.equal(page.headers.get('location'), null, redirect_uri)
          assert.equal(page.status, 400)
          assert.doesNotMatch(page.text, /<form/)
        }
      }
    })

    it("takes a form only from its own page: no token, another's token, another's page", async () => {
      const start = (browser: Browser) =>
        browser.follow(
          `/auth?${new URLSearchParams({ client_id: 'web', response_type: 'code', redirect_uri: REDIRECT, scope: 'openid', code_challenge: pkce().challenge, code_challenge_method: 'S256' })}`,
        )
      const [mine, theirs] = [new Browser(world), new Browser(world)]
      const [page, other] = [await start(mine), await start(theirs)]
      const right = { login: CANARY.login, password: CANARY.password, do: 'sign-in' }
      for (const [url, csrf] of [
        [page.url, ''],
        [page.url, 'x'.repeat(43)],
        [page.url, /value="([^"]+)"/.exec(other.text)?.[1] ?? ''],
        [other.url, /value="([^"]+)"/.exec(other.text)?.[1] ?? ''],
      ] as const) {
        const answer = await mine.request(url, { form: { ...right, csrf } })
        assert.equal(answer.status, 400, url)
        assert.equal(answer.headers.get('location'), null)
      }
      assert.equal((await mine.submit(page, { ...right, do: 'something else' })).status, 400)
      assert.match((await mine.submit(page, right)).text, /value="allow"/)
    })

    it('leaves a code untouched by a request that was refused before it', async () => {
      const code = await codeFor(world, new Browser(world))
      await post(
        world,
        '/token',
        { grant_type: 'authorization_code', code: code.code, redirect_uri: REDIRECT, code_verifier: code.verifier },
        ['web', 'mm_cs_wrong'],
      )
      await post(
        world,
        '/token',
        {
          grant_type: 'authorization_code',
          code: code.code,
          redirect_uri: REDIRECT,
          code_verifier: code.verifier,
          resource: 'urn:unknown',
        },
        ['web', has.web],
      )
      assert.equal((await redeem(world, has.web, code)).status, 200)
    })
  })
}
