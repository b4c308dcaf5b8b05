/** `rotation: [...]` of the configuration: a list of policies, each for all clients or for some. */

import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { RotationPolicy, RotationRule } from './policy.ts'

const policy = z.custom<RotationPolicy>(
  (value) => typeof value === 'function',
  'must be a policy: a function of facts, such as idle("7d")',
)

const rule = z.strictObject({
  policy,
  name: z.string().min(1).max(60).optional(),
  clients: z.array(z.string()).min(1).optional(),
  labels: z.array(z.string()).min(1).optional(),
  shadow: z.boolean().default(false),
})

/** The version of a policy without one of its own: its source's hash, which changes when the function does. */
const sourceVersion = (of: RotationPolicy): string => createHash('sha256').update(String(of)).digest('hex').slice(0, 8)

/** The list, with every policy named and versioned. */
export const rotationSchema = z
  .array(z.union([policy.transform((p) => ({ policy: p, shadow: false })), rule]))
  .transform((given) =>
    given.map((one, n): RotationRule => {
      const { policy: of, shadow } = one
      const own = 'name' in one ? one.name : undefined
      return {
        policy: of,
        name: own ?? of.policyName ?? (of.name || `policy ${n + 1}`),
        version: of.policyVersion ?? sourceVersion(of),
        clients: 'clients' in one ? one.clients : undefined,
        labels: 'labels' in one ? one.labels : undefined,
        shadow,
      }
    }),
  )
