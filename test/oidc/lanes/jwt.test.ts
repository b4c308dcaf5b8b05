import assert from 'node:assert/strict'
import { generateKeyPairSync, sign, verify } from 'node:crypto'
import type { ProviderKey } from '../../../src/keys/index.ts'
import { createJwtSigner } from '../../../src/oidc/lanes/jwt.ts'

const decoded = (part = ''): unknown => JSON.parse(Buffer.from(part, 'base64url').toString())

function scene() {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const counted: (number | undefined)[] = []
  const key: ProviderKey = {
    kid: 'one',
    alg: 'EdDSA',
    state: 'current',
    publicJwk: {},
    sign: async (data, exp) => {
      counted.push(exp)
      return sign(null, data, privateKey)
    },
  }
  return { signer: createJwtSigner([key]), publicKey, counted }
}

describe('JWTs in one pass', () => {
  it('have header, claims and a signature over both (RFC 7515, 7.1)', async () => {
    const { signer, publicKey } = scene()
    const claims = { sub: 'ä', exp: 5 }
    const [head, body, signature] = (await signer.sign('EdDSA', claims, 'at+jwt')).split('.')
    assert.deepEqual([decoded(head), decoded(body)], [{ alg: 'EdDSA', typ: 'at+jwt', kid: 'one' }, claims])
    assert.ok(verify(null, Buffer.from(`${head}.${body}`), publicKey, Buffer.from(signature ?? '', 'base64url')))
  })

  it('tell whoever counts signatures when they end', async () => {
    const { signer, counted } = scene()
    await signer.sign('EdDSA', { exp: 1_800_000_000 })
    await signer.sign('EdDSA', {})
    assert.deepEqual(counted, [1_800_000_000, undefined])
  })

  it('are made only by a key that signs with the algorithm', async () => {
    const { signer } = scene()
    assert.deepEqual([signer.signs('EdDSA'), signer.signs('ES256')], [true, false])
    await assert.rejects(signer.sign('ES256', {}), /ES256/)
  })
})
