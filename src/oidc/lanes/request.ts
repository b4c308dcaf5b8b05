/**
 * What a lane is asked and what it answers, and which requests are plain enough for one. Whatever is not plain is the library's: a lane
 * that is in doubt says nothing (DESIGN rule 7).
 */

import type { IncomingHttpHeaders } from 'node:http'
import { parse } from 'node:querystring'
import type { SeenFrom } from '../../config/index.ts'
import { ANY_ORIGIN } from '../../http/index.ts'

/** A request at the raw door, with its body as it came. */
export interface LaneRequest {
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly requestId: string
  readonly seen: SeenFrom & { readonly network: string }
}

/** A plain answer: 200 with JSON. `headers` beside those that every answer of its kind has: names and values in turn. */
export interface LaneAnswer {
  readonly body: string
  readonly headers: readonly string[]
}

/**
 * What every answer of a lane carries beside its body: no cache keeps it (RFC 6749, 5.1), and of the library's headers a page may read these.
 */
export const headersOf = (exposed: string): readonly string[] => [
  ...ANY_ORIGIN,
  'Access-Control-Expose-Headers',
  exposed,
  'Cache-Control',
  'no-store',
]

/** A lane: answers what it knows wholly, and says nothing, having done nothing, about the rest. */
export type Lane = (request: LaneRequest) => Promise<LaneAnswer | undefined>

/** A form whose every parameter is there once and not empty. */
export type PlainForm = Readonly<Record<string, string>>

const FORM = 'application/x-www-form-urlencoded'
/** Letters of a form (WHATWG URL, 5.1) and nothing that two parsers might read in two ways: nothing beyond ASCII, no NUL. */
const PLAIN = /^[\w\-.~!*'();:@&=+$,/?[\]%]*$/
const ESCAPED = /%(?![0-7][0-9A-Fa-f])|%00/
/** More than any plain form: what is longer goes on as it comes, with nothing read. */
export const LANE_BODY_MAX = 8192
/** Headers that change what a request means, or what its answer carries. */
const NOT_PLAIN = [
  'origin',
  'dpop',
  'content-encoding',
  'oauth-client-attestation',
  'oauth-client-attestation-pop',
  'expect',
] as const

/** Whether no header gives a request another meaning, or its answer other headers. */
export const isPlainHead = (headers: IncomingHttpHeaders): boolean =>
  NOT_PLAIN.every((name) => headers[name] === undefined)

/** Whether a request brings a form of known length. */
export function isPlainForm(headers: IncomingHttpHeaders): boolean {
  const type = headers['content-type']
  if (type !== FORM && type?.toLowerCase().replace('; ', ';') !== `${FORM};charset=utf-8`) return false
  const length = Number(headers['content-length'] ?? Number.NaN)
  return length <= LANE_BODY_MAX
}

/** The parameters of a form that has none but these; undefined for any other body. */
export function plainForm(body: Buffer, known: readonly string[]): PlainForm | undefined {
  const text = body.toString('latin1')
  if (!PLAIN.test(text) || (text.includes('%') && ESCAPED.test(text))) return undefined
  const out: Record<string, string> = {}
  const parsed = parse(text)
  for (const name in parsed) {
    const value = parsed[name]
    // A list is a parameter that is there twice.
    if (typeof value !== 'string' || value === '' || !known.includes(name)) return undefined
    out[name] = value
  }
  return out
}

/** Scope tokens in a plain list (RFC 6749, 3.3): one space between two, none twice. Undefined for anything else. */
export function plainScopes(scope: string | undefined): readonly string[] | undefined {
  if (scope === undefined) return []
  if (!/^[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*$/.test(scope)) return undefined
  const scopes = scope.split(' ')
  return new Set(scopes).size === scopes.length ? scopes : undefined
}
