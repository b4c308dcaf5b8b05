/** Rivals: 64 at once for one credential, on both stores (DESIGN rules 1 to 4). */

import assert from 'node:assert/strict'
import { Browser, codeFor, isActive, post, redeem, refresh, text } from '../support/browser.ts'
import { type Furniture, furnish, openWorld, STORES, type World } from '../support/world.ts'

const RIVALS = 64
const many = <T>(work: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: RIVALS }, (_, n) => work(n)))

for (const kind of STORES) {
  describe(`rivals on ${kind}`, () => {
    let world: World
    let has: Furniture
    before(async () => {
      world = await openWorld(kind)
      has = await furnish(world)
    })
    after(() => world.close())

    it('gives one of 64 redemptions of a code its tokens, ends them when the others replay, and lets other families of the Grant live', async () => {
      const browser = new Browser(world)
      const other = await redeem(world, has.web, await codeFor(world, browser))
      assert.equal(other.status, 200)
      const code = await codeFor(world, browser, { prompt: '', scope: 'openid profile' }).catch(() =>
        codeFor(world, browser),
      )
      const answers = await many(() => redeem(world, has.web, code))
      const won = answers.filter(({ status }) => status === 200)
      assert.equal(won.length, 1)
      assert.deepEqual(
        new Set(answers.filter(({ status }) => status !== 200).map(({ status, body }) => `${status} ${body.error}`)),
        new Set(['400 invalid_grant']),
      )
      const [winner] = won
      assert.ok(winner)
      assert.equal(await isActive(world, has.web, text(winner, 'access_token')), false)
      const me = await fetch(new URL('/me', world.issuer), {
        headers: { authorization: `Bearer ${text(winner, 'access_token')}` },
      })
      assert.equal(me.status, 401)
      if (typeof winner.body.refresh_token === 'string')
        assert.equal((await refresh(world, has.web, winner.body.refresh_token)).body.error, 'invalid_grant')
      assert.equal(await isActive(world, has.web, text(other, 'access_token')), true)
      assert.equal((await refresh(world, has.web, text(other, 'refresh_token'))).status, 200)
    })

    it('gives 64 uses of a refresh token inside the window one successor, of one family with one head', async () => {
      const first = await redeem(world, has.web, await codeFor(world, new Browser(world)))
      const old = text(first, 'refresh_token')
      const answers = await many(() => refresh(world, has.web, old))
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
      const successors = new Set(answers.map((answer) => text(answer, 'refresh_token')))
      assert.equal(successors.size, 1)
      assert.equal(new Set(answers.map((answer) => text(answer, 'access_token'))).size, 1)
      const [successor = ''] = successors
      assert.notEqual(successor, old)
      assert.equal((await refresh(world, has.web, successor)).status, 200)
    })

    it('answers a replay after the window with invalid_grant and ends the family', async () => {
      const first = await redeem(world, has.web, await codeFor(world, new Browser(world)))
      const second = await refresh(world, has.web, text(first, 'refresh_token'))
      world.clock.forward(11)
      const replay = await refresh(world, has.web, text(first, 'refresh_token'))
      assert.deepEqual([replay.status, replay.body.error], [400, 'invalid_grant'])
      assert.equal((await refresh(world, has.web, text(second, 'refresh_token'))).body.error, 'invalid_grant')
      assert.equal(await isActive(world, has.web, text(second, 'access_token')), false)
    })

    it('gives a repeat for another API the same successor and a token of its own', async () => {
      const code = await codeFor(world, new Browser(world), {
        scope: 'offline_access read look',
        resource: 'urn:test:api',
      })
      const first = await redeem(world, has.web, code)
      const old = text(first, 'refresh_token')
      const whole = await refresh(world, has.web, old)
      const narrow = await refresh(world, has.web, old, { scope: 'read' })
      assert.equal(text(whole, 'refresh_token'), text(narrow, 'refresh_token'))
      assert.notEqual(text(whole, 'access_token'), text(narrow, 'access_token'))
      assert.equal(narrow.body.scope, 'read')
    })

    it('keeps a sign-out, whatever an /auth in flight saves after it', async () => {
      const browser = new Browser(world)
      await redeem(world, has.web, await codeFor(world, browser))
      const thief = browser.copy()
      const page = await browser.request('/session/end')
      const [, ...silent] = await Promise.all([
        browser.submit(page, { logout: 'yes' }),
        ...Array.from({ length: 16 }, () =>
          thief
            .copy()
            .request(
              '/auth?client_id=web&response_type=code&redirect_uri=http%3A%2F%2Flocalhost%3A9%2Fcallback&scope=openid&prompt=none&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256',
            ),
        ),
      ])
      assert.ok(silent.every(({ status }) => status === 303))
      const late = await thief.request(
        '/auth?client_id=web&response_type=code&redirect_uri=http%3A%2F%2Flocalhost%3A9%2Fcallback&scope=openid&prompt=none&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256',
      )
      assert.match(late.headers.get('location') ?? '', /error=login_required/)
    })

    it('refuses a forged token that names a real family, and changes nothing', async () => {
      const first = await redeem(world, has.web, await codeFor(world, new Browser(world)))
      const real = text(first, 'refresh_token')
      const forged = real.slice(0, -6) + (real.endsWith('AAAAAA') ? 'BBBBBB' : 'AAAAAA')
      assert.equal((await refresh(world, has.web, forged)).body.error, 'invalid_grant')
      assert.equal(
        (await post(world, '/token/introspection', { token: forged }, ['service', has.service])).body.active,
        false,
      )
      assert.equal((await refresh(world, has.web, real)).status, 200)
    })
  })
}
