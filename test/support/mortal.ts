/** A store whose process dies at the n-th call: before it, or after it was done and before anyone heard. */

import type { Store } from '../../adapters/store.ts'

/** The process is gone. Every later call of the same process ends so too. */
export class Killed extends Error {
  constructor() {
    super('the process was killed here')
    this.name = 'Killed'
  }
}

/** What a process sees of the store until it dies. */
export interface Mortal {
  readonly store: Store
  /** Calls so far. */
  readonly calls: number
  readonly dead: boolean
}

/** Wraps a store. `at`: the call that is the last; `when`: whether it still reaches the store. */
export function mortal(inner: Store, input: { readonly at: number; readonly when: 'before' | 'after' }): Mortal {
  let calls = 0
  let dead = false
  const counted = async (call: () => Promise<unknown>): Promise<unknown> => {
    if (dead) throw new Killed()
    calls++
    if (calls < input.at) return call()
    dead = true
    if (input.when === 'after') await call()
    throw new Killed()
  }
  const store = new Proxy(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function' || name === 'close') return value
      return (...given: readonly unknown[]) => counted(async () => Reflect.apply(value, target, given))
    },
  })
  return {
    store,
    get calls() {
      return calls
    },
    get dead() {
      return dead
    },
  }
}
