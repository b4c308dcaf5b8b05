/**
 * Pure decisions: what a presented refresh token is to its family, what happens without a policy, and how several decisions
 * become one that keeps within the limits.
 */

import {
  ROTATION_ACTIONS,
  type RotationAction,
  type RotationDecision,
  type RotationFacts,
  type RotationLimits,
} from '../config/index.ts'

/** A family as the rule sees it: hashes of tokens, times in Unix seconds. */
export interface FamilyFacts {
  readonly head: string
  readonly predecessor: string | null
  readonly graceUntil: number
  /** Tokens before the predecessor whose window still runs, with its end. */
  readonly recent: readonly (readonly [hash: string, until: number])[]
  readonly revoked: boolean
}

/**
 * What a presented token is: the head; its predecessor inside the window; one from before that, inside its own window; one that
 * was used before; or of a dead family.
 */
export type Standing = 'head' | 'grace' | 'late' | 'replay' | 'dead'

/**
 * RFC 9700, 4.14.2: a token that was rotated away and comes back after the window means theft or a lost store. Inside its
 * window, when its successor is in use already, it is a duplicate that the network was slow with: refused, but no reason to
 * sign a person out.
 */
export function standing(family: FamilyFacts, presented: string, now: number): Standing {
  if (family.revoked) return 'dead'
  if (presented === family.head) return 'head'
  if (presented === family.predecessor) return now < family.graceUntil ? 'grace' : 'replay'
  return family.recent.some(([hash, until]) => hash === presented && now < until) ? 'late' : 'replay'
}

/** The place of an action between the mildest and the strictest. */
export const strictness = (action: RotationAction): number => ROTATION_ACTIONS.indexOf(action)

/** The stricter of two actions. */
export const stricter = (a: RotationAction, b: RotationAction): RotationAction =>
  strictness(a) >= strictness(b) ? a : b

/** What a kind of credential does when no policy has an opinion, and what it does at least. */
export interface Norm {
  readonly usual: { readonly do: RotationAction; readonly why: string }
  readonly least?: { readonly do: RotationAction; readonly why: string }
}

/**
 * Refresh tokens: rotate unless bound to a key of the client, where a thief has no use for them. For a public client
 * without a binding no policy may say less: RFC 9700, 2.2.2 asks for the one or the other.
 */
export function refreshNorm({ credential, client }: RotationFacts): Norm {
  if (credential.bound !== 'none') return { usual: { do: 'keep', why: 'bound to a key of the client' } }
  const rotate = { do: 'rotate', why: 'not bound to a key' } as const
  return client?.public
    ? { usual: rotate, least: { do: 'rotate', why: 'a public client without a binding' } }
    : { usual: rotate }
}

/** What holds in the end. `limits` names those that changed it. */
export interface Outcome {
  readonly do: RotationAction
  readonly why: string
  readonly lifetimeSeconds: number
  readonly graceSeconds: number
  /** What is left of the scopes; undefined: all. */
  readonly scopes: readonly string[] | undefined
  readonly notify: readonly ('owner' | 'administrators')[]
  readonly limits: readonly string[]
}

function narrowed(decisions: readonly RotationDecision[], held: readonly string[]): readonly string[] | undefined {
  const lists = decisions.flatMap(({ scopes }) => (scopes ? [scopes] : []))
  if (lists.length === 0) return undefined
  const left = held.filter((scope) => lists.every((list) => list.includes(scope)))
  return left.length === held.length ? undefined : left
}

/** The action that holds among all: the strictest of those with an opinion, the norm's where there is none. */
function strictest(
  decisions: readonly (RotationDecision & { readonly name: string })[],
  norm: Norm,
): { readonly do: RotationAction; readonly why: string } {
  const opinions = decisions.flatMap(({ do: action, why, name }) =>
    action === 'abstain' ? [] : [{ do: action, why: why ? `${name}: ${why}` : name }],
  )
  const all = [...opinions, ...(norm.least ? [norm.least] : [])]
  return (
    all.reduce<{ do: RotationAction; why: string } | undefined>(
      (best, one) => (best && strictness(best.do) >= strictness(one.do) ? best : one),
      undefined,
    ) ?? norm.usual
  )
}

/** Combines decisions: the strictest action, the shortest times, the scopes that all leave; then the limits. */
export function combine(
  decisions: readonly (RotationDecision & { readonly name: string })[],
  norm: Norm,
  facts: { readonly limits: RotationLimits; readonly scopes: readonly string[] },
): Outcome {
  const { limits } = facts
  const chosen = strictest(decisions, norm)
  const times = (of: 'lifetimeSeconds' | 'graceSeconds', max: number): number =>
    decisions.reduce((least, one) => Math.min(least, one[of] ?? least), max)
  const scopes = narrowed(decisions, facts.scopes)
  const emptied = scopes !== undefined && scopes.length === 0 && facts.scopes.length > 0
  const wanted =
    emptied && strictness(chosen.do) < strictness('deny') ? { do: 'deny' as const, why: 'no scope is left' } : chosen
  const frozen = limits.neverRotate && wanted.do !== 'keep' && strictness(wanted.do) < strictness('deny')
  return {
    do: frozen ? 'keep' : wanted.do,
    why: frozen ? `limit neverRotate (${wanted.why})` : wanted.why,
    lifetimeSeconds: times('lifetimeSeconds', limits.lifetimeSecondsMax),
    graceSeconds: times('graceSeconds', limits.graceSecondsMax),
    scopes,
    notify: [...new Set(decisions.flatMap(({ notify }) => notify ?? []))],
    limits: frozen ? ['neverRotate'] : [],
  }
}
