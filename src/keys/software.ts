/**
 * Keys of software: made by node:crypto, sealed into the store by the keyring, in this process's memory while in use.
 * What signs in well under a tenth of a millisecond signs in place; RSA and ML-DSA go to threads of their own.
 */

import { createPrivateKey, generateKeyPair, type KeyObject, type KeyPairKeyObjectResult, sign } from 'node:crypto'
import { promisify } from 'node:util'
import type { JWK } from 'jose'
import { ALGORITHMS, type Algorithm, type KeptKey, type Sign, type Signers } from './signers.ts'
import { createSigningPool, type SigningPool } from './signing-pool.ts'

const generate = promisify(generateKeyPair)

function pairFor(alg: Algorithm): Promise<KeyPairKeyObjectResult> {
  switch (alg) {
    case 'ES256':
      return generate('ec', { namedCurve: 'P-256' })
    case 'RS256':
    case 'PS256':
      return generate('rsa', { modulusLength: 2048 })
    // Two names for one thing: EdDSA is RFC 8037's, Ed25519 the one that says the curve (RFC 9864).
    case 'EdDSA':
    case 'Ed25519':
      return generate('ed25519')
    case 'ML-DSA-44':
      return generate('ml-dsa-44')
    case 'ML-DSA-65':
      return generate('ml-dsa-65')
    case 'ML-DSA-87':
      return generate('ml-dsa-87')
    default:
      return alg satisfies never
  }
}

function privateKeyOf({ secret }: KeptKey): KeyObject {
  // Sealed by the keyring: these bytes are the private JWK that `make` gave it.
  const jwk = JSON.parse(Buffer.from(secret).toString('utf8')) as JWK
  return createPrivateKey({ key: jwk, format: 'jwk' })
}

const HALF = 32

/** Puts one integer of a DER signature into its half: without the sign byte, and with the zeros that DER leaves out. */
function half(der: Buffer, at: number, out: Buffer, to: number): number {
  const length = der[at + 1] ?? 0
  const from = at + 2
  const extra = Math.max(0, length - HALF)
  der.copy(out, to + Math.max(0, HALF - length), from + extra, from + length)
  return from + length
}

/**
 * An ES256 signature as JWS wants it (RFC 7518, 3.4: R and S, 32 bytes each). Signed as DER and rewritten here: asking node:crypto for
 * this form costs a second signature's time in the Node that we run on.
 */
function signEs256(data: Uint8Array, key: KeyObject): Buffer {
  const der = sign('sha256', data, key)
  const out = Buffer.alloc(2 * HALF)
  half(der, half(der, 2, out, 0), out, HALF)
  return out
}

function signWith(key: KeyObject, { kid, alg }: KeptKey, pool: SigningPool): Sign {
  switch (alg) {
    case 'RS256':
    case 'PS256':
    case 'ML-DSA-44':
    case 'ML-DSA-65':
    case 'ML-DSA-87':
      return (data) => pool.sign({ kid, key, alg, data })
    case 'ES256':
      return (data) => signEs256(data, key)
    case 'EdDSA':
    case 'Ed25519':
      return (data) => sign(null, data, key)
    default:
      return alg satisfies never
  }
}

/** The software signer: every algorithm, always ready. A `pool` that is passed in is closed with it. */
export function createSoftwareSigners({ pool = createSigningPool() }: { readonly pool?: SigningPool } = {}): Signers {
  const opened = new Map<string, Sign>()
  return {
    name: 'software',
    algorithms: ALGORITHMS,
    async make(alg) {
      const { publicKey, privateKey } = await pairFor(alg)
      // node:crypto's JWKs have the members of the key type alone; AKP's `alg` is one of them.
      const publicJwk = publicKey.export({ format: 'jwk' }) as JWK
      return { publicJwk, secret: Buffer.from(JSON.stringify(privateKey.export({ format: 'jwk' }))) }
    },
    async open(key) {
      const known = opened.get(key.kid)
      if (known) return known
      const signing = signWith(privateKeyOf(key), key, pool)
      opened.set(key.kid, signing)
      return signing
    },
    async destroy({ kid }) {
      opened.delete(kid)
      pool.forget(kid)
    },
    async ready() {},
    close: () => pool.close(),
  }
}
