/** Metadata that nobody typed into a form of ours: a configuration's, and what dynamic registration brings. */

import assert from 'node:assert/strict'
import { faultOfMetadata } from '../../src/clients/index.ts'
import { openWorld } from '../support/world.ts'

describe('metadata of a client', () => {
  it('is refused where it could be turned against its people, or could never work', () => {
    for (const [metadata, code] of [
      [{ redirect_uris: ['https://app.example.test/cb?code=1'] }, 'bad_redirect_uri'],
      [{ redirect_uris: ['https://app.example.test/cb?error=x'] }, 'bad_redirect_uri'],
      [{ redirect_uris: ['http://evil.example.test/cb'] }, 'bad_redirect_uri'],
      [{ redirect_uris: ['javascript:alert(1)'], application_type: 'native' }, 'bad_redirect_uri'],
      [{ post_logout_redirect_uris: ['https://user@app.example.test/'] }, 'bad_redirect_uri'],
      [{ grant_types: ['password'] }, 'bad_grant'],
      [{ token_endpoint_auth_method: 'client_secret_jwt' }, 'bad_auth_method'],
    ] as const)
      assert.equal(faultOfMetadata(metadata)?.code, code, JSON.stringify(metadata))
    const good = {
      redirect_uris: ['https://app.example.test/cb', 'http://localhost:3001/cb'],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'private_key_jwt',
    }
    assert.equal(faultOfMetadata(good), undefined)
  })

  it('is refused at dynamic registration too', async () => {
    const world = await openWorld('sqlite')
    const { token } = await world.app.oidc.initialAccessToken()
    world.keepSecret(token)
    const register = (redirect: string) =>
      fetch(new URL('/reg', world.issuer), {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ redirect_uris: [redirect], id_token_signed_response_alg: 'ES256' }),
      })
    const refused = await register('https://app.example.test/cb?code=1')
    assert.equal(refused.status, 400)
    assert.match(await refused.text(), /invalid_client_metadata/)
    const taken = await register('https://app.example.test/cb')
    assert.equal(taken.status, 201)
    const made: Readonly<Record<string, string>> = JSON.parse(await taken.text())
    world.keepSecret(made.client_secret, made.registration_access_token)
    await world.close()
  })
})
