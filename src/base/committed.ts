/**
 * What this process commits, told to whoever keeps something in memory that a commit makes untrue. One place before the store, so
 * that no verb has to remember whose caches there are.
 */

import type { Store, Writes } from '../../adapters/store.ts'

/** The same store with another way to commit. */
export function committingBy(store: Store, commit: Store['commit']): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'commit') return commit
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** Hears of a commit when it is over, won or not; it must be quick and must not throw. */
export type CommitListener = (unit: Writes) => void

/** Makes the teller. */
export function createCommitted() {
  const listeners: CommitListener[] = []
  return {
    follow: (listener: CommitListener): void => void listeners.push(listener),
    /** The store whose commits are told. */
    watch: (store: Store): Store =>
      committingBy(store, async (unit) => {
        try {
          await store.commit(unit)
        } finally {
          // Lost ones too: revocations may stand all the same, and an answer that was lost says nothing of what is in the store.
          for (const listener of listeners) listener(unit)
        }
      }),
  }
}

export type Committed = ReturnType<typeof createCommitted>
