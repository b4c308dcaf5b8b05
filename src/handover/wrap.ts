/**
 * Wrapping: a secret under a key that stands only in the fragment of a single-use address. The server makes the key, keeps two things
 * derived from it (the ciphertext, and the hash of a proof) and forgets it. HKDF-SHA-256, AES-256-GCM: what a browser's WebCrypto has.
 */

import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import type { Random } from '../base/index.ts'

const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** What both sides derive from the fragment. views/assets/wrapped.js says the same. */
function derived(key: Uint8Array, id: string, what: 'content' | 'proof'): Buffer {
  return Buffer.from(hkdfSync('sha256', key, id, `mintmark wrapped ${what}`, KEY_BYTES))
}

/** The proof for a key, as base64url: it says who has the key, and opens nothing. */
export const proofOf = (key: string, id: string): string =>
  derived(Buffer.from(key, 'base64url'), id, 'proof').toString('base64url')

/** A fresh key, what it makes of a text, and the proof of it. */
export function wrapText(
  random: Random,
  id: string,
  text: string,
): { readonly key: string; readonly proof: string; readonly ciphertext: string } {
  const key = random.bytes(KEY_BYTES)
  const nonce = random.bytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', derived(key, id, 'content'), nonce)
  cipher.setAAD(Buffer.from(id))
  const ciphertext = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
  const text64 = key.toString('base64url')
  return { key: text64, proof: proofOf(text64, id), ciphertext: ciphertext.toString('base64url') }
}

/** What the recipient's side does, for programs that open without a browser. Throws for a wrong key. */
export function unwrapText(key: string, id: string, ciphertext: string): string {
  const bytes = Buffer.from(ciphertext, 'base64url')
  const content = derived(Buffer.from(key, 'base64url'), id, 'content')
  const decipher = createDecipheriv('aes-256-gcm', content, bytes.subarray(0, NONCE_BYTES))
  decipher.setAAD(Buffer.from(id))
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString()
}
