/** The keyring's keys as the library takes them: one that signs is asked, one that only verifies refuses to sign. */

import { createPublicKey, type KeyObject } from 'node:crypto'
import { ExternalSigningKey } from 'oidc-provider'
import { type ProviderKey, SignerUnavailable } from '../keys/index.ts'
import { maybeWork } from './work.ts'

/** A key for `jwks.keys` of the library's configuration. */
class RingSigningKey extends ExternalSigningKey {
  readonly #key: ProviderKey
  readonly #public: KeyObject

  constructor(key: ProviderKey) {
    super()
    this.#key = key
    this.#public = createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' })
  }

  override get kid(): string {
    return this.#key.kid
  }

  override get alg(): string {
    return this.#key.alg
  }

  override keyObject(): KeyObject {
    return this.#public
  }

  /** Raw JWS signature of `header.payload`. What goes wrong with the signer is noted, so that the answer says 503 and not 500. */
  override async sign(data: Uint8Array): Promise<Buffer> {
    const { sign, kid } = this.#key
    if (!sign) throw new Error(`key ${kid} does not sign`)
    try {
      return Buffer.from(await sign(data))
    } catch (cause) {
      const work = maybeWork()
      if (work && cause instanceof SignerUnavailable) work.signerAway = cause
      throw cause
    }
  }
}

/** The keys for the library, in the order in which it looks for one: those that sign come first. */
export const signingKeysOf = (keys: readonly ProviderKey[]): readonly ExternalSigningKey[] =>
  keys.map((key) => new RingSigningKey(key))
