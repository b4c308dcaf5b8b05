/** What is done about one token that was reported: if it lives it is taken out of use, and its owner is told. */

import type { Store } from '../../adapters/store.ts'
import { publicId, type ShownToken, type TokenState, type TokenVerbs } from '../api-tokens/index.ts'
import { type Clock, overRivals, Refusal, type Unit } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import type { Logger } from '../telemetry/index.ts'
import { stageMark } from './records.ts'

/** What is done about a live token that leaked. */
export type Reaction = 'quarantine' | 'revoke'

/** A decision about a token that leaked. `record`: what is kept of it, for the event `rotation.decided`. */
export interface LeakDecision {
  readonly do: Reaction
  readonly why: string
  readonly record?: Readonly<Record<string, unknown>>
}

/** What a token's owner is told. */
export interface LeakNotice {
  readonly token: ShownToken
  readonly reaction: Reaction
  /** Where it was seen, where the reporter said so. */
  readonly seenAt: string | null
}

/** What the reaction uses. */
export interface ReactDeps {
  readonly store: Pick<Store, 'get'>
  readonly seal: Seal
  readonly clock: Clock
  readonly logger: Logger
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
  readonly tokens: Pick<TokenVerbs, 'show' | 'quarantine' | 'revoke'>
  /** What the rotation policies say of a live one: its quarantine at least. */
  readonly reaction: (token: ShownToken) => Promise<LeakDecision>
  /** Tells the owner, once a day at most for each token. A rejection is logged. */
  readonly tellOwner: (notice: LeakNotice) => Promise<void>
}

const DAY_SECONDS = 24 * 3600
const TRIES = 5
const WHY = 'it was reported as leaked'
const LIVE: readonly TokenState[] = ['not_yet', 'active', 'rotating']

/** How one reported token is dealt with. */
export function createReact(deps: ReactDeps) {
  const { unit: makeUnit, commit, tokens, logger } = deps

  /** The token with this id; undefined where there is none. */
  async function find(id: string): Promise<ShownToken | undefined> {
    try {
      return await tokens.show(publicId(id))
    } catch (cause) {
      if (cause instanceof Refusal && cause.status === 404) return undefined
      throw cause
    }
  }

  /** A pending token has never worked, and must not begin to by an approval. */
  async function reactionTo(token: ShownToken): Promise<LeakDecision | undefined> {
    if (token.state === 'pending') return { do: 'revoke', why: WHY }
    return LIVE.includes(token.state) ? deps.reaction(token) : undefined
  }

  async function once(
    id: string,
    { by, seenAt }: { readonly by: string; readonly seenAt: string | null },
  ): Promise<boolean> {
    const token = await find(id)
    const decided = token && (await reactionTo(token))
    if (!token || !decided) return false
    const { do: reaction, why, record } = decided
    const unit = makeUnit()
    await tokens[reaction](unit, token.id, { by, why })
    if (record) unit.note('rotation.decided', record, 'written')
    const tell = await stageMark(deps, unit, { what: 'told', key: id, lengthSeconds: DAY_SECONDS })
    const data = {
      token: token.id,
      owner: token.owner,
      name: token.name,
      by,
      reaction,
      seen_at: seenAt,
      owner_told: tell,
    }
    unit.note('api_token.leaked', data, 'written')
    await commit(unit)
    if (tell)
      await deps
        .tellOwner({ token, reaction, seenAt })
        .catch((cause) => logger.error({ err: cause, id: token.id }, 'an owner could not be told of a leak'))
    return true
  }

  /** Takes one token out of use; a rival's change is looked at anew. */
  const act = (id: string, input: { readonly by: string; readonly seenAt: string | null }): Promise<boolean> =>
    overRivals(TRIES, () => once(id, input))

  return { find, act }
}
