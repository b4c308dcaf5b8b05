/** What the rotation engine costs a refresh: five built-in policies, by themselves and in one process. */

import type { RotationFacts } from '../src/config/index.ts'
import { rotationSchema } from '../src/config/index.ts'
import { createEngine, grace, idle, maxAge, onNetworkChange, refreshNorm, whenNotBound } from '../src/rotation/index.ts'

const ROUNDS = 9
const DECISIONS = 5000
const CREDENTIALS = 20_000

function factsOf(n: number): RotationFacts {
  const network = '192.0.2.0/24'
  return {
    event: 'refresh',
    now: 1_800_000_000,
    credential: {
      kind: 'refresh_token',
      id: `family-${n % CREDENTIALS}`,
      ageSeconds: 300,
      chainAgeSeconds: 86_400,
      idleSeconds: 300,
      lifetimeShare: 0.1,
      rotations: 12,
      bound: 'none',
      scopes: ['openid', 'offline_access', 'read'],
      last: { network },
    },
    client: { id: 'web', public: false, fapi: false, label: undefined },
    subject: { id: 'person' },
    request: { network },
    limits: { neverRotate: false, lifetimeSecondsMax: 1_209_600, graceSecondsMax: 10 },
  }
}

/** Microseconds a decision: the median of the rounds' means, and the worst round. */
export async function measureEngine(): Promise<{ readonly median: number; readonly max: number }> {
  const engine = createEngine({
    rules: rotationSchema.parse([whenNotBound(), idle('7d'), maxAge('90d'), grace('5s'), onNetworkChange()]),
    norm: refreshNorm,
    stopwatch: () => performance.now(),
    after: () => () => {},
    report: () => {},
  })
  const rounds: number[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const began = performance.now()
    for (let n = 0; n < DECISIONS; n++) await engine.decide(factsOf(round * DECISIONS + n))
    rounds.push(((performance.now() - began) * 1000) / DECISIONS)
  }
  // The first round warms up.
  const sorted = rounds.slice(1).sort((a, b) => a - b)
  return { median: sorted[Math.floor(sorted.length / 2)] ?? 0, max: sorted.at(-1) ?? 0 }
}
