/** The worked example of a remote signer, against a service with the moods of a real one. */

import assert from 'node:assert/strict'
import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { createKmsSigners, rawFromDer } from '../../examples/kms.ts'
import { SignerUnavailable } from '../../src/index.ts'
import { madeKey, PRIVATE_MEMBERS, signed, verified } from '../support/jws.ts'
import { type KmsStandIn, startKms } from '../support/kms-stand-in.ts'

describe('a signer over HTTP (examples/kms.ts)', () => {
  let kms: KmsStandIn
  beforeEach(async () => {
    kms = await startKms()
  })
  afterEach(() => kms.close())

  it('signs what anyone verifies, with every algorithm that it offers, and keeps only the name of its key', async () => {
    const signers = createKmsSigners(kms)
    for (const alg of signers.algorithms) {
      const key = await madeKey(signers, alg)
      const jws = await signed(key, await signers.open(key))
      assert.deepEqual(await verified(jws, key), { sub: 'someone' })
      assert.deepEqual(
        PRIVATE_MEMBERS.filter((member) => member in key.publicJwk),
        [],
      )
      assert.ok(kms.keys.has(Buffer.from(key.secret).toString()))
    }
  })

  it('survives a rate limit: each signature that is refused with a 429 is asked for again within its budget', async () => {
    const signers = createKmsSigners({ ...kms, budgetMs: 10_000 })
    const key = await madeKey(signers, 'ES256')
    const signing = await signers.open(key)
    kms.mood.refuseEvery = 3
    const all = await Promise.all(Array.from({ length: 30 }, () => signed(key, signing)))
    await Promise.all(all.map((jws) => verified(jws, key)))
    assert.ok(kms.seen.refused >= 10)
  })

  it('never has more calls open than it may', async () => {
    const signers = createKmsSigners({ ...kms, concurrency: 2, budgetMs: 10_000 })
    const key = await madeKey(signers, 'ES256')
    const signing = await signers.open(key)
    kms.mood.latencyMs = 5
    await Promise.all(Array.from({ length: 12 }, () => signed(key, signing)))
    assert.equal(kms.seen.together, 2)
  })

  it('refuses with SignerUnavailable while the service is out or too slow, and signs again when it is back', async () => {
    const signers = createKmsSigners({ ...kms, budgetMs: 150 })
    const key = await madeKey(signers, 'ES256')
    const signing = await signers.open(key)
    kms.mood.out = true
    await assert.rejects(signed(key, signing), SignerUnavailable)
    await assert.rejects(signers.ready(), /did not answer within 150 ms/)
    Object.assign(kms.mood, { out: false, latencyMs: 1000 })
    await assert.rejects(signed(key, signing), SignerUnavailable)
    kms.mood.latencyMs = 0
    await signers.ready()
    await verified(await signed(key, signing), key)
  })

  it('destroys a key once and for all, and says so a second time', async () => {
    const signers = createKmsSigners({ ...kms, budgetMs: 500 })
    const key = await madeKey(signers, 'ES256')
    const signing = await signers.open(key)
    await signers.destroy(key)
    await signers.destroy(key)
    assert.equal(kms.keys.size, 0)
    await assert.rejects(signed(key, signing), SignerUnavailable)
  })

  it('turns DER into r || s whatever the length of its integers', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    // One in 256 integers is shorter than 32 bytes, every second one has a sign byte: 600 signatures have both.
    for (let n = 0; n < 600; n++) {
      const data = Buffer.from(`message ${n}`)
      const raw = rawFromDer(sign('sha256', data, privateKey))
      assert.equal(raw.length, 64)
      assert.ok(verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw))
    }
    assert.throws(() => rawFromDer(Buffer.from('3006020100')), SignerUnavailable)
  })
})
