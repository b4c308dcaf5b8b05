/** Uses that wait to be written, by token: counts by hour, users, scopes, the last success. Pure memory. */

import {
  joinedScopes,
  keyOf,
  latest,
  NO_SCOPES,
  NO_USERS,
  type Outcome,
  REFUSED_MAX,
  SERVED_MAX,
  type TokenUser,
  type TokenUsers,
  type UsedScopes,
} from './seen.ts'
import { HOUR } from './use-records.ts'

/** What waits to be written of one token. */
export interface Waiting {
  /** By the hour's beginning, Unix seconds. */
  readonly hours: Map<number, Map<Outcome, number>>
  readonly served: Map<string, TokenUser>
  readonly refused: Map<string, TokenUser>
  /** What its successes needed. */
  scopes: UsedScopes
  /** Successes. */
  uses: number
  /** When it was last used with success, Unix seconds. */
  lastUse: number | undefined
  /** Keyed hash of the account that owns it, where one does. */
  readonly account: string | null
}

function see(users: Map<string, TokenUser>, user: TokenUser, most: number): void {
  users.set(keyOf(user), user)
  // Not at each one too many: this runs beside a request.
  if (users.size <= 2 * most) return
  const kept = new Set(latest([...users.values()], most))
  for (const [key, one] of users) if (!kept.has(one)) users.delete(key)
}

function meet(at: Waiting, user: TokenUser): void {
  if (user.outcome === 'VALID') see(at.served, user, SERVED_MAX)
  else see(at.refused, user, REFUSED_MAX)
}

function count({ hours }: Waiting, hour: number, outcome: Outcome, n: number): void {
  const counts = hours.get(hour) ?? new Map<Outcome, number>()
  counts.set(outcome, (counts.get(outcome) ?? 0) + n)
  hours.set(hour, counts)
}

/** What a success says of scopes. */
function scopesOf(scopes: readonly string[] | undefined, at: number): UsedScopes {
  if (scopes === undefined || scopes.length === 0) return { at: {}, unnamed: at }
  return { at: Object.fromEntries(scopes.map((scope) => [scope, at])), unnamed: 0 }
}

/** Who waits, as lists. */
export const usersIn = ({ served, refused }: Pick<Waiting, 'served' | 'refused'>): TokenUsers => ({
  served: [...served.values()],
  refused: [...refused.values()],
})

/** Gathers. */
export class Gathered {
  #waiting = new Map<string, Waiting>()

  /** `scopes`: what the resource server asked for; only what served somebody counts. `account`: see `Waiting`. */
  note(
    id: string,
    user: TokenUser,
    { scopes, account }: { readonly scopes: readonly string[] | undefined; readonly account: string | null },
  ): void {
    const at = this.#of(id, account)
    count(at, user.lastSeen - (user.lastSeen % HOUR), user.outcome, 1)
    meet(at, user)
    if (user.outcome !== 'VALID') return
    at.lastUse = user.lastSeen
    at.uses++
    at.scopes = joinedScopes(at.scopes, scopesOf(scopes, user.lastSeen))
  }

  /** All that waits; from now on it is the caller's. */
  take(): ReadonlyMap<string, Waiting> {
    const taken = this.#waiting
    this.#waiting = new Map()
    return taken
  }

  /** What could not be written waits again. */
  takeBack(id: string, at: Waiting): void {
    const now = this.#of(id, at.account)
    for (const [hour, counts] of at.hours) for (const [outcome, n] of counts) count(now, hour, outcome, n)
    const newer = [...now.served.values(), ...now.refused.values()]
    now.served.clear()
    now.refused.clear()
    for (const user of [...at.served.values(), ...at.refused.values(), ...newer]) meet(now, user)
    now.scopes = joinedScopes(at.scopes, now.scopes)
    now.uses += at.uses
    now.lastUse ??= at.lastUse
  }

  users(id: string): TokenUsers {
    const at = this.#waiting.get(id)
    return at ? usersIn(at) : NO_USERS
  }

  /** Successes, and what they needed. */
  used(id: string): { readonly uses: number; readonly scopes: UsedScopes } {
    const at = this.#waiting.get(id)
    return { uses: at?.uses ?? 0, scopes: at?.scopes ?? NO_SCOPES }
  }

  #of(id: string, account: string | null): Waiting {
    const known = this.#waiting.get(id)
    if (known) return known
    const made: Waiting = {
      hours: new Map(),
      served: new Map(),
      refused: new Map(),
      scopes: NO_SCOPES,
      uses: 0,
      lastUse: undefined,
      account,
    }
    this.#waiting.set(id, made)
    return made
  }
}
