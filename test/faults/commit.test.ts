/** A commit that fails: the endpoint's own error shape, its security headers, and nothing of the answer that was lost. */

import assert from 'node:assert/strict'
import { Conflict, type Store } from '../../adapters/store.ts'
import { Browser, codeFor, pkce, redeem } from '../support/browser.ts'
import { furnish, openWorld, REDIRECT } from '../support/world.ts'

describe('a commit that fails', () => {
  for (const [what, cause] of [
    ['the store is gone', new Error('disk on fire')],
    ['rivals win three times', new Conflict('decider', 'artefacts', 'x')],
  ] as const) {
    it(`gives each endpoint its own error and nothing of the answer that was lost, when ${what}`, async () => {
      let failing = false
      let commits = 0
      const wrap = (store: Store): Store => ({
        ...store,
        async commit(unit) {
          if (
            failing &&
            !unit.inserts.some(({ collection }) => collection === 'throttles' || collection === 'events')
          ) {
            commits++
            throw cause
          }
          return store.commit(unit)
        },
      })
      const world = await openWorld('sqlite', {}, wrap)
      try {
        const has = await furnish(world)
        const code = await codeFor(world, new Browser(world))
        await world.app.relay.drain()
        failing = true
        const token = await redeem(world, has.web, code)
        assert.deepEqual(
          [token.status, token.body.error, token.headers.get('retry-after')],
          [503, 'temporarily_unavailable', '1'],
        )
        assert.equal(JSON.stringify(token.body).includes('mm_'), false)
        assert.equal(commits, cause instanceof Conflict ? 3 : 1)
        const page = await new Browser(world).request(
          `/auth?${new URLSearchParams({ client_id: 'web', response_type: 'code', redirect_uri: REDIRECT, scope: 'openid', code_challenge: pkce().challenge, code_challenge_method: 'S256' })}`,
        )
        assert.deepEqual([page.status, page.headers.get('location'), page.headers.getSetCookie()], [503, null, []])
        assert.match(page.text, /<h1/)
        assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/)
        failing = false
        assert.equal((await redeem(world, has.web, code)).status, 200)
      } finally {
        failing = false
        await world.close()
      }
    })
  }
})
