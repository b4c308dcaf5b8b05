/**
 * What makes and holds signing keys: one interface for software, hardware (PKCS#11) and a cloud's KMS. Asynchronous, remote and
 * rate-limited signers fit: nothing here is called while a lock is held, and a signer that is away costs its requests a 503,
 * never the process. It stands on this floor because a configuration may carry one; how to write it: docs/signers.md.
 */

import type { JWK } from 'jose'

/** The signature algorithms that a key can be made for (RFC 7518, RFC 8037, RFC 9864, and ML-DSA for JOSE). One key, one algorithm. */
export const ALGORITHMS = [
  'ES256',
  'RS256',
  'PS256',
  'EdDSA',
  'Ed25519',
  'ML-DSA-44',
  'ML-DSA-65',
  'ML-DSA-87',
] as const
export type Algorithm = (typeof ALGORITHMS)[number]

/**
 * A key pair as it was made. `publicJwk` holds the members of the key type alone (no `kid`, `use`, `alg` but where the type
 * needs it: AKP). `secret` is what the keyring seals into the store: a private JWK of software, else a reference that opens nothing.
 */
export interface MadeKey {
  readonly publicJwk: JWK
  readonly secret: Uint8Array
}

/** A key that was made before. `kid` is its RFC 7638 thumbprint. */
export interface KeptKey extends MadeKey {
  readonly kid: string
  readonly alg: Algorithm
}

/**
 * Signs the bytes of `header.payload` and gives the raw JWS signature (RFC 7515, 5.1): for ECDSA `r || s` (RFC 7518, 3.4), never DER.
 * Rejects with `SignerUnavailable` when it can't just now.
 */
export type Sign = (data: Uint8Array) => Uint8Array | Promise<Uint8Array>

/** Makes, opens and destroys keys. */
export interface Signers {
  /** For logs and people: 'software', 'pkcs11', or the author's word. Kept with each key: a key is opened by who made it. */
  readonly name: string
  /** The algorithms that it can make keys for. */
  readonly algorithms: readonly Algorithm[]
  /** Makes a key pair. Rejects with `SignerUnavailable` when it can't just now. */
  make(alg: Algorithm): Promise<MadeKey>
  /** What signs with a key. Resolves although the signer is away: then each signature is refused until it is back. */
  open(key: KeptKey): Promise<Sign>
  /** Destroys the private part where the signer itself keeps it. Idempotent: a key that is gone is destroyed. */
  destroy(key: KeptKey): Promise<void>
  /** Resolves when it can sign; rejects with `SignerUnavailable` in words for people. For /readyz. */
  ready(): Promise<void>
  /** Ends what it holds. In-flight signatures finish first. */
  close(): Promise<void>
}

/** The signer can't be reached, or did not answer within its budget. The message is for people and holds no secret. */
export class SignerUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SignerUnavailable'
  }
}
