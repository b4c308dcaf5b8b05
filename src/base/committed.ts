/**
 * What this process commits, told to whoever keeps something in memory that a commit makes untrue. One place before the store, so
 * that no verb has to remember whose caches there are.
 */

import type { Store, Writes } from '../../adapters/store.ts'

/** The same store with another way to commit. Each method by itself: a proxy would be asked anew for every read of every request. */
export function committingBy(store: Store, commit: Store['commit']): Store {
  return {
    name: store.name,
    get: (collection, id) => store.get(collection, id),
    find: (collection, by, page) => store.find(collection, by, page),
    count: (collection, by, most) => store.count(collection, by, most),
    scan: (collection, page) => store.scan(collection, page),
    commit,
    sweep: (collection, before, limit) => store.sweep(collection, before, limit),
    pending: (limit) => store.pending(limit),
    settle: (ids) => store.settle(ids),
    lease: (lease, now) => store.lease(lease, now),
    release: (name, holder) => store.release(name, holder),
    begin: (key, purgeAt) => store.begin(key, purgeAt),
    finish: (key, result) => store.finish(key, result),
    scrub: () => store.scrub(),
    ping: () => store.ping(),
    close: () => store.close(),
  }
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
