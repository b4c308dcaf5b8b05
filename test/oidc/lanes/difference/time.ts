/**
 * Time that stands still unless the play moves it, for a process of this suite: both servers, the library and jose (which ask `Date`
 * themselves) and every stopwatch see the same moment. Imported before anything else.
 */

import type { Clock } from '../../../../src/base/index.ts'

const START = Date.parse('2026-11-02T09:00:00Z')
let at = START

class Still extends Date {
  constructor(...given: readonly unknown[]) {
    super(...((given.length > 0 ? given : [at]) as [number]))
  }
  static override now(): number {
    return at
  }
}
Object.assign(globalThis, { Date: Still })
// A process that is put aside for a moment must not look as if a policy had overrun.
performance.now = () => at - START

/** The clock of both servers. */
export const clock: Clock & { forward(ms: number): void; to(ms: number): void } = {
  now: () => at,
  forward(ms) {
    at += ms
  },
  /** Never back. */
  to(ms) {
    at = Math.max(at, ms)
  },
}
