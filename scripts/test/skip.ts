/** Skipping a test needs a reason: the run prints it, and a skip without one counts as a failure. */

import type { Context, Runnable, Suite } from 'mocha'

const reasons = new WeakMap<Runnable | Suite, string>()

/** Skips the running test; called in a hook, all tests of its suite. Use: `function () { skip(this, 'no mongod here') }`. */
export function skip(context: Context, reason: string): void {
  const runnable = context.test
  if (runnable) {
    reasons.set(runnable, reason)
    if ('type' in runnable && runnable.type === 'hook' && runnable.parent) reasons.set(runnable.parent, reason)
  }
  context.skip()
}

/** Why a test was skipped, from itself or the suites around it. */
export function reasonOf(test: Runnable): string | undefined {
  const own = reasons.get(test)
  if (own) return own
  for (let suite = test.parent; suite; suite = suite.parent) {
    const reason = reasons.get(suite)
    if (reason) return reason
  }
  return undefined
}
