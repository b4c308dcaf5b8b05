/**
 * Following the ring: every node looks at its one document once a second and takes over what changed. A node that could not look
 * for a minute seals and mints nothing, which is what makes it safe to erase old keys.
 */

import { Conflict, type Doc, type Store } from '../../adapters/store.ts'
import { bound, type Clock, newDoc, type Random, seconds } from '../base/index.ts'
import type { Bodies } from './bodies.ts'
import type { Hashes } from './hashes.ts'
import { DEPLOYMENT, emptyUnit, sealKeys, type WrappedKeys } from './keys.ts'
import {
  advanced,
  dueVersion,
  firstRing,
  introduced,
  KNOWN_SECONDS,
  nextNumber,
  type Ring,
  type Turning,
} from './ring.ts'

/** This node does not know what the ring says now. */
export class SealStale extends Error {
  constructor() {
    super('the keyring could not be read for too long: nothing is sealed until it can')
    this.name = 'SealStale'
  }
}

export const RING = 'ring'
/** A node that could not look for so long seals nothing. */
export const STALE_SECONDS = 60
/** Without a timer, a request looks by itself when the last look is older than this. */
const LOOK_MS = 8000
const CHANGES_MAX = 100
const columns = bound({ tenant: DEPLOYMENT, kind: RING, id: RING })

/** Milliseconds that only go forward, whatever becomes of the machine's clock. */
export type Stopwatch = () => number

/** What following takes. */
export interface FollowDeps {
  readonly store: Pick<Store, 'get' | 'commit'>
  readonly clock: Clock
  readonly random: Random
  readonly stopwatch: Stopwatch
  /** The longest that anything named by a token's text may live. */
  readonly tokenSecondsMax: number
  /** How long a version of a hash key is current. */
  readonly turnSeconds: number
}

/** When this node last looked, and what that allows. */
export function createWatch(stopwatch: Stopwatch) {
  let at = stopwatch()
  const age = (): number => stopwatch() - at
  return {
    looked(when: number): void {
      at = Math.max(at, when)
    },
    isOld: (): boolean => age() > LOOK_MS,
    usable(): void {
      if (age() > STALE_SECONDS * 1000) throw new SealStale()
    },
    /** A version that others may mint with is known to whoever looked within this time. */
    unsure(): void {
      if (age() > KNOWN_SECONDS * 1000) throw new SealStale()
    },
  }
}

interface Parts {
  readonly keys: WrappedKeys
  readonly bodies: Bodies
  readonly hashes: Hashes
  readonly watch: ReturnType<typeof createWatch>
}

/** The ring as this node follows and changes it. `open` makes the document when there is none. */
export class RingFollower {
  readonly #deps: FollowDeps
  readonly #parts: Parts
  #held: { readonly rev: number; readonly ring: Ring } | undefined
  #last: Promise<unknown> = Promise.resolve()
  /** Erased versions whose key is seen to be gone. */
  readonly #gone = new Set<number>()

  private constructor(deps: FollowDeps, parts: Parts) {
    this.#deps = deps
    this.#parts = parts
  }

  static async open(deps: FollowDeps, parts: Parts): Promise<RingFollower> {
    const follower = new RingFollower(deps, parts)
    const { store, clock, random, tokenSecondsMax } = deps
    if (!(await store.get(sealKeys.name, RING))) {
      await parts.bodies.turn(0)
      const sealed = await follower.#sealed(firstRing(seconds(clock), tokenSecondsMax))
      const doc = newDoc(columns, { hk: '', ...sealed, fields: { master: null } })
      // Of two nodes that start at once, one is first.
      await store.commit({ ...emptyUnit(random), inserts: [{ collection: sealKeys.name, doc }] }).catch((cause) => {
        if (!(cause instanceof Conflict)) throw cause
      })
    }
    // Tokens of a longer life than was known stretch the life of what reads them.
    await follower.change((ring) => (ring.tokenSecondsMax < tokenSecondsMax ? { ...ring, tokenSecondsMax } : undefined))
    return follower
  }

