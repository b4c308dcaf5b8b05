/**
 * The text of client secrets and API tokens:
 * `<prefix>_<kind>_<2: hash-key version><28 base62><6 base62 of CRC-32>` (DESIGN section 9).
 * A mistyped one is refused by its checksum before any look-up; 28 characters carry 166 bits.
 */

import { crc32 } from 'node:zlib'
import type { Random } from '../base/index.ts'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const FIRST = '01'
const VERSION_LENGTH = 2
const BODY_LENGTH = 28
const SUM_LENGTH = 6

/** The last version that two characters can name: ten years of a turn a day. */
export const CREDENTIAL_VERSION_MAX = 62 ** VERSION_LENGTH - 1

/** Version number `n` (from 1) as texts name it. */
export function credentialVersion(n: number): string {
  return ALPHABET.charAt(Math.floor(n / 62)) + ALPHABET.charAt(n % 62)
}

function checksum(text: string): string {
  let rest = crc32(text)
  let out = ''
  for (let i = 0; i < SUM_LENGTH; i++) {
    out = ALPHABET.charAt(rest % 62) + out
    rest = Math.floor(rest / 62)
  }
  return out
}

/** Mints a credential text of a kind ('cs' for client secrets), naming the hash key's version. */
export function mintCredential(random: Random, kind: string, version = FIRST, prefix = 'mm'): string {
  const body = Array.from({ length: BODY_LENGTH }, () => ALPHABET.charAt(random.below(62))).join('')
  const head = `${prefix}_${kind}_${version}${body}`
  return head + checksum(head)
}

/** Whether a text is well formed: right kind, right length, right checksum. Says nothing about being known. */
export function isCredential(text: string, kind: string, prefix = 'mm'): boolean {
  const head = `${prefix}_${kind}_`
  if (text.length !== head.length + VERSION_LENGTH + BODY_LENGTH + SUM_LENGTH || !text.startsWith(head)) return false
  return checksum(text.slice(0, -SUM_LENGTH)) === text.slice(-SUM_LENGTH)
}

/** The version that a well-formed credential of any kind names; undefined for any other text. */
export function versionOfCredential(text: string): string | undefined {
  const kind = /^[a-z]+_([a-z]+)_/.exec(text)?.[1]
  const prefix = text.slice(0, text.indexOf('_'))
  if (kind === undefined || !isCredential(text, kind, prefix)) return undefined
  const from = prefix.length + kind.length + 2
  return text.slice(from, from + VERSION_LENGTH)
}
