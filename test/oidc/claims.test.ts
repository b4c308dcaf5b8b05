/** Which claims a scope stands for, and that there are no others. */

import assert from 'node:assert/strict'
import { CLAIMS_OF_SCOPES, claimsFor } from '../../src/oidc/claims.ts'

const available = {
  sub: 's',
  name: 'Anna',
  email: 'anna@example.test',
  email_verified: false,
  acr: undefined,
  secret: 'x',
}

describe('claims of scopes', () => {
  it('are those that there are, in the order of the scopes', () => {
    assert.deepEqual(claimsFor(['openid', 'email'], available), {
      sub: 's',
      acr: undefined,
      email: 'anna@example.test',
      email_verified: false,
    })
    assert.deepEqual(Object.keys(claimsFor(['email', 'openid'], available)), ['email', 'email_verified', 'sub', 'acr'])
  })

  it('are none for other scopes, nor for what every object has', () => {
    assert.deepEqual(claimsFor(['read', 'toString', 'constructor', '__proto__', ''], available), {})
    assert.deepEqual(claimsFor([], available), {})
    assert.deepEqual(claimsFor(['profile'], Object.create({ name: 'inherited' })), {})
  })

  it('are never in two scopes', () => {
    const all = Object.values(CLAIMS_OF_SCOPES).flat()
    assert.equal(new Set(all).size, all.length)
  })
})
