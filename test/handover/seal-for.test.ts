/** Sealing for a recipient: whoever has the private key reads it, and keys that are none, weak or private are refused. */

import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { compactDecrypt, decodeProtectedHeader } from 'jose'
import { sealFor } from '../../src/handover/index.ts'

const pairs = {
  'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'P-384': generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  'P-521': generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  X25519: generateKeyPairSync('x25519'),
  RSA: generateKeyPairSync('rsa', { modulusLength: 2048 }),
}
const jwkOf = (key: KeyObject) => key.export({ format: 'jwk' })
/** Points of low order (RFC 7748, 6.1; cr.yp.to/ecdh.html): whatever the other side's key is, the secret is zero. */
const LOW = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
]
const even = (n = ''): string => {
  const bytes = Buffer.from(n, 'base64url')
  return Buffer.from([...bytes.subarray(0, -1), (bytes.at(-1) ?? 0) & 0xfe]).toString('base64url')
}
const p256 = jwkOf(pairs['P-256'].publicKey)
const rsa = jwkOf(pairs.RSA.publicKey)

describe('a sealed hand-over', () => {
  for (const [name, { publicKey, privateKey }] of Object.entries(pairs))
    it(`is read by the holder of a ${name} key, with the algorithms that are said`, async () => {
      const jwe = await sealFor('mm_pat_text', { ...jwkOf(publicKey), kid: 'k1', use: 'enc' })
      assert.equal(jwe.split('.').length, 5)
      assert.deepEqual(
        { ...decodeProtectedHeader(jwe), epk: undefined },
        {
          alg: name === 'RSA' ? 'RSA-OAEP-256' : 'ECDH-ES+A256KW',
          enc: 'A256GCM',
          cty: 'text/plain',
          kid: 'k1',
          epk: undefined,
        },
      )
      const { plaintext } = await compactDecrypt(jwe, privateKey)
      assert.equal(new TextDecoder().decode(plaintext), 'mm_pat_text')
    })

  it('refuses a key with a private or symmetric part in words of its own', async () => {
    for (const { privateKey } of Object.values(pairs))
      await assert.rejects(sealFor('text', jwkOf(privateKey)), { code: 'private_recipient_key' })
    await assert.rejects(sealFor('text', { kty: 'oct', k: 'c2VjcmV0' }), { code: 'private_recipient_key' })
    await assert.rejects(sealFor('text', { ...p256, d: '' }), { code: 'private_recipient_key' })
  })

  it('refuses what is weak, of another kind or use, or no key at all', async () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
    const small = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).publicKey
    const k256 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey
    for (const bad of [
      jwkOf(weak),
      jwkOf(small),
      jwkOf(k256),
      { ...rsa, e: 'AQAA' },
      { ...rsa, n: even(rsa.n) },
      ...LOW.map((hex) => ({ kty: 'OKP', crv: 'X25519', x: Buffer.from(hex, 'hex').toString('base64url') })),
      jwkOf(generateKeyPairSync('ed25519').publicKey),
      { ...p256, y: p256.x },
      { ...p256, use: 'sig' },
      { ...p256, key_ops: ['verify'] },
      { ...p256, alg: 'ES256' },
      { ...rsa, alg: 'RSA1_5' },
      { kty: 'EC', crv: 'P-256' },
      { kty: 'RSA', n: 'A'.repeat(5000), e: 'AQAB' },
      { keys: [p256] },
      null,
      'text',
      [],
    ])
      await assert.rejects(sealFor('text', bad), { code: 'bad_recipient_key' }, JSON.stringify(bad).slice(0, 80))
  })
})
