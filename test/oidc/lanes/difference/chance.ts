/** Dice that fall alike for the same seed, for the generator; and randomness of the same kind for the servers. */

import { createHash } from 'node:crypto'
import type { Random } from '../../../../src/base/index.ts'

/** Seeded dice (sfc32). */
export class Chance {
  #a: number
  #b: number
  #c: number
  #d = 1

  constructor(...seed: readonly (number | string)[]) {
    const words = createHash('sha256').update(seed.join('\n')).digest()
    this.#a = words.readInt32LE(0)
    this.#b = words.readInt32LE(4)
    this.#c = words.readInt32LE(8)
  }

  #next(): number {
    const t = (((this.#a + this.#b) | 0) + this.#d) | 0
    this.#d = (this.#d + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (this.#c << 21) | (this.#c >>> 11)
    this.#c = (this.#c + t) | 0
    return t >>> 0
  }

  /** A whole number in [0, limit). */
  below(limit: number): number {
    return this.#next() % limit
  }

  /** True with this probability. */
  is(probability: number): boolean {
    return this.#next() / 2 ** 32 < probability
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    const one = list[this.below(list.length)]
    if (one === undefined && list.length === 0) throw new Error('nothing to choose from')
    return one as T
  }

  /** One of several, by weight. */
  weigh<T>(...choices: readonly (readonly [weight: number, value: T])[]): T {
    let left = (this.#next() / 2 ** 32) * choices.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, value] of choices) {
      left -= weight
      if (left < 0) return value
    }
    return this.pick(choices)[1]
  }

  /** What a server takes for its generator. */
  random(): Random {
    return {
      bytes: (length) => {
        const words = Uint32Array.from({ length: Math.ceil(length / 4) }, () => this.#next())
        return Buffer.from(words.buffer, 0, length)
      },
      below: (limit) => this.below(limit),
    }
  }
}
