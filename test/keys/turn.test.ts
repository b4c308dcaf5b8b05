/** The keyring as its users meet it: verifiers over /jwks, clients at /token, people with cookies, administrators. */

import assert from 'node:assert/strict'
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import type { ConfigurationInput } from '../../src/config/index.ts'
import { Browser, codeFor, post, redeem, text } from '../support/browser.ts'
import { type Furniture, furnish, openWorld, STORES, type StoreKind, type World } from '../support/world.ts'

const DAY = 86_400
const HALF_HOUR = 1800

/** What a test has at hand. */
interface Stage {
  readonly world: World
  readonly has: Furniture
  jwks(): Promise<{ readonly set: JSONWebKeySet; readonly cacheControl: string }>
  token(): Promise<string>
  kids(state: string): Promise<readonly string[]>
  /** Moves the clock, and does what the timers would have done meanwhile: the data key's turn, then the ring's. */
  pass(seconds: number): Promise<void>
  close(): Promise<void>
}

async function stage(kind: StoreKind, configuration: ConfigurationInput = {}): Promise<Stage> {
  const world = await openWorld(kind, configuration)
  const has = await furnish(world)
  return {
    world,
    has,
    async jwks() {
      const answer = await fetch(new URL('/jwks', world.issuer))
      const set: JSONWebKeySet = JSON.parse(await answer.text())
      return { set, cacheControl: answer.headers.get('cache-control') ?? '' }
    },
    async token() {
      const form = { grant_type: 'client_credentials', scope: 'read' }
      return text(await post(world, '/token', form, ['service', has.service]), 'access_token')
    },
    async kids(state) {
      const list = await world.app.keyring.list({ destroyed: true })
      return list.filter((key) => key.state === state && key.algorithm === 'ES256').map(({ kid }) => kid)
    },
    async pass(seconds) {
      world.clock.forward(seconds)
      await world.app.seal.refresh()
      await world.app.keyring.tick()
    },
    close: () => world.close(),
  }
}

const kidOf = (jwt: string): string => String(decodeProtectedHeader(jwt).kid)
const verify = (jwt: string, set: JSONWebKeySet): Promise<unknown> => jwtVerify(jwt, createLocalJWKSet(set))

async function told(world: World, type: Parameters<World['app']['eventLog']['latest']>[0]['type']) {
  await world.app.relay.drain()
  return world.app.eventLog.latest({ type, last: 100 })
}

