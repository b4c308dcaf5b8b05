/** What a lane takes for a plain request: nothing that two parsers might read in two ways. */

import assert from 'node:assert/strict'
import { parse } from 'node:querystring'
import fc from 'fast-check'
import { isPlainForm, isPlainHead, plainForm, plainScopes } from '../../../src/oidc/lanes/request.ts'

const KNOWN = ['grant_type', 'client_id', 'scope', 'token']
/** What makes a form: its own signs, letters of parameters, and what should not be there. */
const letters = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...KNOWN, '__proto__', 'constructor', 'a', 'Z', '0', '-', '.', '_', '~') },
  { weight: 6, arbitrary: fc.constantFrom('=', '&', '+', '%20', '%2B', '%25', '%41', '%3d', '%26') },
  {
    weight: 2,
    arbitrary: fc.constantFrom('%', '%zz', '%0', '%00', '%ff', '%C3%B6', '\0', ' ', '"', '\xff', 'ö', ';', '#', '[]'),
  },
)
const bodies = fc.oneof(
  fc.array(letters, { maxLength: 14 }).map((parts) => parts.join('')),
  fc
    .array(fc.tuple(fc.constantFrom(...KNOWN), fc.string({ maxLength: 8 })), { maxLength: 5 })
    .map((pairs) => new URLSearchParams(pairs).toString()),
  fc.string(),
)

describe('a plain form', () => {
  it('is read as the WHATWG and as querystring read it, or is not taken', () => {
    fc.assert(
      fc.property(bodies, (text) => {
        const form = plainForm(Buffer.from(text), KNOWN)
        if (!form) return
        const pairs = [...new URLSearchParams(text)]
        assert.deepEqual(Object.entries(form), pairs)
        assert.deepEqual(Object.entries({ ...parse(text) }), pairs)
        assert.equal(new Set(pairs.map(([name]) => name)).size, pairs.length)
        assert.ok(pairs.every(([name, value]) => value !== '' && KNOWN.includes(name)))
      }),
      { numRuns: 5000 },
    )
  })

  it('is taken whenever it holds known parameters once, in visible ASCII', () => {
    const value = fc.string({
      minLength: 1,
      maxLength: 20,
      unit: fc.constantFrom(...'aZ09-._~!*\'()+/?:@&=,;$%" <>\\^`{|}#'),
    })
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom('grant_type', 'client_id', 'scope', 'token')),
        value,
        (names, text) => {
          const pairs = names.map((name) => [name, text] as [string, string])
          const body = new URLSearchParams(pairs).toString()
          assert.deepEqual({ ...plainForm(Buffer.from(body), KNOWN) }, Object.fromEntries(pairs))
        },
      ),
    )
  })

  for (const [what, body] of [
    ['a parameter twice', 'token=a&token=b'],
    ['the same one twice', 'token=a&token=a'],
    ['an empty value', 'token=a&scope='],
    ['a name alone', 'token=a&scope'],
    ['a parameter that is not known', 'token=a&other=b'],
    ['a known one in another case', 'Token=a'],
    ['a blank', 'token=a b'],
    ['a broken escape', 'token=%zz'],
    ['an escape that is cut off', 'token=%4'],
    ['an escaped NUL', 'token=a%00'],
    ['a NUL', 'token=a\0'],
    ['escaped bytes beyond ASCII', 'token=%C3%B6'],
    ['bytes beyond ASCII', 'token=ö'],
    ['a line end', 'token=a\r\n'],
  ] as const)
    it(`is none with ${what}`, () => assert.equal(plainForm(Buffer.from(body), KNOWN), undefined))

  it('has no parameters with the names of what every object has', () => {
    for (const name of ['toString', '__proto__', 'constructor'])
      assert.equal(plainForm(Buffer.from(`token=a&${name}=x`), KNOWN), undefined)
  })
})

describe('a plain head', () => {
  const type = 'application/x-www-form-urlencoded'

  it('has a form of known, short length', () => {
    const fits = (headers: Readonly<Record<string, string>>): boolean => isPlainForm(headers)
    assert.ok(fits({ 'content-type': type, 'content-length': '8192' }))
    assert.ok(fits({ 'content-type': `${type}; charset=UTF-8`, 'content-length': '0' }))
    assert.ok(fits({ 'content-type': `${type};charset=utf-8`, 'content-length': '1' }))
    assert.ok(!fits({ 'content-type': type, 'content-length': '8193' }))
    assert.ok(!fits({ 'content-type': type }))
    assert.ok(!fits({ 'content-length': '1' }))
    for (const other of ['text/plain', `${type}; charset=latin1`, `${type}; charset=utf-8; x=y`, `${type}, text/plain`])
      assert.ok(!fits({ 'content-type': other, 'content-length': '1' }), other)
  })

  it('has no header that gives the request another meaning, not even an empty one', () => {
    assert.ok(isPlainHead({ authorization: 'Basic x', 'user-agent': 'agent/1' }))
    for (const name of ['origin', 'dpop', 'content-encoding', 'expect', 'oauth-client-attestation'])
      assert.ok(!isPlainHead({ [name]: '' }), name)
  })
})

describe('a plain list of scopes', () => {
  it('is what a split at single blanks gives, each scope once', () => {
    assert.deepEqual(plainScopes(undefined), [])
    assert.deepEqual(plainScopes('openid'), ['openid'])
    assert.deepEqual(plainScopes('read urn:x/y+z'), ['read', 'urn:x/y+z'])
    for (const odd of ['', ' ', 'a ', ' a', 'a  b', 'a\tb', 'a a', 'a"b', 'a\\b', 'ö', 'a\nb'])
      assert.equal(plainScopes(odd), undefined, JSON.stringify(odd))
  })

  it('says the same again when it is joined', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const scopes = plainScopes(text)
        assert.ok(scopes === undefined || scopes.join(' ') === text)
      }),
    )
  })
})
