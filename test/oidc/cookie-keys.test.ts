import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { Secret } from '../../src/base/index.ts'
import { createCookieKeys } from '../../src/oidc/cookie-keys.ts'

const OLD = new Secret('old secret')
const NEW = new Secret('new secret')
const DATA = 'mm_session=value'
const flipped = (text: string): string => (text.startsWith('A') ? `B${text.slice(1)}` : `A${text.slice(1)}`)

describe('the keys of cookies', () => {
  it('sign with the current secret, and know what it signed', () => {
    const keys = createCookieKeys([NEW, OLD])
    assert.equal(keys.sign(DATA), createHmac('sha256', NEW.reveal()).update(DATA).digest('base64url'))
    assert.equal(keys.index(DATA, keys.sign(DATA)), 0)
    assert.ok(keys.verify(DATA, keys.sign(DATA)))
  })

  it('know the signatures of the secret before, as one to renew', () => {
    assert.equal(createCookieKeys([NEW, OLD]).index(DATA, createCookieKeys([OLD]).sign(DATA)), 1)
  })

  it('take what Keygrip signed before, by any secret, as one to renew', () => {
    const byKeygrip = (secret: Secret): string => createHmac('sha1', secret.reveal()).update(DATA).digest('base64url')
    const keys = createCookieKeys([NEW, OLD])
    assert.ok(keys.index(DATA, byKeygrip(NEW)) > 0)
    assert.ok(keys.index(DATA, byKeygrip(OLD)) > 0)
  })

  it('refuse everything else: another value, another secret, a cut, changed, longer or empty signature', () => {
    const keys = createCookieKeys([NEW])
    const right = keys.sign(DATA)
    const wrong = [right.slice(1), flipped(right), `${right}A`, '', createCookieKeys([OLD]).sign(DATA), 'ä'.repeat(43)]
    for (const digest of wrong) assert.equal(keys.index(DATA, digest), -1, digest)
    assert.equal(keys.verify(`${DATA}2`, right), false)
  })

  it('are not made of nothing', () => {
    assert.throws(() => createCookieKeys([]), /no key/)
  })
})
