/** `tokens.rates` of the configuration: rate limits and quotas that API tokens name. */

import { z } from 'zod'

const rateFields = z.strictObject({
  points: z.number().int().positive(),
  seconds: z
    .number()
    .int()
    .positive()
    .max(366 * 24 * 3600)
    .optional(),
  /** By the calendar, in UTC: a quota of a month begins with the first. */
  each: z.enum(['minute', 'hour', 'day', 'month']).optional(),
  /** Shared by the uses of one token with its rotations, or by all tokens of an owner (a person, a service, an organisation). */
  per: z.enum(['token', 'owner']).default('token'),
})
const rate = rateFields.refine(
  ({ seconds, each }) => (seconds === undefined) !== (each === undefined),
  'says its window by one of `seconds` and `each`',
)

/** By name. */
export const ratesSchema = z
  .record(z.string().regex(/^[\w.-]{1,60}$/, 'up to 60 letters, digits, dots and hyphens'), rate)
  .default({})
  .meta({
    about:
      'Rate limits and quotas by name: { points, seconds or each: "minute", "hour", "day" or "month", per: "token" or "owner" }. Tokens are held to those that a policy names for them (`rates`) and to those of their labels `rate:NAME`. Exact on one node; on several each knows what the others took until a second ago.',
  })
