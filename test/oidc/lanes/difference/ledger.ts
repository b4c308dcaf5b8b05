/**
 * A server's own view of the one store: it reads what the other reads, and what it would write is written down instead. So two servers
 * answer the same request on the same state, and neither changes it under the other.
 */

import { Conflict, type Store, type Writes } from '../../../../adapters/store.ts'
import type { MemoryStore } from '../../../adapters/memory-store.ts'

/** The store that both share; a chapter begins with a copy of the one before it. */
export interface Held {
  now: MemoryStore
}

/** What becomes of commits: `loses`: the first meets a rival; `lost`: all do; `broken`: the store is away. */
export type Weather = 'fair' | 'loses' | 'lost' | 'broken'

/** The rival of a unit: at its decider, else at its first document. */
function conflictOf({ decider, inserts, updates, revocations }: Writes): Conflict {
  if (decider) return new Conflict('decider', decider.collection, decider.id)
  const [first] = [...inserts.map(({ collection, doc }) => ({ collection, id: doc.id })), ...updates]
  return new Conflict('insert', first?.collection ?? revocations[0]?.collection ?? 'artefacts', first?.id ?? '')
}

/** One server's view. */
export class Ledger {
  readonly store: Store
  /** Nothing is applied while it is `dry`. */
  dry = false
  weather: Weather = 'fair'
  /** What a deliberately wrong server writes. */
  bend: (writes: Writes) => Writes = (writes) => writes
  /** What would have been written, in order. */
  commits: Writes[] = []

  constructor(held: Held) {
    const base = (): Store => held.now
    this.store = {
      name: 'memory',
      get: (collection, id) => base().get(collection, id),
      find: (collection, by, page) => base().find(collection, by, page),
      count: (collection, by, most) => base().count(collection, by, most),
      scan: (collection, page) => base().scan(collection, page),
      commit: (unit) => (this.dry ? this.#note(this.bend(unit)) : base().commit(unit)),
      sweep: (collection, before, limit) => base().sweep(collection, before, limit),
      pending: (limit) => base().pending(limit),
      settle: (ids) => base().settle(ids),
      lease: (lease, now) => base().lease(lease, now),
      release: (name, holder) => base().release(name, holder),
      begin: (key, purgeAt) => base().begin(key, purgeAt),
      finish: (key, result) => base().finish(key, result),
      scrub: () => base().scrub(),
      ping: () => base().ping(),
      close: async () => {},
    }
  }

  async #note(writes: Writes): Promise<void> {
    if (this.weather === 'broken') throw new Error('the store is away')
    const lost = this.weather === 'lost' || (this.weather === 'loses' && this.commits.length === 0)
    this.commits.push(writes)
    if (lost) throw conflictOf(writes)
  }
}
