/** Time and chance as parameters: nothing else in `src` asks the machine what time it is or throws its dice. */

import { randomBytes, randomInt } from 'node:crypto'

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

/** The machine's own generator. */
export const systemRandom: Random = {
  bytes: (length) => randomBytes(length),
  below: (limit) => randomInt(limit),
}

/** Whole Unix seconds, as JWT and the store count them. */
export function seconds(clock: Clock): number {
  return Math.floor(clock.now() / 1000)
}

/** A random value of `length` bytes as base64url text (no padding). */
export function randomText(random: Random, length: number): string {
  return random.bytes(length).toString('base64url')
}
