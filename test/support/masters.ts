/** Masters that a test turns by hand, as a key file that is edited; and stores that die. */

import type { Store } from '../../adapters/store.ts'
import type { Master, Masters } from '../../src/seal/index.ts'

/** A key file in memory. What `write` says is known after `reload`, or when an unknown key is asked for. */
export interface HandMasters extends Masters {
  write(...masters: readonly Master[]): void
}

/** Opens it with these keys, the first of which wraps. */
export function handMasters(...first: readonly Master[]): HandMasters {
  let written = first
  let known = first
  return {
    write(...masters) {
      written = masters
    },
    current() {
      const [one] = known
      if (!one) throw new Error('no master')
      return one
    },
    async find(id) {
      if (!known.some((master) => master.id === id)) known = written
      return known.find((master) => master.id === id)
    },
    async reload() {
      known = written
    },
  }
}

/** The process was killed here. */
export class Killed extends Error {}

/**
 * A store whose process is killed at call `n` (from 0): the call does not happen, or happens and is never answered, and no later
 * call does anything. `calls` counts.
 */
export function killedAt(
  store: Store,
  n: number,
  when: 'before' | 'after' = 'before',
): { readonly store: Store; readonly count: () => number } {
  let calls = 0
  const dying = new Proxy(store, {
    get(target, name) {
      const inner: unknown = Reflect.get(target, name)
      if (typeof inner !== 'function') return inner
      return async (...given: readonly unknown[]) => {
        const at = calls++
        if (at > n || (at === n && when === 'before')) throw new Killed(`at call ${at}`)
        const answer: unknown = await Reflect.apply(inner, target, given)
        if (at === n) throw new Killed(`after call ${at}`)
        return answer
      }
    },
  })
  return { store: dying, count: () => calls }
}
