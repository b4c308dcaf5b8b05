/**
 * The keys that sign cookies, as the library asks for them: Keygrip's own makes three HMACs with raw keys for each cookie that is read,
 * 15 microseconds each in this Node, and a sign-in reads a dozen.
 */

import { createHmac } from 'node:crypto'
import { isSameText, keyedHash, type Secret } from '../base/index.ts'

/** What signs cookies (the methods of Keygrip that Koa's cookies call). */
export interface CookieKeys {
  /** The signature of `name=value`, by the current key. */
  sign(data: string): string
  /** Which key signed it; -1 for none. Of another than 0 the library renews the signature. */
  index(data: string, digest: string): number
  verify(data: string, digest: string): boolean
}

/** Makes them; the current one first. Signatures are HMAC-SHA-256; those that Keygrip made (SHA-1) are taken, and renewed at once. */
export function createCookieKeys(secrets: readonly Secret[]): CookieKeys {
  const keys = secrets.map((secret) => keyedHash(Buffer.from(secret.reveal())))
  const byKeygrip = (data: string): readonly string[] =>
    secrets.map((secret) => createHmac('sha1', secret.reveal()).update(data).digest('base64url'))
  const [current] = keys
  if (!current) throw new Error('no key signs cookies')

  function index(data: string, digest: string): number {
    const found = keys.findIndex((key) => isSameText(digest, key.text(data)))
    if (found >= 0) return found
    const older = byKeygrip(data).findIndex((right) => isSameText(digest, right))
    return older < 0 ? -1 : keys.length + older
  }

  return { sign: (data) => current.text(data), index, verify: (data, digest) => index(data, digest) >= 0 }
}
