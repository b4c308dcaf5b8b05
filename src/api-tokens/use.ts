/** What uses API tokens, put together: the verifier, the records of use and the rates, with what timers do for them. */

import type { AboveDeps } from './above.ts'
import { createRates } from './rates.ts'
import { createUsage } from './usage.ts'
import { createVerifier, type VerifierDeps } from './verify.ts'

/** What it is made from. */
export type TokenUseDeps = AboveDeps &
  Pick<VerifierDeps, 'canary' | 'documentMsMax' | 'ownerCollections'> &
  Parameters<typeof createUsage>[0] &
  Parameters<typeof createRates>[0]

/** Well below the five seconds that a crash may lose. */
const USES_MS = 2000
const RATES_MS = 1000

/** Makes it. Nothing runs before the timers do. */
export function createTokenUse(deps: TokenUseDeps) {
  const usage = createUsage(deps)
  const rates = createRates(deps)
  return {
    verifier: createVerifier({ ...deps, usage, rates }),
    usage,
    timers: [
      { ms: USES_MS, what: 'token uses', work: () => usage.flush() },
      { ms: RATES_MS, what: 'token rates', work: () => rates.share() },
    ],
    /** Before the store closes: what was noted is written. */
    async stop(): Promise<void> {
      await usage.flush()
      await rates.share()
    },
  }
}

export type TokenUse = ReturnType<typeof createTokenUse>
