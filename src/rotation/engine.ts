/**
 * The engine: asks the policies that are for a credential, within 50 ms, and makes one decision of what they say.
 * Knows no kind of credential: what a kind does by itself (its norm) is a parameter. A policy that throws, overruns, never
 * settles or says nonsense never breaks what it was asked for: the stricter of the norm and its own last decision holds.
 */

import type { RotationAction, RotationDecision, RotationFacts, RotationRule } from '../config/index.ts'
import { combine, type Norm, type Outcome, stricter } from './rules.ts'
import { parseDecision } from './said.ts'

/** A policy's time, in milliseconds. */
export const BUDGET_MS = 50
/** Last decisions that are remembered for each policy. */
const REMEMBERED = 10_000

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
  readonly shadow: boolean
  readonly asked: number
  readonly failed: number
  readonly lastFailure: string | undefined
  /** Why it is asked no more, until the next start. */
  readonly disabled: string | undefined
}

/** What the engine uses. */
export interface EngineDeps {
  readonly rules: readonly RotationRule[]
  readonly norm: (facts: RotationFacts) => Norm
  /** Milliseconds that only go forward; measures what can't be interrupted. */
  readonly stopwatch: () => number
  /** Calls back after so many milliseconds; returns what cancels it. */
  readonly after: (ms: number, then: () => void) => () => void
  /** Told when a policy fails or is disabled. */
  readonly report: (failure: { readonly policy: string; readonly version: string; readonly failed: string }) => void
}

interface Entry {
  readonly rule: RotationRule
  readonly last: Map<string, RotationAction>
  asked: number
  failed: number
  lastFailure: string | undefined
  disabled: string | undefined
}

type Said = { readonly said: unknown } | { readonly failed: string }

const words = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause)).slice(0, 200)

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'

function isFor({ clients, labels }: RotationRule, { client }: RotationFacts): boolean {
  if (clients && !(client && clients.includes(client.id))) return false
  return !labels || (client?.label !== undefined && labels.includes(client.label))
}

/** Freezes the facts to their depth: a policy must not change what the next one sees. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) frozen(inner)
  }
  return value
}

function remember(last: Map<string, RotationAction>, id: string, action: RotationAction): void {
  if (last.size >= REMEMBERED && !last.has(id)) {
    const oldest = last.keys().next().value
    if (oldest !== undefined) last.delete(oldest)
  }
  last.set(id, action)
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

  function fail(entry: Entry, failed: string): Said {
    entry.failed++
    entry.lastFailure = failed
    deps.report({ policy: entry.rule.name, version: entry.rule.version, failed })
    return { failed }
  }

  /** Calls a policy. What it does before its first `await` can't be interrupted: it is measured, and an overrun is its last. */
  function call(entry: Entry, facts: RotationFacts, signal: AbortSignal): Said | PromiseLike<unknown> {
    if (entry.disabled !== undefined) return { failed: entry.disabled }
    entry.asked++
    const before = deps.stopwatch()
    let said: unknown
    let threw: string | undefined
    try {
      said = entry.rule.policy(facts, signal)
    } catch (cause) {
      threw = `threw: ${words(cause)}`
    }
    const took = deps.stopwatch() - before
    if (took > BUDGET_MS) {
      entry.disabled = `held the process for ${Math.round(took)} ms and is disabled until the next start`
      if (isPromise(said)) Promise.resolve(said).catch(() => {})
      return fail(entry, entry.disabled)
    }
    if (threw !== undefined) return fail(entry, threw)
    return isPromise(said) ? said : { said }
  }

  /** Waits for those that answer later, all within one budget. */
  async function settle(
    calls: readonly { readonly entry: Entry; readonly answer: Said | PromiseLike<unknown> }[],
    abort: AbortController,
  ): Promise<readonly Said[]> {
    let cancel = (): void => {}
    const over = new Promise<'over'>((resolve) => {
      cancel = deps.after(BUDGET_MS, () => {
        resolve('over')
        abort.abort(new Error(`over its ${BUDGET_MS} ms`))
      })
    })
    const later = async (entry: Entry, answer: PromiseLike<unknown>): Promise<Said> => {
      const settled = Promise.resolve(answer).then(
        (said) => ({ said }),
        (cause) => ({ threw: words(cause) }),
      )
      const first = await Promise.race([settled, over])
      if (first === 'over') return fail(entry, `did not answer within ${BUDGET_MS} ms`)
      return 'threw' in first ? fail(entry, `threw: ${first.threw}`) : first
    }
    try {
      return await Promise.all(calls.map(({ entry, answer }) => (isPromise(answer) ? later(entry, answer) : answer)))
    } finally {
      cancel()
    }
  }

  /** One policy's decision: its own, or what stands in for it. */
  function judged(
    entry: Entry,
    heard: Said,
    facts: RotationFacts,
    norm: Norm,
  ): { decision: RotationDecision; failed?: string } {
    const { last } = entry
    const parsed = 'said' in heard ? parseDecision(heard.said) : undefined
    if (parsed && 'decision' in parsed) {
      if (parsed.decision.do !== 'abstain') remember(last, facts.credential.id, parsed.decision.do)
      else last.delete(facts.credential.id)
      return parsed
    }
    const failure = parsed ? fail(entry, parsed.nonsense) : heard
    const failed = 'failed' in failure ? failure.failed : ''
    const before = last.get(facts.credential.id)
    const action = before === undefined ? norm.usual.do : stricter(before, norm.usual.do)
    const instead = `${failed}; the stricter of the default (${norm.usual.do}) and its last decision (${before ?? 'none'}) holds`
    return { decision: { do: action, why: instead }, failed }
  }

  return {
    /** Decides. Never rejects. `facts` are frozen. */
    async decide(given: RotationFacts): Promise<Verdict> {
      const facts = frozen(given)
      const norm = deps.norm(facts)
      const asked = entries.filter(({ rule }) => isFor(rule, facts))
      const abort = new AbortController()
      const calls = asked.map((entry) => ({ entry, answer: call(entry, facts, abort.signal) }))
      const heard: readonly Said[] = calls.some(({ answer }) => isPromise(answer))
        ? await settle(calls, abort)
        : calls.map(({ answer }) => answer as Said)
      const opinions: Opinion[] = []
      const counting: (RotationDecision & { name: string })[] = []
      const all: (RotationDecision & { name: string })[] = []
      for (const [n, entry] of asked.entries()) {
        const { name, version, shadow } = entry.rule
        const { decision, failed } = judged(entry, heard[n] ?? { failed: 'was not asked' }, facts, norm)
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
