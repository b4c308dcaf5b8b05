/** A FAPI 2.0 client: its refresh tokens are bound to it and do not rotate; where one must, no retry may lock it out. */

import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { exportJWK, SignJWT } from 'jose'
import { type Answer, Browser, pkce, post, text } from '../support/browser.ts'
import { clientOrder, furnish, openWorld, STORES, type World } from '../support/world.ts'

const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })

function signed(
  claims: Readonly<Record<string, unknown>>,
  header: Readonly<Record<string, unknown>>,
  by: KeyObject,
): Promise<string> {
  return new SignJWT({ jti: randomUUID(), ...claims })
    .setProtectedHeader({ alg: 'ES256', ...header })
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(by)
}

/** A FAPI 2.0 client: pushed request, client assertion, DPoP. Returns how it asks for tokens. */
async function bank(
  world: World,
): Promise<{ readonly first: Answer; token(form: Readonly<Record<string, string>>): Promise<Answer> }> {
  const jwk = await exportJWK(key.publicKey)
  const [redirect, scope] = ['https://bank.example/cb', 'openid offline_access']
  await world.app.clients.create(
    clientOrder({
      id: 'bank',
      grants: ['authorization_code', 'refresh_token'],
      redirectUris: [redirect],
      fapi: true,
      scopes: scope.split(' '),
      jwks: { keys: [{ ...jwk, alg: 'ES256', use: 'sig', kid: 'k' }] },
    }),
  )
  const ask = async (path: string, form: Readonly<Record<string, string>>): Promise<Answer> => {
    const assertion = await signed({ iss: 'bank', sub: 'bank', aud: world.issuer }, {}, key.privateKey)
    const proof = await signed({ htm: 'POST', htu: world.issuer + path }, { typ: 'dpop+jwt', jwk }, key.privateKey)
    const who = {
      client_id: 'bank',
      client_assertion: assertion,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    }
    return post(world, path, { ...who, ...form }, undefined, { dpop: proof })
  }
  const { verifier, challenge } = pkce()
  const asked = {
    response_type: 'code',
    redirect_uri: redirect,
    scope,
    prompt: 'consent',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  }
  const pushed = await ask('/request', asked)
  const answer = await new Browser(world).authorize({ client_id: 'bank', request_uri: text(pushed, 'request_uri') })
  const code = answer.searchParams.get('code') ?? ''
  const token = (form: Readonly<Record<string, string>>): Promise<Answer> => ask('/token', form)
  const first = await token({ grant_type: 'authorization_code', code, redirect_uri: redirect, code_verifier: verifier })
  return { first, token }
}

for (const kind of STORES) {
  describe(`a FAPI client on ${kind}`, () => {
    it('does not rotate, whatever a policy says; after an extraordinary rotation a late retry still succeeds', async () => {
      const world = await openWorld(kind, { rotation: [() => ({ do: 'rotate' })] })
      try {
        await furnish(world)
        const { first, token } = await bank(world)
        const old = text(first, 'refresh_token')
        const use = (refresh_token: string) => token({ grant_type: 'refresh_token', refresh_token })
        assert.equal(text(await use(old), 'refresh_token'), old)
        const [family] = await world.app.oidc.families.list('bank', { ended: false })
        await world.app.oidc.families.rotateNext(family?.id ?? '')
        const next = text(await use(old), 'refresh_token')
        assert.notEqual(next, old)
        world.clock.forward(3600)
        assert.equal(text(await use(old), 'refresh_token'), next, 'an hour later: its successor was never used')
        assert.equal(text(await use(next), 'refresh_token'), next)
        const late = await use(old)
        assert.deepEqual([late.status, late.body.error], [400, 'invalid_grant'], 'its successor is in use')
        assert.equal(text(await use(next), 'refresh_token'), next, 'and that signs nobody out')
      } finally {
        await world.close()
      }
    })
  })
}
