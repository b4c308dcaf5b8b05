/**
 * The master key in a token: an AES-256 key that cannot be taken out. Whoever has the store and even the server's disk
 * has nothing; the token and its PIN are needed to open it.
 */

import { createHash, randomBytes } from 'node:crypto'
import { type Pkcs11Client, Pkcs11Misconfigured } from './client.ts'

/** What wraps the seal's keys. The seal knows the same shape by its own name. */
export interface Pkcs11Master {
  /** A short name that says nothing about the key. */
  readonly id: string
  /** 12 bytes of nonce, AES-256-GCM ciphertext, 16 bytes of tag. */
  wrap(key: Uint8Array, aad: Uint8Array): Promise<Uint8Array>
  /** Rejects when it does not open, and with `SignerUnavailable` when the token is away. */
  unwrap(wrapped: Uint8Array, aad: Uint8Array): Promise<Uint8Array>
}

const NONCE_BYTES = 12

/**
 * The master key with this label. Throws `Pkcs11Misconfigured` when the token holds none, or more than one:
 * a label is no proof of which is meant.
 */
export async function createPkcs11Master(client: Pkcs11Client, label: string): Promise<Pkcs11Master> {
  const [found, another] = await client.call('findMasters', { label })
  const where = `the token "${client.tokenLabel}"`
  if (another)
    throw new Pkcs11Misconfigured(`${where} holds several AES keys with the label "${label}": one is the master key`)
  if (!found)
    throw new Pkcs11Misconfigured(
      `${where} holds no AES key with the label "${label}": make it with mintmark keys make-master ${label}`,
    )
  const { id } = found
  return {
    id: createHash('sha256').update('mintmark pkcs11 master').update(id).update(label).digest('base64url').slice(0, 12),
    async wrap(key, aad) {
      const nonce = randomBytes(NONCE_BYTES)
      return Buffer.concat([nonce, await client.call('encrypt', { id, nonce, aad, data: key })])
    },
    unwrap: (wrapped, aad) =>
      client.call('decrypt', { id, aad, nonce: wrapped.subarray(0, NONCE_BYTES), data: wrapped.subarray(NONCE_BYTES) }),
  }
}

/** Makes the master key. Throws `Pkcs11Misconfigured` when the label is taken: a second key would open nothing of the first. */
export async function makeMasterKey(client: Pkcs11Client, label: string): Promise<void> {
  const there = await client.call('findMasters', { label })
  if (there.length) {
    throw new Pkcs11Misconfigured(`the token "${client.tokenLabel}" already holds an AES key with the label "${label}"`)
  }
  await client.call('makeMaster', { label })
}
