/**
 * HMAC-SHA-256 (RFC 2104) of texts and HKDF (RFC 5869) over it, made of one-shot hashes: each object of node's HMAC costs more than the
 * hashing, and a request asks for up to a dozen. A key's two pads are laid out once.
 */

import { createHmac, hash } from 'node:crypto'

/** Bytes of one block of SHA-256, and of its digest. */
const BLOCK = 64
const DIGEST = 32
/** Longer texts (in UTF-8) are left to node. */
const TEXT_MAX = 4096
const WIDEST_CHARACTER = 3

/** A key that hashes texts. */
export interface KeyedHash {
  /** The HMAC of a text (UTF-8) as base64url. */
  text(text: string): string
  /** The same as bytes. */
  bytes(text: string): Buffer
}

const inner = Buffer.alloc(BLOCK + TEXT_MAX)
const outer = Buffer.alloc(BLOCK + DIGEST)

/** A block of the key, padded with zeros and combined with `pad` (RFC 2104, 2). */
function padded(key: Uint8Array, pad: number): Buffer {
  const block = Buffer.alloc(BLOCK, pad)
  for (const [n, byte] of key.entries()) block[n] = byte ^ pad
  return block
}

/** A key's hash. */
export function keyedHash(raw: Uint8Array): KeyedHash {
  const short = raw.length > BLOCK ? hash('sha256', raw, 'buffer') : raw
  const [before, after] = [padded(short, 0x36), padded(short, 0x5c)]

  /** Lays the outer block ready. Nothing else runs between this and its hash. */
  function laid(text: string): Buffer {
    inner.set(before)
    const length = inner.write(text, BLOCK, 'utf8')
    outer.set(after)
    outer.write(hash('sha256', inner.subarray(0, BLOCK + length), 'binary'), BLOCK, 'latin1')
    return outer
  }

  const isLong = (text: string): boolean => text.length * WIDEST_CHARACTER > TEXT_MAX
  const long = (text: string): Buffer => createHmac('sha256', raw).update(text).digest()
  return {
    text: (text) => (isLong(text) ? long(text).toString('base64url') : hash('sha256', laid(text), 'base64url')),
    bytes: (text) => (isLong(text) ? long(text) : hash('sha256', laid(text), 'buffer')),
  }
}

/** The first 32 bytes that HKDF-SHA-256 (RFC 5869, 2) expands for `info` from `secret`, under the key of the salt. */
export function hkdf(salt: KeyedHash, secret: string, info: string): Buffer {
  return keyedHash(salt.bytes(secret)).bytes(`${info}\u0001`)
}
