/** What the store in memory keeps besides documents (outbox, leases, idempotency records), and the ways in which it can be broken. */

import type { Doc, OutboxEvent, Writes } from '../../adapters/store.ts'

/** The ways in which the store can be broken. */
export type Flaw =
  | 'a decider reads, then writes'
  | 'increments read, then write'
  | 'a lost unit takes its burns back'
  | 'a burn forgets its request'
  | 'burns overwrite'
  | 'updates create'
  | 'updates ignore rev'
  | 'inserts overwrite'
  | 'inserts stay when the decider is lost'
  | 'revocations go before the decider'
  | 'revocations keep rev'
  | 'revocations take the last time'
  | 'revocations create'
  | 'marks are tombstones'
  | 'revocations reach every tenant'
  | 'a repeat is done again'
  | 'a repeat adds again'
  | 'find ignores the tenant'
  | 'find takes any fields'
  | 'find has no order'
  | 'ranges go by id'
  | 'ranges take nulls'
  | 'pages of a range skip what is equal'
  | 'pages of a range repeat what is equal'
  | 'counts ignore the range'
  | 'ranges do not follow'
  | 'only the first scope counts'
  | 'revocations take ranges'
  | 'scans skip tombstones'
  | 'scans have no order'
  | 'scans keep to one tenant'
  | 'scans ignore the page'
  | 'scrubs take tombstones'
  | 'reads give references'
  | 'events go before the commit'
  | 'events need a document'
  | 'settled events return'
  | 'sweeps ignore the limit'
  | 'leases never run out'
  | 'leases are for all'
  | 'one poisoned unit fails its batch'
  | 'idempotency forgets'
  | 'names are not checked'
  | 'words are escaped'

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** The half of the store that knows no documents. */
export class MemoryDesk {
  protected readonly flaw: Flaw | undefined
  #events: OutboxEvent[] = []
  readonly #leases = new Map<string, { holder: string; until: number }>()
  readonly #keys = new Map<string, Uint8Array | undefined>()

  constructor(flaw?: Flaw) {
    this.flaw = flaw
  }

  /** What follows `after`, in order. */
  protected scanned<T extends Pick<Doc, 'id' | 'tenant' | 'revokedAt'>>(
    all: readonly T[],
    after?: string,
  ): readonly T[] {
    const rows = all.filter(
      (row) =>
        (this.flaw !== 'scans skip tombstones' || row.revokedAt === null) &&
        (this.flaw !== 'scans keep to one tenant' || row.tenant === all[0]?.tenant),
    )
    if (this.flaw !== 'scans have no order') rows.sort((a, b) => (a.id < b.id ? -1 : 1))
    return this.flaw === 'scans ignore the page' || after === undefined ? rows : rows.filter(({ id }) => id > after)
  }

  protected note({ events }: Writes): void {
    this.#events.push(...structuredClone(events))
  }

  async pending(limit: number): Promise<readonly OutboxEvent[]> {
    return structuredClone(this.#events.slice(0, limit))
  }

  async settle(ids: readonly string[]): Promise<void> {
    if (this.flaw !== 'settled events return') this.#events = this.#events.filter((e) => !ids.includes(e.id))
  }

  async lease(
    { name, holder, until }: { readonly name: string; readonly holder: string; readonly until: number },
    now: number,
  ): Promise<boolean> {
    const held = this.#leases.get(name)
    const ranOut = held && held.until <= now && this.flaw !== 'leases never run out'
    if (held && held.holder !== holder && !ranOut && this.flaw !== 'leases are for all') return false
    this.#leases.set(name, { holder, until })
    return true
  }

  async release(name: string, holder: string): Promise<void> {
    if (this.#leases.get(name)?.holder === holder) this.#leases.delete(name)
  }

  async begin(key: string): Promise<undefined | 'pending' | { readonly result: Uint8Array }> {
    if (!this.#keys.has(key)) return void this.#keys.set(key, undefined)
    const result = this.#keys.get(key)
    return result ? { result: result.slice() } : 'pending'
  }

  async finish(key: string, result: Uint8Array): Promise<void> {
    if (this.flaw !== 'idempotency forgets') this.#keys.set(key, result.slice())
  }

  async ping(): Promise<void> {
    await tick()
  }

  async close(): Promise<void> {
    await tick()
  }
}
