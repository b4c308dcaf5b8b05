/** A token as people and programs see it. Nothing of it opens anything. */

import type { Doc } from '../../adapters/store.ts'
import { endOf, limitsFor, type TokenConfiguration } from './limits.ts'
import { publicId, type TokenRecord } from './records.ts'
import { stateOf, type TokenState } from './rules.ts'
import type { ShownToken } from './verbs.ts'

const numberOr = (value: unknown): number | null => (typeof value === 'number' ? value : null)

/** The state at a moment, by the token's own end and the limits'. */
export function stateNow(doc: Doc, record: TokenRecord, configuration: TokenConfiguration, now: number): TokenState {
  return stateOf({ ...doc, exp: endOf(doc, limitsFor(record, configuration)) }, now)
}

/** Fields that may leave. `now` in Unix seconds. */
export function shownToken(doc: Doc, record: TokenRecord, configuration: TokenConfiguration, now: number): ShownToken {
  const { parent, ...rest } = record
  const { successor, overlapUntil, notBefore } = doc.fields
  return {
    ...rest,
    id: publicId(doc.id),
    state: stateNow(doc, record, configuration, now),
    line: doc.family ?? doc.id,
    // A line is called after the first token in it, so this is an id that can be shown.
    parent: doc.grant === null ? null : { id: publicId(doc.grant), name: parent ?? '' },
    notBefore: numberOr(notBefore),
    expiresAt: endOf(doc, limitsFor(record, configuration)),
    lastUsedAt: doc.lastUse,
    overlapUntil: numberOr(overlapUntil),
    successor: typeof successor === 'string' ? publicId(successor) : null,
  }
}
