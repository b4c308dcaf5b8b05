/**
 * Rate limits and quotas by name. Counted in memory, so that a request reads nothing, and shared through the store once a second.
 *
 * What that is worth: on one node a limit is exact (a crash forgets at most the last second of it). On n nodes each knows what the
 * others took until a second ago, so a window lets through its points and what the others took within that second: n times the points in the
 * worst case, when a burst hits all nodes in the same second of a fresh window. A quota of a day is off by a second's worth.
 * Windows are aligned to the clock: two neighbouring ones may be spent at their common border.
 */

import type { Collection, Store } from '../../adapters/store.ts'
import { bound, type Clock, newDoc, TENANT, type Unit } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import type { TokenRecord } from './records.ts'
import { each, insist } from './usage.ts'

export const tokenRates: Collection = {
  name: 'api-token-rates',
  indexes: [],
  fields: { points: 'points taken in the window, by all nodes' },
  expires: true,
  about: 'What was taken of each rate limit and quota, by keyed hash of limit, holder and window.',
}

/**
 * One limit in a window of `seconds`, or of the calendar (UTC). `per`: shared by all uses of a token (with its rotations and its
 * children), or by all tokens of an owner: a person, a service, an organisation.
 */
export interface Rate {
  readonly points: number
  readonly seconds?: number | undefined
  readonly each?: 'minute' | 'hour' | 'day' | 'month' | undefined
  readonly per: 'token' | 'owner'
}

/** A token whose limits a use counts for. */
export interface Taker {
  readonly record: TokenRecord
  /** Stays the same through rotations. */
  readonly line: string
}

/** Whose use it is: the token's, and that of all above it, or a child would be a way around its parent's limits. */
export interface Takers {
  readonly lines: readonly Taker[]
  /** Keyed hash of their owner, which is one. */
  readonly owner: string
}

interface Window {
  readonly id: string
  /** Unix milliseconds. */
  readonly endsAt: number
  readonly purgeAt: number
  /** What the store said last, by all nodes. */
  known: number
  /** On its way to the store. */
  sending: number
  /** Taken here and not yet sent. */
  unsent: number
}

const LABEL = 'rate:'
const MARGIN_SECONDS = 60

/** Names of the limits that a token's labels ask for: `rate:NAME`. */
export const rateNames = ({ labels }: Pick<TokenRecord, 'labels'>): readonly string[] =>
  labels.filter((label) => label.startsWith(LABEL)).map((label) => label.slice(LABEL.length))

/** What the counting uses. */
export interface RateDeps {
  readonly store: Pick<Store, 'get'>
  readonly seal: Seal
  readonly clock: Clock
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
  /** The limits as they are now; a name that is not among them limits nothing. */
  readonly rates: () => Readonly<Record<string, Rate>>
  /** Limits that a token has beyond its labels: those of its policies. */
  readonly namesOf?: (record: TokenRecord) => readonly string[]
}

async function stagePoints(seal: Seal, unit: Unit, { id, purgeAt }: Window, points: number): Promise<void> {
  const doc = await unit.get(tokenRates.name, id)
  if (doc) return unit.decide({ collection: tokenRates.name, id, if: {}, set: {}, increment: { points } }, doc)
  const columns = bound({ tenant: TENANT, kind: 'api-token-rate', id })
  unit.insert(tokenRates.name, newDoc(columns, { hk: seal.hk, purgeAt, fields: { points } }))
}

const SECONDS = { minute: 60, hour: 3600, day: 24 * 3600 } as const

/** The window of a limit that a moment is in, Unix milliseconds. */
export function spanOf(
  { seconds, each }: Pick<Rate, 'seconds' | 'each'>,
  now: number,
): { from: number; until: number } {
  if (each === 'month') {
    const day = new Date(now)
    const [year, month] = [day.getUTCFullYear(), day.getUTCMonth()]
    return { from: Date.UTC(year, month), until: Date.UTC(year, month + 1) }
  }
  const ms = (each === undefined ? (seconds ?? SECONDS.minute) : SECONDS[each]) * 1000
  const from = Math.floor(now / ms) * ms
  return { from, until: from + ms }
}

const windowAt = (id: string, endsAt: number): Window => ({
  id,
  endsAt,
  purgeAt: Math.ceil(endsAt / 1000) + MARGIN_SECONDS,
  known: 0,
  sending: 0,
  unsent: 0,
})

/** Counts. */
export function createRates(deps: RateDeps) {
  const { store, seal, clock } = deps
  let windows = new Map<string, Window>()
  let syncing: Promise<void> = Promise.resolve()

  function windowOf(name: string, rate: Rate, holder: string): Window {
    const { from, until } = spanOf(rate, clock.now())
    const key = `${name}\n${holder}\n${from}\n${until}`
    const known = windows.get(key)
    if (known) return known
    const made = windowAt(seal.hash('lookup', TENANT, 'api token rate', key), until)
    windows.set(key, made)
    return made
  }

  /** The windows that a use counts in: each once, though a token and its parent may both be held to it. */
  function heldBy({ lines, owner }: Takers): ReadonlyMap<Window, Rate> {
    const configured = deps.rates()
    const held = new Map<Window, Rate>()
    for (const { record, line } of lines)
      for (const name of [...rateNames(record), ...(deps.namesOf?.(record) ?? [])]) {
        const rate = Object.hasOwn(configured, name) ? configured[name] : undefined
        if (rate) held.set(windowOf(name, rate, rate.per === 'owner' ? owner : line), rate)
      }
    return held
  }

  async function share(window: Window): Promise<void> {
    window.sending = window.unsent
    window.unsent = 0
    try {
      await insist(deps, (unit) => stagePoints(seal, unit, window, window.sending))
      const doc = await store.get(tokenRates.name, window.id)
      window.known = Number(doc?.fields.points ?? window.known + window.sending)
    } catch (cause) {
      // It may have been counted all the same: rather a little too strict than too generous.
      window.unsent += window.sending
      throw cause
    } finally {
      window.sending = 0
    }
  }

  async function shareAll(): Promise<void> {
    const now = clock.now()
    windows = new Map([...windows].filter(([, { endsAt }]) => endsAt > now))
    await each(
      [...windows.values()].filter(({ unsent }) => unsent > 0),
      share,
    )
  }

  return {
    /** Takes a point of each limit that holds for a use, or of none: then says how many seconds until there is room. */
    take(takers: Takers): number | undefined {
      const held = heldBy(takers)
      const full = [...held].filter(([{ known, sending, unsent }, { points }]) => known + sending + unsent >= points)
      if (full.length > 0) {
        const waits = full.map(([{ endsAt }]) => Math.ceil((endsAt - clock.now()) / 1000))
        return Math.max(1, ...waits)
      }
      for (const window of held.keys()) window.unsent++
      return undefined
    },
    /** Tells the other nodes what was taken here, and hears what they took. One at a time. */
    share(): Promise<void> {
      syncing = syncing.catch(() => undefined).then(shareAll)
      return syncing
    },
  }
}

export type Rates = ReturnType<typeof createRates>