for (const kind of STORES) {
  describe(`the keyring on ${kind}`, () => {
    let now: Stage
    afterEach(() => now.close())

    it('turns by age: published before it signs, and until all that it signed has expired', async () => {
      now = await stage(kind)
      const { keyring } = now.world.app
      await keyring.tick()
      const first = await now.token()
      const before = await now.jwks()
      assert.equal(before.set.keys.length, 8, 'a current and a next key of four algorithms')
      assert.equal(before.cacheControl, 'public, max-age=60, must-revalidate')
      await now.pass(DAY)
      assert.equal((await now.jwks()).cacheControl, 'public, max-age=300, must-revalidate')
      await now.pass(90 * DAY)
      const second = await now.token()
      assert.notEqual(kidOf(second), kidOf(first))
      await verify(second, before.set)
      await verify(first, (await now.jwks()).set)
      assert.deepEqual(await now.kids('previous'), [kidOf(first)])
      await now.pass(120)
      assert.deepEqual(await now.kids('retired'), [kidOf(first)])
      const left = await now.jwks()
      assert.ok(!left.set.keys.some(({ kid }) => kid === kidOf(first)))
      assert.equal((await told(now.world, 'signing_key.promoted')).length, 5, 'four algorithms and the cookies')
    })

    it('takes a retired key for hints until the longest session is over, and erases its private part at once', async () => {
      now = await stage(kind)
      const { keyring } = now.world.app
      const { id_token: hint = '' } = (
        await redeem(now.world, now.has.web, await codeFor(now.world, new Browser(now.world)))
      ).body
      const asked = () => fetch(new URL(`/session/end?id_token_hint=${hint}`, now.world.issuer))
      await keyring.tick()
      await now.pass(90 * DAY)
      await now.pass(3600 + 120)
      const kid = kidOf(String(hint))
      const [key] = (await keyring.list({ destroyed: true })).filter((one) => one.kid === kid)
      assert.equal(key?.state, 'retired')
      assert.equal((await asked()).status, 200)
      // What is left in the store of its private part: nothing.
      const seal = now.world.app.seal
      assert.equal(
        await now.world.store.get('signing-keys', seal.hash('lookup', 'default', 'signing-key', kid)),
        undefined,
      )
      await now.pass(14 * DAY)
      assert.equal((await asked()).status, 400)
    })

    it('turns when it is asked to, once the next key is ripe; a dry run only says so', async () => {
      now = await stage(kind, { keys: { publishSeconds: HALF_HOUR } })
      const { keyring } = now.world.app
      await keyring.tick()
      const [first] = await now.kids('current')
      const dry = await keyring.rotate({ alg: 'ES256', dryRun: true })
      assert.equal(dry.length, 1)
      await now.pass(HALF_HOUR)
      assert.deepEqual(await now.kids('current'), [first], 'a dry run asks for nothing')
      const [next] = await now.kids('next')
      assert.equal((await keyring.rotate({ alg: 'ES256', dryRun: false }))[0]?.done, true)
      assert.deepEqual(await now.kids('current'), [next], 'a ripe key signs at once')
      const again = await keyring.rotate({ alg: 'ES256', dryRun: false })
      assert.equal(again[0]?.done, false)
      assert.deepEqual(await now.kids('current'), [next], 'its successor was not published yet')
      await now.pass(HALF_HOUR)
      assert.notDeepEqual(await now.kids('current'), [next])
      await assert.rejects(keyring.rotate({ alg: 'ES512', dryRun: false }), /No key of the ring/)
    })

    it('turns by the number of signatures', async () => {
      now = await stage(kind, { keys: { publishSeconds: HALF_HOUR, signaturesMax: 3 } })
      const { keyring } = now.world.app
      await keyring.tick()
      await now.pass(HALF_HOUR)
      const kids: string[] = []
      for (let n = 0; n < 5; n++) {
        kids.push(kidOf(await now.token()))
        await keyring.flushUses()
        await keyring.tick()
      }
      assert.equal(new Set(kids.slice(0, 3)).size, 1)
      assert.notEqual(kids[3], kids[2])
      const [used] = (await keyring.list({ destroyed: false })).filter(({ kid }) => kid === kids[0])
      assert.equal(used?.signatures, 3)
    })
  })

  describe(`a dropped key on ${kind}`, () => {
    let now: Stage
    afterEach(() => now.close())

    it('signs nothing and verifies nothing from then on; a fresh one signs at once', async () => {
      now = await stage(kind)
      const { keyring } = now.world.app
      await keyring.tick()
      const before = await now.jwks()
      const token = await now.token()
      const active = async () =>
        (await post(now.world, '/token/introspection', { token }, ['service', now.has.service])).body.active
      const dry = await keyring.drop({ alg: 'ES256', why: 'compromised', dryRun: true })
      assert.equal(dry.done, false)
      assert.equal(await active(), true, 'a dry run drops nothing')
      const report = await keyring.drop({ alg: 'ES256', why: 'compromised', dryRun: false })
      assert.deepEqual(
        report.dropped.map(({ was, signatures }) => [was, signatures]),
        [
          ['current', 1],
          ['next', 0],
        ],
      )
      assert.equal(await active(), false, 'what it signed is revoked')
      const after = await now.jwks()
      assert.equal(after.cacheControl, 'public, max-age=60, must-revalidate')
      await assert.rejects(verify(token, after.set), /no applicable key/)
      const fresh = await now.token()
      await verify(fresh, after.set)
      await assert.rejects(
        verify(fresh, before.set),
        /no applicable key/,
        'a verifier that caches is told so by the report',
      )
      assert.match(report.verifiers_with_a_ten_minute_cache, /Until \d{4}-/)
      assert.equal((await told(now.world, 'signing_key.compromised')).length, 2)
    })

    it('is the one that is named, and of the cookies every session goes with it', async () => {
      now = await stage(kind)
      const { keyring } = now.world.app
      await keyring.tick()
      const browser = new Browser(now.world)
      await codeFor(now.world, browser)
      const signedIn = async () => (await browser.follow(`/auth?${new URLSearchParams(SILENT)}`)).url.includes('code=')
      assert.equal(await signedIn(), true)
      await keyring.drop({ alg: 'cookie', why: 'compromised', dryRun: false })
      assert.equal(await signedIn(), false)
      await assert.rejects(keyring.drop({ kid: 'unknown', why: 'x', dryRun: false }), /no key with this id/)
    })
  })

  describe(`a key that is withdrawn by force on ${kind}`, () => {
    let now: Stage
    afterEach(() => now.close())

    it('verifies no access token any more, here as elsewhere', async () => {
      now = await stage(kind, { keys: { publishSeconds: HALF_HOUR } })
      const { keyring } = now.world.app
      await keyring.tick()
      const { clock } = now.world
      clock.forward(HALF_HOUR)
      // Issued by a clock half an hour later, so it is good for another five minutes.
      const [head = '', claims = ''] = (await now.token()).split('.')
      const token = await resigned(now.world, head, claims, HALF_HOUR)
      const active = async () =>
        (await post(now.world, '/token/introspection', { token }, ['service', now.has.service])).body.active
      await keyring.rotate({ alg: 'ES256', dryRun: false })
      assert.equal(await active(), true)
      await assert.rejects(keyring.retire(kidOf(token), { force: false, dryRun: false }), /still alive/)
      await keyring.retire(kidOf(token), { force: true, dryRun: false })
      assert.equal(await active(), false)
    })
  })

  describe(`people and the keyring on ${kind}`, () => {
    let now: Stage
    afterEach(() => now.close())

    it('stay signed in while the cookies’ secret turns', async () => {
      now = await stage(kind, { keys: { publishSeconds: HALF_HOUR } })
      const { keyring } = now.world.app
      await keyring.tick()
      const browser = new Browser(now.world)
      await codeFor(now.world, browser)
      const bystander = browser.copy()
      const signedIn = async (who: Browser) =>
        (await who.follow(`/auth?${new URLSearchParams(SILENT)}`)).url.includes('code=')
      for (let turn = 0; turn < 2; turn++) {
        await now.pass(120)
        await keyring.rotate({ alg: 'cookie', dryRun: false })
        await keyring.tick()
        assert.equal(await signedIn(browser), true)
      }
      assert.equal(await signedIn(bystander), true, 'also who has not been here since the first secret')
      const forged = browser.copy()
      for (const cookie of forged.cookies)
        if (cookie.name.endsWith('.sig')) Object.assign(cookie, { value: 'A'.repeat(27) })
      assert.equal(await signedIn(forged), false)
    })
  })
}

/** The same claims, as if they had been signed later: the library's clock is the machine's. */
async function resigned(world: World, head: string, claims: string, later: number): Promise<string> {
  const { iat, exp, ...rest }: Record<string, number> = JSON.parse(Buffer.from(claims, 'base64url').toString())
  const moved = { ...rest, iat: Number(iat) + later, exp: Number(exp) + later }
  const data = `${head}.${Buffer.from(JSON.stringify(moved)).toString('base64url')}`
  const sign = world.app.keyring.keys().find(({ alg, sign: signs }) => alg === 'ES256' && signs)?.sign
  const signature = sign ? await sign(Buffer.from(data)) : new Uint8Array()
  const jwt = `${data}.${Buffer.from(signature).toString('base64url')}`
  world.keepSecret(jwt)
  return jwt
}

const SILENT = {
  client_id: 'web',
  response_type: 'code',
  redirect_uri: 'http://localhost:9/callback',
  scope: 'openid',
  prompt: 'none',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  code_challenge_method: 'S256',
}
