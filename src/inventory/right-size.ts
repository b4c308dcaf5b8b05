/** Scope right-sizing: what a token may do and has not done for so long, and the one call that takes it away. */

import { type Clock, seconds } from '../base/index.ts'
import { refuse } from './errors.ts'

const DAY_SECONDS = 24 * 3600

/** What it uses: functions over API tokens, by public id. */
export interface RightSizeDeps {
  readonly clock: Clock
  /** What a token carries, and since when (Unix seconds). Throws the verbs' refusal where there is none. */
  readonly granted: (id: string) => Promise<{ readonly scopes: readonly string[]; readonly since: number }>
  /** Scopes that its uses needed since a moment (Unix seconds). `isWhole`: of each use it is known what it needed. */
  readonly used: (
    id: string,
    since: number,
  ) => Promise<{ readonly scopes: readonly string[]; readonly isWhole: boolean }>
  readonly narrow: (id: string, input: { readonly scopes: readonly string[]; readonly by: string }) => Promise<unknown>
}

/** What was found. */
export interface Unused {
  readonly granted: readonly string[]
  readonly used: readonly string[]
  readonly unused: readonly string[]
  /** Whether enough is known: the token is as old as the time that was looked at, and every use of it named the scopes that it needed. */
  readonly observed: boolean
}

/** Makes the verbs. */
export function createRightSize(deps: RightSizeDeps) {
  async function lookedAt(id: string, days: number): Promise<Unused & { readonly isWhole: boolean }> {
    const since = seconds(deps.clock) - days * DAY_SECONDS
    const { scopes, since: born } = await deps.granted(id)
    const { scopes: used, isWhole } = await deps.used(id, since)
    return {
      granted: scopes,
      used: scopes.filter((scope) => used.includes(scope)),
      unused: scopes.filter((scope) => !used.includes(scope)),
      observed: isWhole && born <= since,
      isWhole,
    }
  }

  async function grantedButUnused(id: string, { days }: { readonly days: number }): Promise<Unused> {
    const { isWhole: _isWhole, ...found } = await lookedAt(id, days)
    return found
  }

  return {
    grantedButUnused,
    /** Narrows a token to what it used. Nothing is written where all is used. Refused: `nothing_left`, `uses_unknown`. */
    async narrowToUsed(id: string, input: { readonly days: number; readonly by: string }): Promise<Unused> {
      const { isWhole, ...found } = await lookedAt(id, input.days)
      if (found.unused.length === 0) return found
      if (!isWhole) throw refuse('uses_unknown', { id })
      if (found.used.length === 0) throw refuse('nothing_left', { id })
      await deps.narrow(id, { scopes: found.used, by: input.by })
      return found
    },
  }
}
