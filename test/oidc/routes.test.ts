/** Which class of writes an answer keeps, and which route a path is. */

import assert from 'node:assert/strict'
import { keepFor } from '../../src/oidc/commit.ts'
import { normalPath, routeOf } from '../../src/oidc/routes.ts'

describe('routes', () => {
  it('are found whatever the letter case and a closing slash, as the library finds them', () => {
    assert.equal(normalPath('/Token/'), '/token')
    for (const [path, route] of [
      ['/TOKEN', 'token'],
      ['/token/', 'token'],
      ['/token/introspection', 'introspection'],
      ['/session/end/confirm', 'end_session'],
      ['/auth/abc', 'authorization'],
      ['/device/auth', 'device'],
      ['/authx', 'other'],
    ] as const)
      assert.equal(routeOf(path), route, path)
  })

  it('keep burns and revocations of a 4xx at /token, all elsewhere, burns alone of a 5xx', () => {
    assert.equal(keepFor('token', 200), 'all')
    assert.equal(keepFor('token', 400), 'burns and revocations')
    assert.equal(keepFor('token', 503), 'burns')
    assert.equal(keepFor('device', 400), 'all')
    assert.equal(keepFor('authorization', 303), 'all')
    assert.equal(keepFor('authorization', 500), 'burns')
  })
})
