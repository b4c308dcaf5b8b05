/**
 * The text of client secrets and API tokens:
 * `<prefix>_<kind>_<2: hash-key version><28 base62><6 base62 of CRC-32>` (DESIGN section 9).
 * A mistyped one is refused by its checksum before any look-up; 28 characters carry 166 bits.
 */

import { crc32 } from 'node:zlib'
import type { Random } from '../base/index.ts'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const VERSION = '01'
const BODY_LENGTH = 28
const SUM_LENGTH = 6

function checksum(text: string): string {
  let rest = crc32(text)
  let out = ''
  for (let i = 0; i < SUM_LENGTH; i++) {
    out = ALPHABET.charAt(rest % 62) + out
    rest = Math.floor(rest / 62)
  }
  return out
}

/** Mints a credential text of a kind ('cs' for client secrets). */
export function mintCredential(random: Random, kind: string, prefix = 'mm'): string {
  const body = Array.from({ length: BODY_LENGTH }, () => ALPHABET.charAt(random.below(62))).join('')
  const head = `${prefix}_${kind}_${VERSION}${body}`
  return head + checksum(head)
}

/** Whether a text is well formed: right kind, right length, right checksum. Says nothing about being known. */
export function isCredential(text: string, kind: string, prefix = 'mm'): boolean {
  const head = `${prefix}_${kind}_`
  if (text.length !== head.length + VERSION.length + BODY_LENGTH + SUM_LENGTH || !text.startsWith(head)) return false
  return checksum(text.slice(0, -SUM_LENGTH)) === text.slice(-SUM_LENGTH)
}