  /** The ring as this node last saw it. */
  ring(): Ring {
    if (!this.#held) throw new Error('the ring was not read')
    return this.#held.ring
  }

  /** Looks, and takes over what changed. */
  poll(): Promise<Ring> {
    return this.#alone(async () => (await this.#look()).ring)
  }

  /** Polls when nobody has for a while; throws `SealStale` when that does not help. */
  async fresh(): Promise<void> {
    const { watch } = this.#parts
    if (watch.isOld()) await this.poll().catch(() => undefined)
    watch.usable()
  }

  /** Changes the ring by a decider on its `rev`; the change may be asked again, of a later ring. Undefined leaves it as it is. */
  change(make: (ring: Ring) => Ring | undefined): Promise<Ring> {
    return this.#alone(async () => {
      for (let n = 0; n < CHANGES_MAX; n++) {
        const { rev, ring } = await this.#look()
        const made = make(ring)
        if (!made) return ring
        const set = await this.#sealed({ ...made, serial: ring.serial + 1 })
        const decider = { collection: sealKeys.name, id: RING, if: { rev }, set }
        try {
          await this.#deps.store.commit({ ...emptyUnit(this.#deps.random), decider })
          return (await this.#look()).ring
        } catch (cause) {
          if (!(cause instanceof Conflict)) throw cause
        }
      }
      throw new Error('the ring is changed without end')
    })
  }

  /** A new version of a hash key: its key first, then the ring that names it. */
  async introduce(which: Turning): Promise<void> {
    const n = nextNumber((await this.poll())[which])
    await this.#parts.keys.shared(which, n)
    await this.change((ring) => introduced(ring, which, n, seconds(this.#deps.clock)))
  }

  /** What time brings: a new version by schedule, the next one's turn, the end of old ones. */
  async advance(): Promise<void> {
    const { clock, store, turnSeconds } = this.#deps
    const before = await this.poll()
    for (const which of ['token', 'credential'] as const)
      if (dueVersion(before[which], seconds(clock), turnSeconds)) await this.introduce(which)
    if (advanced(this.ring(), seconds(clock))) await this.change((ring) => advanced(ring, seconds(clock)))
    for (const { n, state } of this.ring().token) {
      if (state !== 'erased' || this.#gone.has(n)) continue
      // The ring first, then the key: a crash in between left it, and whoever comes next finds it.
      if (await store.get(sealKeys.name, `token-${n}`)) await this.#parts.keys.erase(`token-${n}`)
      this.#gone.add(n)
    }
  }

  // One at a time: two that take over different rings must not end in the earlier one.
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work, work)
    this.#last = done.catch(() => undefined)
    return done
  }

  async #look(): Promise<{ readonly rev: number; readonly ring: Ring }> {
    const when = this.#deps.stopwatch()
    const doc = await this.#deps.store.get(sealKeys.name, RING)
    if (!doc) throw new Error('the ring is gone from the store')
    const held = this.#held?.rev === doc.rev ? this.#held : await this.#adopt(doc)
    this.#parts.watch.looked(when)
    return held
  }

  async #adopt(doc: Doc): Promise<{ readonly rev: number; readonly ring: Ring }> {
    const { bodies, hashes } = this.#parts
    // Sealed by `#sealed` below: these bytes were a Ring.
    const ring = JSON.parse((await bodies.open(doc)).toString()) as Ring
    if (this.#held && ring.serial < this.#held.ring.serial)
      throw new Error('the ring in the store is older than one that was seen')
    await hashes.adopt(ring)
    if (bodies.epoch() < ring.epoch) await bodies.turn(ring.epoch)
    this.#held = { rev: doc.rev, ring }
    return this.#held
  }

  /** The ring's body; under a data key of the ring's own epoch, so that no old key is ever needed for it. */
  async #sealed(ring: Ring) {
    const { bodies } = this.#parts
    if (bodies.epoch() < ring.epoch) await bodies.turn(ring.epoch)
    return bodies.seal(columns, Buffer.from(JSON.stringify(ring)))
  }
}
