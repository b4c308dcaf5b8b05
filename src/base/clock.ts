/** Time and chance as parameters: nothing else in `src` asks the machine what time it is or throws its dice. */

import { randomFillSync, randomInt } from 'node:crypto'

/** Unix time in milliseconds. Tests hand in one that they move by hand. */
export interface Clock {
  now(): number
}

/** Unguessable values. */
export interface Random {
  /** `length` random bytes. */
  bytes(length: number): Buffer
  /** A uniform integer in [0, below). */
  below(limit: number): number
}

/** The machine's own clock. */
export const systemClock: Clock = { now: () => Date.now() }

const POOL_BYTES = 8192

/**
 * The machine's own generator. A call to it costs microseconds whatever its length, so it fills a pool and small values are cut from
 * that: each byte goes out once, as a copy, and is wiped where it lay, so that a value is never found beside its neighbours.
 */
function createSystemRandom(): Random {
  const pool = Buffer.allocUnsafeSlow(POOL_BYTES)
  let used = POOL_BYTES
  return {
    bytes(length) {
      if (length > POOL_BYTES / 8) return randomFillSync(Buffer.allocUnsafeSlow(length))
      if (used + length > POOL_BYTES) {
        randomFillSync(pool)
        used = 0
      }
      // Memory of its own: `Buffer.from` would cut it from a slab that it shares with whatever else is small.
      const bytes = Buffer.alloc(length)
      pool.copy(bytes, 0, used, used + length)
      pool.fill(0, used, used + length)
      used += length
      return bytes
    },
    below: (limit) => randomInt(limit),
  }
}

/** The machine's own generator. */
export const systemRandom: Random = createSystemRandom()

/** Whole Unix seconds, as JWT and the store count them. */
export function seconds(clock: Clock): number {
  return Math.floor(clock.now() / 1000)
}

/** A random value of `length` bytes as base64url text (no padding). */
export function randomText(random: Random, length: number): string {
  return random.bytes(length).toString('base64url')
}
