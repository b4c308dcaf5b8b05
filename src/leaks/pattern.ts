/**
 * How our credentials look in a text, and how they are found: by format and checksum alone, so offline. Owns the regular expression
 * that is published for secret scanners; knows no file and no store.
 */

import { isCredential } from '../seal/index.ts'

/** What is found, by the kind that its text names. */
export const KINDS = {
  pat: 'personal API token',
  svc: 'service API token',
  cs: 'client secret',
} as const

/** A kind of credential. */
export type Kind = keyof typeof KINDS

/** After `<prefix>_<kind>_`: two characters of version, 28 of chance, six of checksum (DESIGN section 9). */
const REST_LENGTH = 36
const PREFIX_LENGTH_MAX = 20

/** The longest that a text can be: what readers of large files keep of the piece before. */
export const TEXT_LENGTH_MAX = PREFIX_LENGTH_MAX + 5 + REST_LENGTH

/** Whether a text can be a prefix of tokens. */
export const isPrefix = (text: string): boolean => text.length <= PREFIX_LENGTH_MAX && /^[a-z]+$/.test(text)

/** The published expression; RE2 has it too. The checksum is not in it: `mintmark scan` looks at that. */
export const patternOf = (prefix: string): string =>
  `${prefix}_(?:${Object.keys(KINDS).join('|')})_[0-9A-Za-z]{${REST_LENGTH}}`

/** Kinds by their first letter: what is only like a prefix is passed over at a glance. */
const BY_LETTER: ReadonlyMap<number, Kind> = new Map([
  [0x70, 'pat'],
  [0x73, 'svc'],
  [0x63, 'cs'],
])

/** One credential in some bytes. */
export interface Found {
  readonly kind: Kind
  readonly text: string
  /** Where it begins, in bytes. */
  readonly at: number
}

/**
 * Every credential with a right checksum in these bytes (ASCII, or any encoding that contains it), in their order. A search for the
 * prefix's bytes, so that what holds none costs no more than reading it.
 */
export function findTokens(bytes: Buffer, prefixes: readonly string[]): readonly Found[] {
  const found: Found[] = []
  for (const prefix of prefixes) {
    const head = Buffer.from(`${prefix}_`)
    for (let at = bytes.indexOf(head); at !== -1; at = bytes.indexOf(head, at + 1)) {
      const kind = BY_LETTER.get(bytes[at + head.length] ?? 0)
      if (kind === undefined) continue
      const text = bytes.toString('latin1', at, at + head.length + kind.length + 1 + REST_LENGTH)
      if (isCredential(text, kind, prefix)) found.push({ kind, text, at })
    }
  }
  return found.sort((a, b) => a.at - b.at)
}

/** What may be printed of a credential: enough to find it again, too little to use it. */
export const redacted = (text: string): string => `${text.slice(0, 8)}…${text.slice(-4)}`
