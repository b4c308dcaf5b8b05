/** Pure decisions about refresh tokens: what a presented one is to its family, and whether it rotates. */

import type { RefreshFacts, RotationHook } from '../config/index.ts'

/** A family as the rule sees it: hashes of tokens, times in Unix seconds. */
export interface FamilyFacts {
  readonly head: string
  readonly predecessor: string | null
  readonly graceUntil: number
  readonly revoked: boolean
}

/** What a presented token is: the head, its predecessor inside the window, one that was used before, or of a dead family. */
export type Standing = 'head' | 'grace' | 'replay' | 'dead'

/** RFC 9700, 4.14.2: a token that was rotated away and comes back after the window means theft or a lost store. */
export function standing(family: FamilyFacts, presented: string, now: number): Standing {
  if (family.revoked) return 'dead'
  if (presented === family.head) return 'head'
  if (presented === family.predecessor && now < family.graceUntil) return 'grace'
  return 'replay'
}

/** A decision with its reason in words. */
export interface RefreshDecision {
  readonly do: 'keep' | 'rotate'
  readonly why: string
}

/** The default: rotate unless the token is bound to a key of the client, where a thief has no use for it (RFC 9700, 2.2.2). */
export function defaultDecision(facts: RefreshFacts): RefreshDecision {
  return facts.credential.senderConstrained
    ? { do: 'keep', why: 'sender-constrained' }
    : { do: 'rotate', why: 'not bound to a key' }
}

/** The hook's time budget. */
const BUDGET_MS = 50

async function timeBoxed(decision: Promise<unknown>, signal: AbortSignal): Promise<unknown> {
  return Promise.race([
    decision,
    new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(new Error('over its 50 ms')), { once: true }),
    ),
  ])
}

/**
 * Decides a refresh: the limit `neverRotate` first, then the hook, else the default. A hook that throws, overruns or says
 * something else never breaks a refresh: the stricter of the default and rotation holds, and the reason says so.
 */
export async function decideRefresh(
  facts: RefreshFacts,
  limits: { readonly neverRotate: boolean },
  hook?: RotationHook,
): Promise<RefreshDecision> {
  if (limits.neverRotate) return { do: 'keep', why: 'limit neverRotate' }
  if (!hook) return defaultDecision(facts)
  try {
    const answer = hook(facts)
    const said = answer instanceof Promise ? await timeBoxed(answer, AbortSignal.timeout(BUDGET_MS)) : answer
    if (said === 'keep' || said === 'rotate') return { do: said, why: 'rotation hook' }
    return { do: 'rotate', why: 'the rotation hook said neither keep nor rotate' }
  } catch (cause) {
    return { do: 'rotate', why: `the rotation hook failed: ${cause instanceof Error ? cause.message : String(cause)}` }
  }
}
