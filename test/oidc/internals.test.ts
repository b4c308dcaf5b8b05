/** What is reached below oidc-provider's public surface: each reach fails here when an upgrade moves it. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Provider } from 'oidc-provider'
import {
  buildTokenResponse,
  checkDpopReplay,
  checkDpopRequired,
  checkMtlsCert,
  modelClass,
  resolveRequestedResources,
  validateDpop,
  wrapGrantHandler,
} from '../../src/oidc/internals.ts'

describe('the library below its surface', () => {
  const provider = new Provider('http://localhost:1', {
    features: { devInteractions: { enabled: false } },
    scopes: ['openid', 'offline_access'],
  })

  it('is the version that was read', () => {
    const { version }: { version: string } = JSON.parse(
      readFileSync(new URL('../../node_modules/oidc-provider/package.json', import.meta.url), 'utf8'),
    )
    assert.equal(version, '9.13.3')
  })

  it('keeps its grant handlers where one can be wrapped', () => {
    let wrapped = false
    wrapGrantHandler(provider, 'refresh_token', (inner) => {
      wrapped = typeof inner === 'function'
      return inner
    })
    assert.ok(wrapped)
    assert.throws(() => wrapGrantHandler(provider, 'no such grant', (inner) => inner))
  })

  it('gives the parts of a grant handler, as functions of provider and context', () => {
    for (const [part, parameters] of [
      [buildTokenResponse, 1],
      [checkDpopReplay, 4],
      [checkDpopRequired, 3],
      [checkMtlsCert, 2],
      [resolveRequestedResources, 2],
      [validateDpop, 2],
    ] as const)
      assert.ok(part.length >= parameters, `${part.name} takes ${part.length}`)
  })

  it('makes the id of every token by a prototype method', () => {
    for (const name of [
      'AccessToken',
      'ClientCredentials',
      'RefreshToken',
      'AuthorizationCode',
      'DeviceCode',
      'InitialAccessToken',
      'RegistrationAccessToken',
      'PushedAuthorizationRequest',
    ]) {
      assert.equal(typeof modelClass(provider, name).prototype.generateTokenId, 'function', name)
    }
  })

  it('asks the members that are overridden: secret comparison, back-channel logout, replay, session end', () => {
    const client: { compareClientSecret?: unknown; backchannelLogout?: unknown } = provider.Client.prototype as object
    assert.equal(typeof client.compareClientSecret, 'function')
    assert.equal(typeof client.backchannelLogout, 'function')
    assert.equal(typeof provider.ReplayDetection.unique, 'function')
    assert.equal(typeof provider.Session.prototype.destroy, 'function')
  })
})
