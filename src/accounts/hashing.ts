/** Password hashes: argon2id at OWASP's cost, two at a time, so that a flood of sign-ins leaves threads for others. */

import { hash, verify } from '@node-rs/argon2'

/** Hashes and compares passwords. Injected, so that a test can count what an attempt costs. */
export interface Hasher {
  hash(password: string): Promise<string>
  verify(hash: string, password: string): Promise<boolean>
}

/** OWASP Password Storage: argon2id (the package's default), 19 MiB, two passes, one lane. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const
const AT_ONCE = 2
const WAITING_MAX = 256

/** The hasher of production. Throws when more than 256 attempts wait: refusing is better than falling over. */
export function createHasher(): Hasher {
  let running = 0
  const waiting: (() => void)[] = []

  async function limited<T>(work: () => Promise<T>): Promise<T> {
    if (running >= AT_ONCE) {
      if (waiting.length >= WAITING_MAX) throw new Error('too many sign-ins wait for their password check')
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else running++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }

  return {
    hash: (password) => limited(() => hash(password, COST)),
    verify: (stored, password) => limited(() => verify(stored, password)),
  }
}
