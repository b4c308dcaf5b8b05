/**
 * Masters: what wraps every other key. Software (AES-256-GCM) stands here; hardware implements the same interface elsewhere.
 * Several may be known at once: the first wraps, all unwrap, so that a rewrap can be done online and on many nodes.
 */

import { createCipheriv, createDecipheriv, createHash, type KeyObject } from 'node:crypto'
import { type Random, systemRandom } from '../base/index.ts'

/** No master key at hand opens what this store's keys are wrapped with. */
export class WrongMasterKey extends Error {
  constructor() {
    super(
      'The master key does not open this store: it was set up with another one. Put the old key back, or start with an empty store.',
    )
    this.name = 'WrongMasterKey'
  }
}

/** One master key. Asynchronous, since it may live in a device. */
export interface Master {
  /** Names it and says nothing about it; stands in clear with every key that it wraps. */
  readonly id: string
  /** Wraps a key of 32 bytes, bound to `aad`. */
  wrap(key: Uint8Array, aad: Uint8Array): Promise<Uint8Array>
  /** Rejects with `WrongMasterKey` when this master did not wrap it so; with whatever its device says when that is away. */
  unwrap(wrapped: Uint8Array, aad: Uint8Array): Promise<Uint8Array>
}

/** The masters that a process may use. */
export interface Masters {
  /** The one that wraps. */
  current(): Master
  /** The one with this id; reads the source again when it is not known. */
  find(id: string): Promise<Master | undefined>
  /** Reads the source again. */
  reload(): Promise<void>
}

/** A name for a master key that says nothing about it. */
export function fingerprint(master: KeyObject): string {
  return createHash('sha256').update('mintmark master').update(master.export()).digest('base64url').slice(0, 12)
}

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** A master key in memory. Wraps with AES-256-GCM: nonce, ciphertext, tag. */
export function softwareMaster(key: KeyObject, random: Pick<Random, 'bytes'> = systemRandom): Master {
  return {
    id: fingerprint(key),
    async wrap(plain, aad) {
      const nonce = random.bytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      cipher.setAAD(aad)
      return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
    },
    async unwrap(wrapped, aad) {
      const body = Buffer.from(wrapped)
      if (body.length <= NONCE_BYTES + TAG_BYTES) throw new WrongMasterKey()
      const decipher = createDecipheriv('aes-256-gcm', key, body.subarray(0, NONCE_BYTES))
      decipher.setAAD(aad)
      decipher.setAuthTag(body.subarray(-TAG_BYTES))
      try {
        return Buffer.concat([decipher.update(body.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])
      } catch {
        throw new WrongMasterKey()
      }
    },
  }
}

/** Masters that never change: for tests, and for whoever has them from elsewhere. */
export function fixedMasters(first: Master, ...others: readonly Master[]): Masters {
  const all = [first, ...others]
  return {
    current: () => first,
    find: async (id) => all.find((master) => master.id === id),
    async reload() {},
  }
}
