/**
 * The text of opaque tokens: `mm_<kind>_<hash-key version><random><MAC>` (DESIGN section 9).
 * One read decides, and a forged token costs none: its MAC is wrong before the store is asked.
 */

import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { Random } from '../base/index.ts'

const VERSION = '1'
const MAC_BYTES = 12
const RANDOM_BYTES = 27

/** The kinds of opaque tokens of OAuth; API tokens and client secrets have a format of their own. */
export type TokenKind = 'at' | 'cc' | 'rt' | 'ac' | 'dc' | 'iat' | 'rat' | 'par'

function mac(key: KeyObject, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest().subarray(0, MAC_BYTES)
}

/** Mints a token. `family` (base64url text) is named in refresh tokens, so that one read finds the family. */
export function mintToken(key: KeyObject, random: Random, kind: TokenKind, family = ''): string {
  const head = `mm_${kind}_${VERSION}${family}${random.bytes(RANDOM_BYTES).toString('base64url')}`
  return head + mac(key, head).toString('base64url')
}

/** Length of a family id in text: 18 bytes as base64url. */
export const FAMILY_TEXT_LENGTH = 24

const LENGTH_PLAIN = 1 + (RANDOM_BYTES / 3) * 4 + (MAC_BYTES / 3) * 4

/** What a well-formed token says of itself; undefined when the text is not one of ours of this kind. */
export function readToken(key: KeyObject, kind: TokenKind, text: string): { readonly family: string } | undefined {
  const prefix = `mm_${kind}_`
  const expected = prefix.length + LENGTH_PLAIN + (kind === 'rt' ? FAMILY_TEXT_LENGTH : 0)
  if (text.length !== expected || !text.startsWith(prefix + VERSION)) return undefined
  const cut = text.length - (MAC_BYTES / 3) * 4
  const given = Buffer.from(text.slice(cut), 'base64url')
  const right = mac(key, text.slice(0, cut))
  if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined
  const from = prefix.length + VERSION.length
  return { family: kind === 'rt' ? text.slice(from, from + FAMILY_TEXT_LENGTH) : '' }
}
