/**
 * A page for every code that a problem's `type` may lead to: what it means and what to do (RFC 9457, 3.1.1). Made from the refusal tables of
 * the rooms, which are handed in, so that no second list of codes has to be kept in step with them. Pure.
 */

import type { RefusalRow } from '../base/index.ts'

/** A room's table, with what it is about in words. */
export interface RefusalTable {
  readonly about: string
  readonly table: Readonly<Record<string, RefusalRow>>
}

/** What a code means where one room answers with it. */
export interface Meaning {
  readonly about: string
  readonly status: number
  readonly words: string
  readonly remedy: string
}

/** What to do about a refusal whose table says nothing more exact. */
const REMEDIES: Readonly<Record<number, string>> = {
  400: 'Change what the sentence names, and send it anew: the same request is refused again.',
  401: 'Send a token that is live and meant for this API, in `Authorization: Bearer`.',
  403: 'Leave out what goes too far, or have it done by somebody who may.',
  404: 'Compare the address and the id with what a list shows. What you may not see looks like what there is not.',
  405: 'The `Allow` header, or the sentence, says which methods there are.',
  409: 'Read how things stand now, and decide again: the request does not fit them.',
  410: 'It can not be had back: ask for a new one.',
  413: 'Leave out what makes it long, or split it.',
  415: 'Send JSON, and say so in `Content-Type`.',
  422: 'Take a new key for a new thing; to repeat a request, send the same body again.',
  429: 'Wait for as long as `Retry-After` says.',
  500: 'Send it again, a POST with the same `Idempotency-Key`; if it fails again, give the request id to whoever runs the server.',
  501: 'Ask whoever runs the server: what this needs is not configured or not built there.',
  503: 'Send it again after `Retry-After`, a POST with the same `Idempotency-Key`: nothing is done twice.',
}
const OTHERWISE = 'Read the sentence above, and ask whoever runs the server if it does not help.'

/** Every code of the tables, with what each room means by it. */
export function meaningsOf(tables: readonly RefusalTable[]): ReadonlyMap<string, readonly Meaning[]> {
  const found = new Map<string, Meaning[]>()
  for (const { about, table } of tables)
    for (const [code, [status, words, remedy = REMEDIES[status] ?? OTHERWISE]] of Object.entries(table))
      found.set(code, [...(found.get(code) ?? []), { about, status, words, remedy }])
  return found
}

/** A code's page in plain text: a paragraph for each room. */
export const pageOf = (code: string, meanings: readonly Meaning[]): string =>
  `${[
    code,
    ...meanings.map(
      ({ about, status, words, remedy }) => `${about}: status ${status}.\n${words}\n\nWhat to do: ${remedy}`,
    ),
  ].join('\n\n')}\n`
