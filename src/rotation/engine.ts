/**
 * The engine: asks the policies that are for a credential, within 50 ms, and makes one decision of what they say.
 * Knows no kind of credential: what a kind does by itself (its norm) is a parameter. A policy that throws, overruns, never
 * settles or says nonsense never breaks what it was asked for: the stricter of the norm and its own last decision holds.
 */

import type { RotationAction, RotationDecision, RotationFacts, RotationRule } from '../config/index.ts'
import { type AskDeps, call, type Entry, isFor, isPromise, judged, type Said, settle } from './asking.ts'
import { combine, type Norm, type Outcome } from './rules.ts'

/** One policy's word in the record. */
export interface Opinion {
  readonly policy: string
  readonly version: string
  readonly do: RotationAction | 'abstain'
  readonly why: string
  readonly shadow: boolean
  /** Why its own word could not be had. */
  readonly failed?: string
}

/** A decision with its record. */
export interface Verdict extends Outcome {
  readonly opinions: readonly Opinion[]
  /** What would hold if the shadowed policies counted; undefined where that is the same. */
  readonly shadow: { readonly do: RotationAction; readonly why: string } | undefined
}

/** How a policy has done since start, for people. */
export interface PolicyReport {
  readonly name: string
  readonly version: string
  readonly clients: readonly string[] | undefined
  readonly labels: readonly string[] | undefined
  readonly kinds: RotationRule['kinds']
  readonly shadow: boolean
  readonly asked: number
  readonly failed: number
  readonly lastFailure: string | undefined
  /** Why it is asked no more, until the next start. */
  readonly disabled: string | undefined
}

/** What the engine uses. */
export interface EngineDeps extends AskDeps {
  readonly rules: readonly RotationRule[]
  readonly norm: (facts: RotationFacts) => Norm
}

/** Freezes the facts to their depth: a policy must not change what the next one sees. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) frozen(inner)
  }
  return value
}

/** Makes the engine. */
export function createEngine(deps: EngineDeps) {
  const entries: readonly Entry[] = deps.rules.map((rule) => ({
    rule,
    last: new Map(),
    asked: 0,
    failed: 0,
    lastFailure: undefined,
    disabled: undefined,
  }))

  return {
    /** Decides. Never rejects. `facts` are frozen. */
    async decide(given: RotationFacts): Promise<Verdict> {
      const facts = frozen(given)
      const norm = deps.norm(facts)
      const asked = entries.filter(({ rule }) => isFor(rule, facts))
      const abort = new AbortController()
      const calls = asked.map((entry) => ({ entry, answer: call(deps, entry, facts, abort.signal) }))
      const heard: readonly Said[] = calls.some(({ answer }) => isPromise(answer))
        ? await settle(deps, calls, abort)
        : calls.map(({ answer }) => answer as Said)
      const opinions: Opinion[] = []
      const counting: (RotationDecision & { name: string })[] = []
      const all: (RotationDecision & { name: string })[] = []
      for (const [n, entry] of asked.entries()) {
        const { name, version, shadow } = entry.rule
        const { decision, failed } = judged(deps, entry, heard[n] ?? { failed: 'was not asked' }, facts, norm)
        opinions.push({
          policy: name,
          version,
          do: decision.do,
          why: decision.why ?? '',
          shadow,
          ...(failed === undefined ? {} : { failed }),
        })
        all.push({ ...decision, name })
        if (!shadow) counting.push({ ...decision, name })
      }
      const scale = { limits: facts.limits, scopes: facts.credential.scopes }
      const outcome = combine(counting, norm, scale)
      const would = all.length === counting.length ? outcome : combine(all, norm, scale)
      return { ...outcome, opinions, shadow: differs(outcome, would) ? { do: would.do, why: would.why } : undefined }
    },
    /** How the policies have done since start. */
    reports: (): readonly PolicyReport[] =>
      entries.map(({ rule: { policy: _policy, ...rule }, asked, failed, lastFailure, disabled }) => ({
        ...rule,
        asked,
        failed,
        lastFailure,
        disabled,
      })),
  }
}

function differs(a: Outcome, b: Outcome): boolean {
  return (
    a.do !== b.do ||
    a.lifetimeSeconds !== b.lifetimeSeconds ||
    a.graceSeconds !== b.graceSeconds ||
    String(a.scopes) !== String(b.scopes)
  )
}

export type Engine = ReturnType<typeof createEngine>
