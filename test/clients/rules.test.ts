/** What may be registered as a client. */

import assert from 'node:assert/strict'
import { faultOf, mayRedirectTo, metadataOf } from '../../src/clients/rules.ts'
import { clientOrder } from '../support/world.ts'

const HOSTILE = [
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'data:text/html,x',
  'vbscript:x',
  'file:///etc/passwd',
  'blob:https://app.example/x',
  'about:blank',
  'http://app.example/cb',
  'http://127.0.0.1.evil.example/',
  'http://localhost.evil.example/',
  'https://user@app.example/cb',
  'https://user:pw@app.example/cb',
  'https://app.example@evil.example/',
  'https://app.example/cb#x',
  'https://app.example/cb#',
  'https://app.example\\@evil.example/',
  'https://app.example/\tcb',
  'https://app.example/cb\n',
  ' https://app.example/cb',
  'https://app.example/cb?code=1',
  'https://app.example/cb?state=1',
  'https://app.example/cb?iss=x',
  'https://app.example/cb?error=x',
  'https://app.example/cb?response=x',
  '//app.example/cb',
  '/cb',
  'app.example/cb',
  'https://',
  'https:///',
  'com.example:/cb',
  'ftp://app.example/',
  'ws://app.example/',
  '',
]

describe('a redirect URI', () => {
  for (const uri of HOSTILE) {
    it(`may not be ${JSON.stringify(uri)}`, () => assert.equal(mayRedirectTo(uri, false), false))
  }

  it('may be https, http on loopback, and for a native app a private-use scheme with a dot', () => {
    for (const uri of [
      'https://app.example/cb',
      'https://app.example/cb?tenant=1',
      'http://localhost:3001/cb',
      'http://127.0.0.1/cb',
      'http://[::1]:80/cb',
    ])
      assert.equal(mayRedirectTo(uri, false), true, uri)
    assert.equal(mayRedirectTo('com.example.app:/cb', true), true)
    assert.equal(mayRedirectTo('com.example.app:/cb', false), false)
    assert.equal(mayRedirectTo('myapp:/cb', true), false)
  })
})

describe('an order for a client', () => {
  it('is refused by its first fault, in a word of the table', () => {
    for (const [order, code] of [
      [clientOrder({ id: 'a:b', grants: ['client_credentials'] }), 'bad_client_id'],
      [clientOrder({ id: 'a b', grants: ['client_credentials'] }), 'bad_client_id'],
      [clientOrder({ id: 'a', grants: [] }), 'bad_grant'],
      [clientOrder({ id: 'a', grants: ['password'] }), 'bad_grant'],
      [clientOrder({ id: 'a', grants: ['__proto__'] }), 'bad_grant'],
      [clientOrder({ id: 'a', grants: ['authorization_code'] }), 'bad_metadata'],
      [clientOrder({ id: 'a', grants: ['client_credentials'], public: true }), 'bad_metadata'],
      [clientOrder({ id: 'a', grants: ['client_credentials'], name: 'x\u0007' }), 'bad_name'],
      [clientOrder({ id: 'a', grants: ['client_credentials'], scopes: ['a"b'] }), 'bad_scope'],
      [clientOrder({ id: 'a', grants: ['authorization_code'], redirectUris: ['javascript:1'] }), 'bad_redirect_uri'],
    ] as const)
      assert.equal(faultOf(order)?.code, code)
    assert.equal(faultOf(clientOrder({ id: 'a', grants: ['client_credentials'] })), undefined)
  })

  it('becomes metadata that asks a public client for no secret and a service for no redirect', () => {
    const service = metadataOf(clientOrder({ id: 's', grants: ['client_credentials'], scopes: ['read'] }), 's')
    assert.deepEqual(
      [service.response_types, service.redirect_uris, service.token_endpoint_auth_method, service.scope],
      [[], [], 'client_secret_basic', 'read'],
    )
    assert.equal(
      metadataOf(clientOrder({ id: 'p', grants: ['authorization_code'], public: true }), 'p')
        .token_endpoint_auth_method,
      'none',
    )
    assert.equal(
      metadataOf(clientOrder({ id: 'k', grants: ['client_credentials'], jwks: { keys: [] } }), 'k')
        .token_endpoint_auth_method,
      'private_key_jwt',
    )
  })
})
