/** Retries of a client whose tokens are bound to a key: the first answer is given to that key alone. */

import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { exportJWK, SignJWT } from 'jose'
import { type Answer, Browser, codeFor, post, text } from '../support/browser.ts'
import { furnish, openWorld, REDIRECT, STORES, type World } from '../support/world.ts'

const [mine, other] = [
  generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  generateKeyPairSync('ec', { namedCurve: 'P-256' }),
]

async function proof(world: World, key: typeof mine): Promise<string> {
  const jwk = await exportJWK(key.publicKey)
  return new SignJWT({ htm: 'POST', htu: `${world.issuer}/token`, jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
    .setIssuedAt()
    .sign(key.privateKey)
}

for (const kind of STORES) {
  describe(`bound retries on ${kind}`, () => {
    it('get the first answer with the same key; with another one, or none, the same successor and a token of their own', async () => {
      const world = await openWorld(kind)
      try {
        const has = await furnish(world)
        const { code, verifier } = await codeFor(world, new Browser(world))
        const use = async (form: Readonly<Record<string, string>>, key?: typeof mine): Promise<Answer> =>
          post(world, '/token', form, ['web', has.web], key ? { dpop: await proof(world, key) } : {})
        const redeem = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: verifier }
        const old = text(await use(redeem, mine), 'refresh_token')
        const refresh = { grant_type: 'refresh_token', refresh_token: old }
        const first = await use(refresh, mine)
        const [again, foreign, bare] = [await use(refresh, mine), await use(refresh, other), await use(refresh)]
        for (const answer of [again, foreign, bare])
          assert.equal(text(answer, 'refresh_token'), text(first, 'refresh_token'))
        assert.equal(text(again, 'access_token'), text(first, 'access_token'))
        assert.equal(new Set([first, foreign, bare].map((answer) => text(answer, 'access_token'))).size, 3)
        assert.deepEqual(
          [first, foreign, bare].map(({ body }) => body.token_type),
          ['DPoP', 'DPoP', 'Bearer'],
        )
      } finally {
        await world.close()
      }
    })
  })
}
