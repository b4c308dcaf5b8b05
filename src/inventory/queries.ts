/** Saved queries: a name for a filter. Durations in it are kept as they were written, so that "unused for 90 days" stays that. */

import { Conflict, type Store } from '../../adapters/store.ts'
import { type Clock, seconds, TENANT, type Unit } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import { refuse } from './errors.ts'
import { type Filter, filterSchema } from './filter.ts'
import { inventoryQueries, queryDoc, queryId, queryOf, type SavedQuery } from './records.ts'

const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$/u
const QUERIES_MAX = 500

/** What the verbs use. */
export interface QueryDeps {
  readonly store: Pick<Store, 'get' | 'find'>
  readonly seal: Seal
  readonly clock: Clock
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
}

/** Makes the verbs. */
export function createQueries(deps: QueryDeps) {
  const { store, seal, clock } = deps

  async function known(name: string) {
    const doc = await store.get(inventoryQueries.name, queryId(seal, name))
    if (!doc || doc.revokedAt !== null) throw refuse('query_unknown')
    return doc
  }

  return {
    /** Refused: `bad_name`, `query_exists`. */
    async save(input: { readonly name: string; readonly filter: Filter; readonly by: string }): Promise<SavedQuery> {
      const { name, by } = input
      if (!NAME.test(name)) throw refuse('bad_name')
      const query = { name, filter: filterSchema.parse(input.filter), savedBy: by, savedAt: seconds(clock) }
      const unit = deps.unit()
      unit.insert(inventoryQueries.name, queryDoc(seal, query))
      unit.note('inventory.query_saved', { name, by })
      await deps.commit(unit).catch((cause) => {
        throw cause instanceof Conflict ? refuse('query_exists', {}, cause) : cause
      })
      return query
    },
    /** Refused: `query_unknown`. */
    show: async (name: string): Promise<SavedQuery> => queryOf(seal, await known(name)),
    /** All of them, by name. */
    async list(): Promise<readonly SavedQuery[]> {
      const by = { tenant: TENANT, by: { kind: 'inventory-query' } }
      const docs = await store.find(inventoryQueries.name, by, { limit: QUERIES_MAX })
      const saved = await Promise.all(docs.map((doc) => queryOf(seal, doc)))
      return saved.sort((a, b) => (a.name < b.name ? -1 : 1))
    },
    /** Refused: `query_unknown`. */
    async remove(name: string, by: string): Promise<void> {
      const doc = await known(name)
      const unit = deps.unit()
      unit.cleanup(inventoryQueries.name, doc.id)
      unit.note('inventory.query_removed', { name, by })
      await deps.commit(unit)
    },
  }
}
