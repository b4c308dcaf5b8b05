/** `rotation: [...]` of the configuration: a list of policies, each for all clients or for some. */

import { z } from 'zod'
import { CREDENTIAL_KINDS, type RotationPolicy, type RotationRule } from './policy.ts'
import { versionOf } from './recipe.ts'

const policy = z.custom<RotationPolicy>(
  (value) => typeof value === 'function',
  'must be a policy: a function of facts, such as idle("7d")',
)

const rule = z.strictObject({
  policy,
  name: z.string().min(1).max(60).optional(),
  clients: z.array(z.string()).min(1).optional(),
  labels: z.array(z.string()).min(1).optional(),
  kinds: z.array(z.enum(CREDENTIAL_KINDS)).min(1).optional(),
  shadow: z.boolean().default(false),
})

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
        version: versionOf(of),
        clients: 'clients' in one ? one.clients : undefined,
        labels: 'labels' in one ? one.labels : undefined,
        kinds: 'kinds' in one ? one.kinds : undefined,
        shadow,
      }
    }),
  )
