import assert from 'node:assert/strict'
import { createHmac, hkdfSync } from 'node:crypto'
import fc from 'fast-check'
import { hkdf, keyedHash } from '../../src/base/index.ts'

const key = fc.uint8Array({ minLength: 1, maxLength: 200 })
/** Of every width of character, lone surrogates among them, and longer than what is hashed by hand. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.constant('\ud800'),
  fc.nat(9000).map((length) => 'ü'.repeat(length)),
)

describe('keyed hashes', () => {
  it('are the HMACs that node makes, as text and as bytes', () => {
    fc.assert(
      fc.property(key, text, (raw, what) => {
        const own = keyedHash(raw)
        const right = createHmac('sha256', raw).update(what).digest()
        assert.equal(own.text(what), right.toString('base64url'))
        assert.deepEqual(own.bytes(what), right)
      }),
      { numRuns: 500 },
    )
  })

  it('do not disturb one another: each result stands when the next is made', () => {
    const own = keyedHash(Buffer.alloc(32, 7))
    const [first, second] = [own.bytes('first'), own.bytes('second')]
    assert.deepEqual(first, own.bytes('first'))
    assert.notDeepEqual(first, second)
  })

  it('make the keys of HKDF that node makes', () => {
    fc.assert(
      fc.property(key, text, text, (salt, secret, info) => {
        const right = Buffer.from(hkdfSync('sha256', secret, salt, info.slice(0, 300), 32))
        assert.deepEqual(hkdf(keyedHash(salt), secret, info.slice(0, 300)), right)
      }),
    )
  })
})
