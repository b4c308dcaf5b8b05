/** What can be asked of the inventory, as people write it and as it is checked. */

import { z } from 'zod'
import { DURATION, durationSeconds } from '../base/index.ts'

/** Kinds of credentials, in the order in which they are listed. */
export const KINDS = ['api-token', 'family', 'grant', 'session', 'client-secret', 'signing-key'] as const
export type Kind = (typeof KINDS)[number]

/** States of live credentials. An API token that may not be used yet counts as active. */
export const STATES = ['active', 'pending', 'quarantined', 'step_up', 'rotating', 'next', 'retired'] as const
export type State = (typeof STATES)[number]

const moment = z.union([z.number().int(), z.string().regex(DURATION)])
const flag = z.literal(true)

/** A moment is Unix seconds, or a duration: so long ago for `unusedSince`, so far ahead for `expiresBefore`. */
export const filterSchema = z.strictObject({
  kind: z.array(z.enum(KINDS)).min(1).optional(),
  state: z.enum(STATES).optional(),
  owner: z
    .strictObject({ type: z.enum(['account', 'service', 'organisation']), id: z.string().min(1).max(256) })
    .optional(),
  scope: z.string().min(1).max(256).optional(),
  /** Never used counts from when it was made. */
  unusedSince: moment.optional(),
  expiresBefore: moment.optional(),
  /** Works for whoever has it: bound to no key, certificate, network or browser. */
  unbound: flag.optional(),
  noExpiry: flag.optional(),
})

/** A filter as it is asked and saved. */
export type Filter = z.infer<typeof filterSchema>

/** A filter at a moment: times in Unix seconds. */
export interface Asked extends Omit<Filter, 'unusedSince' | 'expiresBefore'> {
  readonly now: number
  readonly unusedSince?: number | undefined
  readonly expiresBefore?: number | undefined
}

/** A filter's durations, counted from `now` (Unix seconds). */
export function askedAt(filter: Filter, now: number): Asked {
  const at = (value: number | string | undefined, sign: 1 | -1): number | undefined =>
    typeof value === 'string' ? now + sign * durationSeconds(value) : value
  const { unusedSince, expiresBefore, ...rest } = filter
  return { ...rest, now, unusedSince: at(unusedSince, -1), expiresBefore: at(expiresBefore, 1) }
}

/** The same text for the same question, whatever the order of its words. */
export function canonical(filter: Filter): string {
  const { kind, owner, ...rest } = filterSchema.parse(filter)
  const entries = Object.entries(rest).filter(([, value]) => value !== undefined)
  const all = [
    ...entries,
    ...(kind ? [['kind', [...new Set(kind)].sort()] as const] : []),
    ...(owner ? [['owner', [owner.type, owner.id]] as const] : []),
  ]
  return JSON.stringify(all.sort(([a], [b]) => (a < b ? -1 : 1)))
}
