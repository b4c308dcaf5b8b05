/** What a policy said, parsed at the edge: own functions and webhooks may say anything. */

import { z } from 'zod'
import { ROTATION_ACTIONS, type RotationDecision } from '../config/index.ts'

const count = z.number().int().nonnegative()

const decision = z.strictObject({
  do: z.enum([...ROTATION_ACTIONS, 'abstain']),
  why: z.string().max(500).optional(),
  lifetimeSeconds: count.positive().optional(),
  graceSeconds: count.optional(),
  scopes: z.array(z.string()).max(1000).optional(),
  notify: z.array(z.enum(['owner', 'administrators'])).optional(),
})

/** A decision, or why it is none. */
export function parseDecision(said: unknown): { readonly decision: RotationDecision } | { readonly nonsense: string } {
  let parsed: ReturnType<typeof decision.safeParse>
  try {
    parsed = decision.safeParse(said)
  } catch {
    // An object whose very reading throws.
    return { nonsense: 'said no decision (not readable)' }
  }
  if (parsed.success) return { decision: parsed.data }
  const [issue] = parsed.error.issues
  return { nonsense: `said no decision (${issue?.path.join('.') || 'answer'}: ${issue?.message ?? 'not readable'})` }
}
