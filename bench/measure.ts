/** One round: a load of some seconds on one side, with the CPU that its process took for it. */

import { setTimeout as pause } from 'node:timers/promises'
import type { Generator, LoadOrder } from './generator/index.ts'
import type { Side } from './sides/index.ts'

export const CONNECTIONS = 32
/** Longer than what the server does at intervals (its relay looks five times a second). */
const SETTLE_STEP_MS = 250
const SETTLE_MS_MAX = 10_000
/** Below this share of a core nothing is left over from the load. */
const QUIET_SHARE = 0.05

/** What a round found. */
export interface Round {
  readonly units: number
  /** Units a second. */
  readonly rate: number
  /** Seconds of the server's CPU for 1,000 units, what it put off until after the last answer included. */
  readonly cpu: number
  /** Milliseconds of each request. */
  readonly latencies: Float64Array
  readonly late: number
  readonly generatorShare: number
}

/** Waits until a side has nothing left to do: what it puts off belongs to the round that caused it, not to the next side's. */
async function settled(side: Side): Promise<number> {
  let { cpuSeconds } = await side.usage()
  for (let waited = 0; waited < SETTLE_MS_MAX; waited += SETTLE_STEP_MS) {
    await pause(SETTLE_STEP_MS)
    const now = (await side.usage()).cpuSeconds
    const share = ((now - cpuSeconds) * 1000) / SETTLE_STEP_MS
    cpuSeconds = now
    if (share < QUIET_SHARE) break
  }
  return cpuSeconds
}

/** Plays a round. `rate`: an open loop of so many units a second. */
export async function playRound(
  { generator, side }: { readonly generator: Generator; readonly side: Side },
  order: Pick<LoadOrder, 'work' | 'seconds' | 'units' | 'rate' | 'tokens'>,
): Promise<Round> {
  const { port, apiTokens } = side
  const what = { ...order, port, apiTokens, connections: CONNECTIONS }
  // What a work prepares (sign-ins, tokens) is made before the clock starts.
  const { isFresh } = await generator.load({ ...what, prepareOnly: true })
  const before = isFresh ? await settled(side) : (await side.usage()).cpuSeconds
  const { units, latencies, seconds, late, generatorShare } = await generator.load(what)
  const after = await settled(side)
  return { units, rate: units / seconds, cpu: ((after - before) / units) * 1000, latencies, late, generatorShare }
}
