/** The part of the composition that deals with leaks: what the room is given, and who hears of it. Belongs to `app.ts`. */

import { hash } from 'node:crypto'
import type { Store } from '../adapters/store.ts'
import { foreignTokenId, type ShownToken, type TokenDecisions, type Tokens, tokenId } from './api-tokens/index.ts'
import type { Clock, Random, Unit } from './base/index.ts'
import type { Outbound } from './http/index.ts'
import type { Keyring } from './keys/index.ts'
import { createLeaks } from './leaks/index.ts'
import type { Live } from './live.ts'
import { createLeaked } from './oidc/index.ts'
import type { Seal } from './seal/index.ts'
import type { Logger } from './telemetry/index.ts'

/** A token in a log line: which, and whose. Its name is its person's own words, which stay out of the log. */
export const named = ({ id, owner }: Pick<ShownToken, 'id' | 'owner'>) => ({ id, owner: `${owner.type}:${owner.id}` })

/** What the parts of the composition that deal with API tokens use of the app. */
export interface Shared {
  readonly store: Store
  readonly seal: Seal
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly issuer: string
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
}

/** What happens when a token leaks or a trap is used. Whoever watches is told by log lines until mail takes them. */
export function leaksOf(
  shared: Shared,
  parts: { live: Live; keyring: Keyring; outbound: Outbound; tokens: Tokens; decisions: TokenDecisions },
) {
  const { live, keyring, outbound, tokens, decisions } = parts
  const { logger, seal } = shared
  return createLeaks({
    ...shared,
    ...live.configuration.leaks,
    tokens,
    outbound,
    // An imported token is found by the SHA-256 of its text, and every text may be one.
    idsOf: (text) => [tokenId(seal, text), foreignTokenId(seal, hash('sha256', text))],
    oauth: createLeaked({ ...shared, keyring }),
    reaction: ({ id }) => decisions.onLeak(id),
    async tellOwner({ token, reaction, seenAt }) {
      logger.warn({ ...named(token), reaction, seenAt }, 'an API token was reported as leaked')
    },
    async alarm(token, seen) {
      // Name and place of a trap are what they were chosen for: that whoever reads this knows where it lies.
      logger.error({ ...named(token), name: token.name, keptAt: token.keptAt, seen }, 'a trap was used')
    },
  })
}
