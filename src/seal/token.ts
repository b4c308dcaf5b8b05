/**
 * The text of opaque tokens: `mm_<kind>_<hash-key version><random><MAC>` (DESIGN section 9).
 * One read decides, and a forged token costs none: its MAC is wrong before the store is asked. The version names both the key of
 * the MAC and the key that hashes the text into an id, so that there is never a second place to look.
 */

import { isSameText, type KeyedHash, type Random } from '../base/index.ts'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const MAC_BYTES = 12
const RANDOM_BYTES = 27
/** Versions that turn use the letters from '2' on, again and again; '1' is for ever. */
const TURNING = ALPHABET.length - 2

/** Version number `n` (from 1) as texts name it. A letter comes back after 60 turns: five years by schedule. */
export function tokenVersion(n: number): string {
  return n < 2 ? '1' : ALPHABET.charAt(2 + ((n - 2) % TURNING))
}

/** The kinds of opaque tokens of OAuth; API tokens and client secrets have a format of their own. */
export type TokenKind = 'at' | 'cc' | 'rt' | 'ac' | 'dc' | 'iat' | 'rat' | 'par'

const MAC_LENGTH = (MAC_BYTES / 3) * 4

/** The first twelve bytes of the hash, as base64url. */
const mac = (key: KeyedHash, text: string): string => key.text(text).slice(0, MAC_LENGTH)

/** A key of MACs with the version that texts name it by. */
export interface MacKey {
  readonly version: string
  readonly key: KeyedHash
}

/** Mints a token. `family` (base64url text) is named in refresh tokens, so that one read finds the family. */
export function mintToken({ version, key }: MacKey, random: Random, kind: TokenKind, family = ''): string {
  const head = `mm_${kind}_${version}${family}${random.bytes(RANDOM_BYTES).toString('base64url')}`
  return head + mac(key, head)
}

/** Length of a family id in text: 18 bytes as base64url. */
export const FAMILY_TEXT_LENGTH = 24

const LENGTH_PLAIN = 1 + (RANDOM_BYTES / 3) * 4 + MAC_LENGTH

/** The version that a token's text names; undefined when it is no such text at all. */
export function versionOfToken(text: string): string | undefined {
  return /^mm_[a-z]+_([0-9A-Za-z])/.exec(text)?.[1]
}

/**
 * What a well-formed token says of itself; undefined when the text is not one of ours of this kind.
 * `keyOf` gives the key of a version's MACs, and undefined for a version that there is not.
 */
export function readToken(
  keyOf: (version: string) => KeyedHash | undefined,
  kind: TokenKind,
  text: string,
): { readonly family: string } | undefined {
  const prefix = `mm_${kind}_`
  const expected = prefix.length + LENGTH_PLAIN + (kind === 'rt' ? FAMILY_TEXT_LENGTH : 0)
  if (text.length !== expected || !text.startsWith(prefix)) return undefined
  const key = keyOf(text.charAt(prefix.length))
  if (!key) return undefined
  const cut = text.length - MAC_LENGTH
  // As text: a MAC has one spelling.
  if (!isSameText(text.slice(cut), mac(key, text.slice(0, cut)))) return undefined
  const from = prefix.length + 1
  return { family: kind === 'rt' ? text.slice(from, from + FAMILY_TEXT_LENGTH) : '' }
}
