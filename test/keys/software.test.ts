/** Keys of software, and the threads that sign what takes long. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { Provider } from 'oidc-provider'
import { ALGORITHMS } from '../../src/keys/index.ts'
import { SignerUnavailable } from '../../src/keys/signers.ts'
import { createSigningPool, type SigningJob } from '../../src/keys/signing-pool.ts'
import { createSoftwareSigners } from '../../src/keys/software.ts'
import { madeKey, PRIVATE_MEMBERS, signed, verified } from '../support/jws.ts'

describe('the software signer', () => {
  for (const alg of ALGORITHMS) {
    it(`signs ${alg} so that jose verifies it with the published key, which has no private member`, async () => {
      const signers = createSoftwareSigners()
      const key = await madeKey(signers, alg)
      const jws = await signed(key, await signers.open(key))
      assert.deepEqual(await verified(jws, key), { sub: 'someone' })
      assert.deepEqual(
        PRIVATE_MEMBERS.filter((member) => member in key.publicJwk),
        [],
      )
      await signers.close()
    })
  }

  it('makes key pairs that oidc-provider takes as they are', async () => {
    const signers = createSoftwareSigners()
    const made = await Promise.all(ALGORITHMS.map((alg) => madeKey(signers, alg)))
    const keys = made.map(({ secret, alg, kid }) => ({ ...JSON.parse(Buffer.from(secret).toString()), alg, kid }))
    assert.ok(new Provider('https://issuer.example', { jwks: { keys } }))
  })

  it('signs ES256 rightly when R or S is short: every 256th has a leading zero', async () => {
    const key = await madeKey(createSoftwareSigners(), 'ES256')
    const sign = await createSoftwareSigners().open(key)
    const publicKey = createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' })
    let short = 0
    for (let n = 0; n < 4000; n++) {
      const data = Buffer.from(`message ${n}`)
      const signature = Buffer.from(await sign(data))
      if (signature[0] === 0 || signature[32] === 0) short++
      assert.ok(verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature), `message ${n}`)
    }
    assert.ok(short > 0, 'the case was met')
  })

  it('opens a key again from what was sealed', async () => {
    const key = await madeKey(createSoftwareSigners(), 'ML-DSA-65')
    const later = createSoftwareSigners()
    await verified(await signed(key, await later.open(key)), key)
    await later.close()
  })

  it('knows EdDSA and Ed25519 apart by their name alone', async () => {
    const signers = createSoftwareSigners()
    const key = await madeKey(signers, 'EdDSA')
    const other = { ...key, alg: 'Ed25519' as const, kid: 'other' }
    await verified(await signed(other, await signers.open(other)), other)
  })
})

describe('the signing pool', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const job = (n: number): SigningJob => ({
    kid: 'k',
    key: privateKey,
    alg: 'RS256',
    data: Buffer.from(`message ${n}`),
  })
  const worker = new URL('../../src/keys/signing-worker.ts', import.meta.url)

  /** A pool whose threads the test can count and kill. */
  function watched(size: number) {
    const workers: Worker[] = []
    const start = () => {
      const one = new Worker(worker)
      workers.push(one)
      return one
    }
    return { workers, pool: createSigningPool({ size, start }) }
  }

  it('gives each of many signatures at the same time to who asked for it', async () => {
    const { workers, pool } = watched(2)
    const signatures = await Promise.all(Array.from({ length: 100 }, (_, n) => pool.sign(job(n))))
    signatures.forEach((signature, n) => {
      assert.ok(verify('sha256', job(n).data, publicKey, signature))
    })
    assert.equal(workers.length, 2)
    await pool.close()
  })

  it('starts no thread before the first signature', async () => {
    const { workers, pool } = watched(2)
    assert.equal(workers.length, 0)
    await pool.close()
  })

  it('leaves the event loop free: it turns more than once for each signature in work', async () => {
    const { pool } = watched(1)
    await pool.sign(job(0))
    let turns = 0
    let working = true
    const turn = () => {
      turns++
      if (working) setImmediate(turn)
    }
    setImmediate(turn)
    await Promise.all(Array.from({ length: 50 }, (_, n) => pool.sign(job(n))))
    working = false
    assert.ok(turns > 50, `${turns} turns`)
    await pool.close()
  })

  it('refuses the signatures of a thread that dies, and puts another in its place', async () => {
    const { workers, pool } = watched(1)
    await pool.sign(job(0))
    const lost = pool.sign(job(1))
    const refused = assert.rejects(lost, SignerUnavailable)
    void workers[0]?.terminate()
    await refused
    assert.ok(verify('sha256', job(2).data, publicKey, await pool.sign(job(2))))
    assert.equal(workers.length, 2)
    await pool.close()
  })

  it('finishes what is in flight before it closes, and takes nothing more', async () => {
    const { pool } = watched(1)
    const last = Promise.all([pool.sign(job(1)), pool.sign(job(2))])
    await pool.close()
    assert.equal((await last).length, 2)
    await assert.rejects(pool.sign(job(3)), SignerUnavailable)
  })

  it('keeps no process alive', async () => {
    const script = `
      const { createSigningPool } = await import(${JSON.stringify(new URL('../../src/keys/signing-pool.ts', import.meta.url).href)})
      const { generateKeyPairSync } = await import('node:crypto')
      const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
      console.log((await createSigningPool().sign({ kid: 'k', key, alg: 'PS256', data: Buffer.from('x') })).length)`
    const ended = spawnSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 })
    assert.equal(ended.stdout.toString().trim(), '256')
    assert.equal(ended.status, 0)
  })
})
