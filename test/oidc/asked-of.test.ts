/** What a resource server's questions make of a live access token. */

import assert from 'node:assert/strict'
import { answerTo, askedOf, reasonFor } from '../../src/oidc/asked-of.ts'

const token = { active: true, aud: 'urn:a', scope: 'read write' }

describe('the questions of a resource server', () => {
  it('are answered as for API tokens: another API is nothing that is known, a scope that it lacks is denied', () => {
    assert.equal(reasonFor(token, {}), 'VALID')
    assert.equal(reasonFor(token, { api: 'urn:a', scopes: ['write'] }), 'VALID')
    assert.equal(reasonFor(token, { api: 'urn:a', scopes: [] }), 'VALID')
    assert.equal(reasonFor(token, { scopes: ['read', 'rea'] }), 'SCOPE_DENIED')
    assert.equal(reasonFor(token, { api: 'urn:b', scopes: ['rule'] }), 'NOT_FOUND')
    assert.equal(reasonFor({}, { api: 'urn:a' }), 'NOT_FOUND')
    assert.equal(reasonFor({}, { scopes: ['read'] }), 'SCOPE_DENIED')
  })

  it('tell a caller nothing of a token of an API that it does not serve', () => {
    const serving = { introspect: ['urn:a'] }
    assert.deepEqual(answerTo(serving, token, { scopes: ['read'] }), { ...token, reason: 'VALID' })
    assert.deepEqual(answerTo(serving, token, { scopes: ['rule'] }), { active: false, reason: 'SCOPE_DENIED' })
    const another = { introspect: ['urn:b'] }
    assert.deepEqual(answerTo(another, token, {}), token, 'its own')
    assert.deepEqual(answerTo(another, token, { scopes: ['rule'] }), { active: false, reason: 'NOT_FOUND' })
    assert.deepEqual(answerTo(another, token, { api: 'urn:b' }), { active: false, reason: 'NOT_FOUND' })
    assert.equal(answerTo({ introspect: [] }, token, { api: 'urn:b', scopes: ['rule'] }), token)
  })

  it('are refused where one is asked twice, and are none where they are empty', () => {
    assert.throws(() => askedOf(new URLSearchParams('scope=read&scope=write')), /invalid_request/)
    assert.deepEqual(
      Object.values(askedOf(new URLSearchParams('scope=&resource=&token=x'))).filter((one) => one !== undefined),
      [],
    )
    assert.deepEqual(askedOf(new URLSearchParams('scope=read++write')).scopes, ['read', 'write'])
  })
})
