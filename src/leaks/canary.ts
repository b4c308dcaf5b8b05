/** Traps: tokens that nobody should ever use. Any use alarms, at most once a minute for each. */

import { Conflict } from '../../adapters/store.ts'
import type { ShownToken } from '../api-tokens/index.ts'
import type { Unit } from '../base/index.ts'
import type { Logger } from '../telemetry/index.ts'
import { type MarkDeps, stageMark } from './records.ts'

/** How a trap was used, as far as verification knows. */
export interface CanarySeen {
  /** Network prefix of the user, never the whole address. */
  readonly network?: string | undefined
  readonly agent?: string | undefined
  readonly method?: string | undefined
  readonly path?: string | undefined
  /** The resource server that asked. */
  readonly client?: string | undefined
}

export type CanaryToken = Pick<ShownToken, 'id' | 'name' | 'owner' | 'keptAt'>

/** What the traps use. */
export interface CanaryDeps extends MarkDeps {
  readonly logger: Logger
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
  /** Tells whoever watches; a rejection is logged. */
  readonly alarm: (token: CanaryToken, seen: CanarySeen) => Promise<void>
}

const QUIET_SECONDS = 60
const TEXT_LENGTH_MAX = 300

const short = (text: string | undefined): string | null => text?.slice(0, TEXT_LENGTH_MAX) ?? null

/** Verification calls it for every use of a trap, whatever its state, and need not wait. True where it alarmed; never rejects. */
export function createCanary(deps: CanaryDeps) {
  return async (token: CanaryToken, seen: CanarySeen): Promise<boolean> => {
    try {
      const unit = deps.unit()
      if (!(await stageMark(deps, unit, { what: 'canary', key: token.id, lengthSeconds: QUIET_SECONDS }))) return false
      unit.note(
        'api_token.canary_used',
        {
          token: token.id,
          name: token.name,
          owner: token.owner,
          kept_at: token.keptAt,
          seen_from: short(seen.network),
          agent: short(seen.agent),
          method: short(seen.method),
          path: short(seen.path?.split('?')[0]),
          client: short(seen.client),
        },
        'written',
      )
      await deps.commit(unit)
      await deps.alarm(token, seen)
      return true
    } catch (cause) {
      // A rival has alarmed for the same use, or a moment ago.
      if (!(cause instanceof Conflict)) deps.logger.error({ err: cause, id: token.id }, 'a trap could not alarm')
      return false
    }
  }
}

export type Canary = ReturnType<typeof createCanary>
