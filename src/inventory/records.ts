/** The collection of saved queries. */

import type { Collection, Doc, NewDoc } from '../../adapters/store.ts'
import { bound, newDoc, TENANT } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import { type Filter, filterSchema } from './filter.ts'

export const inventoryQueries: Collection = {
  name: 'inventory-queries',
  indexes: [['kind']],
  fields: {},
  expires: false,
  about: 'Saved queries of the inventory, by the keyed hash of their name. Name and filter are sealed.',
}

export interface SavedQuery {
  readonly name: string
  readonly filter: Filter
  readonly savedBy: string
  /** Unix seconds. */
  readonly savedAt: number
}

export const queryId = (seal: Seal, name: string): string => seal.hash('lookup', TENANT, 'inventory query', name)

/** A new query's document. */
export function queryDoc(seal: Seal, query: SavedQuery): NewDoc {
  const columns = bound({
    tenant: TENANT,
    kind: 'inventory-query',
    id: queryId(seal, query.name),
    iat: query.savedAt,
  })
  return newDoc(columns, { hk: seal.hk, ...seal.seal(columns, Buffer.from(JSON.stringify(query))) })
}

/** Opens one. The filter is checked again: another version may have saved it. */
export async function queryOf(seal: Seal, doc: Doc): Promise<SavedQuery> {
  const saved = JSON.parse((await seal.open(doc)).toString()) as SavedQuery
  return { ...saved, filter: filterSchema.parse(saved.filter) }
}
