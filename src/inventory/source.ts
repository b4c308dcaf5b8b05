/** Where the inventory looks: one source a kind, each answering from an index of its collection, and saying so where it can't. */

import type { Credential } from './credential.ts'
import type { Asked, Kind } from './filter.ts'

/** `scanMax`: how many documents may be looked at that the index found and the filter may not mean. */
export interface Asking {
  readonly limit: number
  readonly after?: string | undefined
  readonly scanMax: number
}

/** A page. `after`: where to go on; undefined: there is no more. `scanned`: documents that were looked at. */
export interface Found {
  readonly items: readonly Credential[]
  readonly after: string | undefined
  readonly scanned: number
}

/** A count, as far as it came. `after`: where to go on counting; undefined: this is all. */
export interface Counted {
  readonly count: number
  readonly after: string | undefined
}

/** The live credentials of one kind. */
export interface InventorySource {
  readonly kind: Kind
  list(asked: Asked, page: Asking): Promise<Found>
  count(asked: Asked, page: Omit<Asking, 'limit'>): Promise<Counted>
}
