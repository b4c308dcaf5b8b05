/** Asking policies: each call is measured, late answers share one budget, and what goes wrong has something that stands in for it. */

import type { RotationAction, RotationDecision, RotationFacts, RotationRule } from '../config/index.ts'
import { type Norm, stricter } from './rules.ts'
import { parseDecision } from './said.ts'

/** A policy's time, in milliseconds. */
export const BUDGET_MS = 50
/** Last decisions that are remembered for each policy. */
const REMEMBERED = 10_000

/** What asking takes. */
export interface AskDeps {
  /** Milliseconds that only go forward; measures what can't be interrupted. */
  readonly stopwatch: () => number
  /** Calls back after so many milliseconds; returns what cancels it. */
  readonly after: (ms: number, then: () => void) => () => void
  /** Told when a policy fails or is disabled. */
  readonly report: (failure: { readonly policy: string; readonly version: string; readonly failed: string }) => void
}

/** A policy with what it has done so far. */
export interface Entry {
  readonly rule: RotationRule
  readonly last: Map<string, RotationAction>
  asked: number
  failed: number
  lastFailure: string | undefined
  disabled: string | undefined
}

/** What was heard of a policy. */
export type Said = { readonly said: unknown } | { readonly failed: string }

const words = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause)).slice(0, 200)

/** Whether an answer comes later. */
export const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'

/**
 * Whether a rule is for a credential: its kind and its client. Signing keys only where a rule says so: always(), written for
 * what people hold, must not turn the deployment's keys at every tick.
 */
export function isFor({ clients, labels, kinds }: RotationRule, { client, credential }: RotationFacts): boolean {
  if (kinds ? !kinds.includes(credential.kind) : credential.kind === 'signing_key') return false
  if (clients && !(client && clients.includes(client.id))) return false
  return !labels || (client?.label !== undefined && labels.includes(client.label))
}

function remember(last: Map<string, RotationAction>, id: string, action: RotationAction): void {
  if (last.size >= REMEMBERED && !last.has(id)) {
    const oldest = last.keys().next().value
    if (oldest !== undefined) last.delete(oldest)
  }
  last.set(id, action)
}

/** Counts and reports a failure. */
function fail(deps: AskDeps, entry: Entry, failed: string): Said {
  entry.failed++
  entry.lastFailure = failed
  deps.report({ policy: entry.rule.name, version: entry.rule.version, failed })
  return { failed }
}

/** Calls a policy. What it does before its first `await` can't be interrupted: it is measured, and an overrun is its last. */
export function call(
  deps: AskDeps,
  entry: Entry,
  facts: RotationFacts,
  signal: AbortSignal,
): Said | PromiseLike<unknown> {
  if (entry.disabled !== undefined) return { failed: entry.disabled }
  entry.asked++
  const before = deps.stopwatch()
  let said: unknown
  let later: Promise<unknown> | undefined
  let threw: string | undefined
  try {
    said = entry.rule.policy(facts, signal)
    later = isPromise(said) ? Promise.resolve(said) : undefined
  } catch (cause) {
    threw = `threw: ${words(cause)}`
  }
  const took = deps.stopwatch() - before
  if (took > BUDGET_MS) {
    entry.disabled = `held the process for ${Math.round(took)} ms and is disabled until the next start`
    later?.catch(() => {})
    return fail(deps, entry, entry.disabled)
  }
  if (threw !== undefined) return fail(deps, entry, threw)
  return later ?? { said }
}

/** Waits for those that answer later, all within one budget. */
export async function settle(
  deps: AskDeps,
  calls: readonly { readonly entry: Entry; readonly answer: Said | PromiseLike<unknown> }[],
  abort: AbortController,
): Promise<readonly Said[]> {
  let cancel = (): void => {}
  const began = deps.stopwatch()
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
    // The timer itself may be late, where a policy held the process between two awaits.
    if (first === 'over' || deps.stopwatch() - began > BUDGET_MS)
      return fail(deps, entry, `did not answer within ${BUDGET_MS} ms`)
    return 'threw' in first ? fail(deps, entry, `threw: ${first.threw}`) : first
  }
  try {
    return await Promise.all(calls.map(({ entry, answer }) => (isPromise(answer) ? later(entry, answer) : answer)))
  } finally {
    cancel()
  }
}

/** One policy's decision: its own, or what stands in for it. */
export function judged(
  deps: AskDeps,
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
  const failure = parsed ? fail(deps, entry, parsed.nonsense) : heard
  const failed = 'failed' in failure ? failure.failed : ''
  const before = last.get(facts.credential.id)
  const action = before === undefined ? norm.usual.do : stricter(before, norm.usual.do)
  const instead = `${failed}; the stricter of the default (${norm.usual.do}) and its last decision (${before ?? 'none'}) holds`
  return { decision: { do: action, why: instead }, failed }
}
