/** Where a page ended: a source and its own place, the question, and the moment that its durations are counted from. */

import { z } from 'zod'
import { refuse } from './errors.ts'

const schema = z.strictObject({ k: z.string(), a: z.string().optional(), q: z.string(), n: z.number().int() })

/** `at`: which source; `after`: its own place; `asOf`: Unix seconds of the first page. */
export interface Place {
  readonly at: number
  readonly after: string | undefined
  readonly asOf: number
}

/** The place as text. It opens nothing; a face that hands it out seals it. */
export function cursorOf(kinds: readonly string[], question: string, { at, after, asOf }: Place): string {
  return Buffer.from(JSON.stringify({ k: kinds[at], a: after, q: question, n: asOf })).toString('base64url')
}

/** Reads it back. Refused: `cursor_unknown`, for what is none or is of another question. */
export function placeOf(kinds: readonly string[], question: string, cursor: string): Place {
  let parsed: z.infer<typeof schema>
  try {
    parsed = schema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()))
  } catch (cause) {
    throw refuse('cursor_unknown', {}, cause)
  }
  const at = kinds.indexOf(parsed.k)
  if (at < 0 || parsed.q !== question) throw refuse('cursor_unknown')
  return { at, after: parsed.a, asOf: parsed.n }
}
