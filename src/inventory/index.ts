/**
 * The inventory: every live credential of every kind in one list, with filters, counts, saved queries, bulk revocation and scope
 * right-sizing. Owns its saved queries and nothing else: where credentials are, and how one ends, are functions that it is given.
 */

import { type BulkDeps, createBulk } from './bulk.ts'
import { refuse } from './errors.ts'
import { createExpired } from './expired.ts'
import { InventoryList, type ListDeps } from './list.ts'
import { createQueries, type QueryDeps } from './queries.ts'
import { inventoryQueries } from './records.ts'
import { createRightSize, type RightSizeDeps } from './right-size.ts'

export type { BulkDone, BulkPlan, StageEnd } from './bulk.ts'
export type { Binding, Credential, User } from './credential.ts'
export { type Filter, filterSchema, KINDS, type Kind, STATES, type State } from './filter.ts'
export type { InventoryCount, InventoryPage, UsersOf } from './list.ts'
export type { SavedQuery } from './records.ts'
export type { Unused } from './right-size.ts'
export type { InventorySource } from './source.ts'
export { type NextRotation, tokenSource } from './sources/api-tokens.ts'
export { artefactId, artefactSources } from './sources/artefacts.ts'
export { keySource, secretSource } from './sources/few.ts'

/** What this room refuses. */
export const inventoryRefusals = refuse.table

/** This room's collections. */
export const inventoryCollections = [inventoryQueries] as const

/** What the room uses. `tokens`: right-sizing's functions. */
export interface InventoryDeps extends QueryDeps, ListDeps, Pick<BulkDeps, 'verbs' | 'threshold' | 'atOnce'> {
  readonly tokens: Omit<RightSizeDeps, 'clock'>
}

/** Opens the room. */
export function createInventory(deps: InventoryDeps) {
  const inventory = new InventoryList(deps)
  return {
    list: (...asking: Parameters<InventoryList['list']>) => inventory.list(...asking),
    count: (...asking: Parameters<InventoryList['count']>) => inventory.count(...asking),
    queries: createQueries(deps),
    ...createBulk({ ...deps, inventory }),
    ...createRightSize({ ...deps.tokens, clock: deps.clock }),
    markExpired: createExpired(deps),
  }
}

export type Inventory = ReturnType<typeof createInventory>
