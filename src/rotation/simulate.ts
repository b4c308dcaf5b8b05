/** Replays recorded decisions through other policies: what would have changed, and for whom. Pure but for the policies themselves. */

import type { RotationAction, RotationFacts } from '../config/index.ts'
import type { Engine } from './engine.ts'

/** One recorded decision: the facts it was made on, and what was decided. */
export interface Recorded {
  readonly facts: RotationFacts
  readonly decided: RotationAction
}

/** What would have changed. */
export interface Simulation {
  readonly events: number
  /** Decisions as recorded and as they would be, by action. */
  readonly before: Readonly<Partial<Record<RotationAction, number>>>
  readonly after: Readonly<Partial<Record<RotationAction, number>>>
  readonly changed: number
  readonly rotationsMore: number
  readonly rotationsFewer: number
  readonly denials: number
  /** People who would have had to sign in again (by `sub`; by credential where there is none). */
  readonly signedOut: number
  readonly failures: number
  /** The first few, in words. */
  readonly examples: readonly string[]
}

const EXAMPLES = 10
const ENDS: readonly RotationAction[] = ['stepUp', 'quarantine', 'revoke', 'revokeFamily']

/** Runs the replay. What a policy would have ended is not asked about again: in truth it would not have come back. */
export async function simulate(
  engine: Pick<Engine, 'decide'>,
  traffic: Iterable<Recorded> | AsyncIterable<Recorded>,
): Promise<Simulation> {
  const before: Partial<Record<RotationAction, number>> = {}
  const after: Partial<Record<RotationAction, number>> = {}
  const ended = new Set<string>()
  const people = new Set<string>()
  const examples: string[] = []
  let [events, changed, more, fewer, denials, failures] = [0, 0, 0, 0, 0, 0]
  for await (const { facts, decided } of traffic) {
    const { id } = facts.credential
    if (ended.has(id)) continue
    events++
    const { do: would, why, opinions } = await engine.decide(facts)
    before[decided] = (before[decided] ?? 0) + 1
    after[would] = (after[would] ?? 0) + 1
    if (opinions.some(({ failed }) => failed !== undefined)) failures++
    if (ENDS.includes(would)) ended.add(id)
    if (would === decided) continue
    changed++
    if (would === 'rotate') more++
    if (decided === 'rotate') fewer++
    if (would === 'deny') denials++
    if (ENDS.includes(would)) people.add(facts.subject?.id ?? id)
    if (examples.length < EXAMPLES)
      examples.push(
        `${new Date(facts.now * 1000).toISOString()} ${facts.client?.id ?? id}: ${decided} -> ${would} (${why})`,
      )
  }
  return {
    events,
    before,
    after,
    changed,
    rotationsMore: more,
    rotationsFewer: fewer,
    denials,
    signedOut: people.size,
    failures,
    examples,
  }
}
