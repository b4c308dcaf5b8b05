/** What OpenID Connect's other profiles need is switched on by configuration, and off without it. */

import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import { Browser, pkce, post } from '../support/browser.ts'
import { furnish, openWorld, REDIRECT, type World } from '../support/world.ts'

async function discovered(world: World): Promise<Readonly<Record<string, unknown>>> {
  const parsed: unknown = JSON.parse(
    await (await fetch(new URL('/.well-known/openid-configuration', world.issuer))).text(),
  )
  return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {}
}

const listed = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : [])

// OpenID Connect asks web clients with the implicit grant for https, and so does the library.
const SECURE = 'https://app.example/callback'

const hybrid = {
  client_id: 'hybrid',
  client_secret: 'a secret of the configuration',
  redirect_uris: [SECURE],
  grant_types: ['authorization_code', 'implicit', 'refresh_token'],
  response_types: ['code id_token', 'code'],
  id_token_signed_response_alg: 'RS256',
  relies_on_nonce: true,
  authorization_signed_response_alg: 'ES256',
}

describe('profiles', () => {
  it('are off by default: code alone, query and form_post, no request objects', async () => {
    const world = await openWorld('sqlite')
    try {
      const found = await discovered(world)
      assert.deepEqual(found.response_types_supported, ['code'])
      assert.deepEqual(found.response_modes_supported, ['form_post', 'fragment', 'query'])
      assert.notEqual(found.request_parameter_supported, true)
      assert.equal(found.tls_client_certificate_bound_access_tokens, undefined)
      const methods = found.token_endpoint_auth_methods_supported
      assert.ok(Array.isArray(methods) && !methods.includes('client_secret_jwt'))
      for (const [name, algorithms] of Object.entries(found))
        if (/_alg_values_supported$/.test(name) && Array.isArray(algorithms))
          assert.ok(!algorithms.some((alg) => String(alg).startsWith('HS')), name)
    } finally {
      await world.close()
    }
  })

  it('are on by configuration: hybrid, signed requests, JARM, mutual TLS, pushed requests only', async () => {
    const features = {
      responseTypes: ['code', 'code id_token', 'id_token', 'none'] as const,
      signedRequests: true,
      jwtResponses: true,
      mutualTls: true,
      dpopNonces: true,
    }
    const world = await openWorld('sqlite', {
      clients: [hybrid],
      features: { ...features, responseTypes: [...features.responseTypes] },
    })
    try {
      await furnish(world)
      const found = await discovered(world)
      assert.deepEqual([...listed(found.response_types_supported)].sort(), [
        'code',
        'code id_token',
        'id_token',
        'none',
      ])
      assert.ok(listed(found.response_modes_supported).includes('jwt'))
      assert.equal(found.request_parameter_supported, true)
      assert.equal(found.tls_client_certificate_bound_access_tokens, true)
      const answer = await new Browser(world).authorize({
        client_id: 'hybrid',
        response_type: 'code id_token',
        redirect_uri: SECURE,
        scope: 'openid',
        nonce: 'n-1',
      })
      const fragment = new URLSearchParams(answer.hash.slice(1))
      assert.equal(decodeJwt(fragment.get('id_token') ?? '').nonce, 'n-1')
      const token = await post(
        world,
        '/token',
        { grant_type: 'authorization_code', code: fragment.get('code') ?? '', redirect_uri: SECURE },
        ['hybrid', 'a secret of the configuration'],
      )
      assert.equal(token.status, 200, JSON.stringify(token.body))
      const jarm = await new Browser(world).authorize({
        client_id: 'hybrid',
        response_type: 'code',
        response_mode: 'jwt',
        redirect_uri: SECURE,
        scope: 'openid',
        code_challenge: pkce().challenge,
        code_challenge_method: 'S256',
      })
      assert.match(String(decodeJwt(jarm.searchParams.get('response') ?? '').code), /^mm_ac_/)
    } finally {
      await world.close()
    }
  })

  it('take pushed requests only, where the configuration says so', async () => {
    const world = await openWorld('sqlite', { features: { requirePushedRequests: true } })
    try {
      await furnish(world)
      const page = await new Browser(world).follow(
        `/auth?${new URLSearchParams({ client_id: 'web', response_type: 'code', redirect_uri: REDIRECT, scope: 'openid', code_challenge: pkce().challenge, code_challenge_method: 'S256' })}`,
      )
      assert.match(page.url + page.text, /Pushed.Authorization.Request/)
    } finally {
      await world.close()
    }
  })
})
