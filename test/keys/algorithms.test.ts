/** Algorithms of APIs: each has its key before the first token. */

import assert from 'node:assert/strict'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { post, text } from '../support/browser.ts'
import { clientOrder, openWorld, type World } from '../support/world.ts'

describe('algorithms', () => {
  let world: World
  afterEach(() => world.close())

  it('of an API get their key before the first token: ML-DSA and Ed25519', async () => {
    world = await openWorld('sqlite')
    const { app } = world
    for (const algorithm of ['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87', 'Ed25519'] as const) {
      const scope = `use.${algorithm}`
      await app.createApi({ id: `urn:test:${algorithm}`, scopes: [scope], accessToken: 'jwt', algorithm })
      const order = {
        id: `of-${algorithm}`,
        grants: ['client_credentials'],
        scopes: [scope],
        introspect: [`urn:test:${algorithm}`],
      }
      const { record, secret } = await app.clients.create(clientOrder(order))
      const credentials = [record.clientId, secret?.reveal() ?? ''] as const
      world.keepSecret(credentials[1])
      const token = text(
        await post(world, '/token', { grant_type: 'client_credentials', scope }, credentials),
        'access_token',
      )
      assert.equal(decodeProtectedHeader(token).alg, algorithm)
      await jwtVerify(token, createLocalJWKSet(JSON.parse(app.keyring.jwks().body)))
      assert.equal((await post(world, '/token/introspection', { token }, credentials)).body.active, true)
    }
  })
})
