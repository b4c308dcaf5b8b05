/**
 * Tells clients of sign-outs (OpenID Connect Back-Channel Logout, 2.5), from the outbox. What can't be signed just now is told when
 * the signer is back; it waits in memory, for an hour at most, so a crash meanwhile loses it.
 */

import type { Clock } from './base/index.ts'
import type { Follower } from './events.ts'
import { SignerUnavailable } from './keys/index.ts'
import type { Oidc } from './oidc/index.ts'
import type { Logger } from './telemetry/index.ts'

type Due = Parameters<Oidc['tellSignOut']>[0]

const WAITING_MAX = 10_000
const WAITING_MS = 3_600_000

/** Makes the follower, and what a timer calls. */
export function createSignOuts(deps: {
  readonly oidc: Pick<Oidc, 'tellSignOut'>
  readonly clock: Clock
  readonly logger: Logger
}) {
  const { oidc, clock, logger } = deps
  let waiting: { readonly due: Due; readonly since: number }[] = []

  async function tell(due: Due, since: number): Promise<void> {
    try {
      await oidc.tellSignOut(due)
    } catch (cause) {
      if (!(cause instanceof SignerUnavailable)) throw cause
      if (waiting.length >= WAITING_MAX || clock.now() - since > WAITING_MS) throw cause
      waiting.push({ due, since })
    }
  }

  const follower: Follower = {
    types: ['backchannel_logout.due'],
    follow: ({ data }) =>
      tell({ clientId: String(data.client_id), sub: String(data.sub), sid: String(data.sid) }, clock.now()),
  }

  return {
    follower,
    /** Tries again what waits. */
    async retry(): Promise<void> {
      const taken = waiting
      waiting = []
      for (const { due, since } of taken)
        await tell(due, since).catch((cause) =>
          logger.error({ err: cause }, 'a client could not be told of a sign-out'),
        )
    },
  }
}
