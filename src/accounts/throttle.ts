/**
 * Counting failures, in the store, so that all processes count together and a restart forgets nothing.
 * The machinery is rate-limiter-flexible's; only its store is ours.
 */

import { RateLimiterRes, type RateLimiterStoreAbstract } from 'rate-limiter-flexible'
// @ts-expect-error the package types this class on its root, exports it only here, and types nothing here
import StoreAbstract from 'rate-limiter-flexible/lib/RateLimiterStoreAbstract.js'
import type { Doc, Store } from '../../adapters/store.ts'
import { bound, type Clock, isConflict, newDoc, TENANT, type Unit } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import { throttles } from './records.ts'

/** What a throttle uses. */
export interface ThrottleDeps {
  readonly store: Pick<Store, 'get'>
  readonly seal: Seal
  readonly clock: Clock
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
}

interface Count {
  readonly points: number
  readonly until: number
}

const RIVALS_MAX = 8
const countOf = (doc: Doc | undefined): Count | null =>
  doc ? { points: Number(doc.fields.points), until: Number(doc.fields.until) } : null

const Base = StoreAbstract as typeof RateLimiterStoreAbstract

class StoreLimiter extends Base {
  readonly #deps: ThrottleDeps
  readonly #name: string

  constructor(deps: ThrottleDeps, input: ThrottleInput) {
    super({
      keyPrefix: input.name,
      points: input.points,
      duration: input.seconds,
      blockDuration: 0,
      execEvenly: false,
      storeClient: deps.store,
    })
    this.#deps = deps
    this.#name = input.name
  }

  #id(key: string): string {
    return this.#deps.seal.hash('pointer', TENANT, `throttle ${this.#name}`, key)
  }

  _getRateLimiterRes(_key: string, changed: number, result: Count): RateLimiterRes {
    const left = Math.max(0, result.until - this.#deps.clock.now())
    return new RateLimiterRes(Math.max(0, this.points - result.points), left, result.points, result.points === changed)
  }

  async _get(key: string): Promise<Count | null> {
    const count = countOf(await this.#deps.store.get(throttles.name, this.#id(key)))
    return count && count.until > this.#deps.clock.now() ? count : null
  }

  async _delete(key: string): Promise<boolean> {
    // Almost nobody has failed before: a sign-in must not wait for a commit that removes nothing.
    if (!(await this.#deps.store.get(throttles.name, this.#id(key)))) return false
    const unit = this.#deps.unit()
    unit.cleanup(throttles.name, this.#id(key))
    await this.#deps.commit(unit)
    return true
  }

  async _upsert(key: string, points: number, durationMs: number): Promise<Count> {
    const { store, clock, unit: makeUnit, commit, seal } = this.#deps
    const id = this.#id(key)
    for (let rival = 0; ; rival++) {
      const doc = await store.get(throttles.name, id)
      const count = countOf(doc)
      const until = clock.now() + durationMs
      const unit = makeUnit()
      const purgeAt = Math.ceil(until / 1000) + 60
      if (!doc || !count)
        unit.insert(
          throttles.name,
          newDoc(bound({ tenant: TENANT, kind: 'throttle', id }), { hk: seal.hk, purgeAt, fields: { points, until } }),
        )
      else if (count.until <= clock.now()) unit.update(throttles.name, doc, { purgeAt, fields: { points, until } })
      else
        unit.decide(
          { collection: throttles.name, id, if: { fields: { until: count.until } }, set: {}, increment: { points } },
          doc,
        )
      try {
        await commit(unit)
      } catch (cause) {
        if (!isConflict(cause) || rival >= RIVALS_MAX) throw cause
        continue
      }
      const now = countOf(await store.get(throttles.name, id))
      return now ?? { points, until }
    }
  }
}

/** How many failures, in how many seconds. `name` keeps throttles apart. */
export interface ThrottleInput {
  readonly name: string
  readonly points: number
  readonly seconds: number
}

/** Counts failures of a key and says how long to wait. */
export interface Throttle {
  /** Seconds to wait before the next attempt; 0 when it may be made. */
  waitSeconds(key: string): Promise<number>
  /** Counts a failure. */
  fail(key: string): Promise<void>
  /** Forgets the failures of a key. */
  clear(key: string): Promise<void>
}

/** Makes a throttle over the store. Keys are hashed before they are stored. */
export function createThrottle(deps: ThrottleDeps, input: ThrottleInput): Throttle {
  const limiter = new StoreLimiter(deps, input)
  return {
    async waitSeconds(key) {
      const res = await limiter.get(key)
      return res && res.consumedPoints >= input.points ? Math.max(1, Math.ceil(res.msBeforeNext / 1000)) : 0
    },
    async fail(key) {
      await limiter.penalty(key, 1)
    },
    async clear(key) {
      await limiter.delete(key)
    },
  }
}
