/** Uses that wait to be written, by token: counts by hour, users, the last success. Pure memory. */

import { HOUR, keyOf, type Outcome, seenAgain, type TokenUser, USERS_MAX } from './use-records.ts'

/** What waits to be written of one token. */
export interface Waiting {
  /** By the hour's beginning, Unix seconds. */
  readonly hours: Map<number, Map<Outcome, number>>
  readonly users: Map<string, TokenUser>
  /** When it was last used with success, Unix seconds. */
  lastUse: number | undefined
  /** Keyed hash of the account that owns it, where one does. */
  readonly account: string | null
}

function see(users: Map<string, TokenUser>, user: TokenUser): void {
  const key = keyOf(user)
  // The latest last: the first is the one that is let go.
  const before = users.get(key)
  users.delete(key)
  users.set(key, seenAgain(before, user))
  for (const oldest of users.keys()) {
    if (users.size <= USERS_MAX) break
    users.delete(oldest)
  }
}

function count({ hours }: Waiting, hour: number, outcome: Outcome, n: number): void {
  const counts = hours.get(hour) ?? new Map<Outcome, number>()
  counts.set(outcome, (counts.get(outcome) ?? 0) + n)
  hours.set(hour, counts)
}

/** Gathers. */
export class Gathered {
  #waiting = new Map<string, Waiting>()

  note(id: string, use: TokenUser, account: string | null): void {
    const at = this.#of(id, account)
    count(at, use.lastSeen - (use.lastSeen % HOUR), use.outcome, 1)
    see(at.users, use)
    if (use.outcome === 'VALID') at.lastUse = use.lastSeen
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
    const newer = [...now.users.values()]
    now.users.clear()
    for (const user of [...at.users.values(), ...newer]) see(now.users, user)
    now.lastUse ??= at.lastUse
  }

  users(id: string): readonly TokenUser[] {
    return [...(this.#waiting.get(id)?.users.values() ?? [])]
  }

  #of(id: string, account: string | null): Waiting {
    const known = this.#waiting.get(id)
    if (known) return known
    const made: Waiting = { hours: new Map(), users: new Map(), lastUse: undefined, account }
    this.#waiting.set(id, made)
    return made
  }
}
