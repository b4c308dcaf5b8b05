/** `tokens.rates` of the configuration: rate limits and quotas that API tokens name. */

import { z } from 'zod'

const rate = z.strictObject({
  points: z.number().int().positive(),
  seconds: z
    .number()
    .int()
    .positive()
    .max(366 * 24 * 3600),
  /** Shared by the uses of one token with its rotations, or by all tokens of an owner (a person, a service, an organisation). */
  per: z.enum(['token', 'owner']).default('token'),
})

/** By name. */
export const ratesSchema = z
  .record(z.string().regex(/^[\w.-]{1,60}$/, 'up to 60 letters, digits, dots and hyphens'), rate)
  .default({})
  .meta({
    about:
      'Rate limits and quotas by name: { points, seconds, per: "token" or "owner" }. A token with the label `rate:NAME` is held to it. Exact on one node; on several each knows what the others took until a second ago.',
  })
