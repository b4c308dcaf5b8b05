/** What this room asks of others: functions that `app.ts` passes in, each as small as its use here. Times in Unix seconds. */

import type { Asked, By, Owner, TokenVerbs } from '../api-tokens/index.ts'
import type { Unit } from '../base/index.ts'

/** The API that Mintmark itself is. */
export const MANAGEMENT_API = 'urn:mintmark:api'

/** Its scopes, with the words that consent shows. */
export const MANAGEMENT_SCOPES = {
  'tokens:self': 'Make, see and end your own API tokens',
  'tokens:read': 'See all API tokens',
  'tokens:write': 'Make, change and end all API tokens',
  'tokens:approve': 'Approve API tokens that others asked for',
  'inventory:read': 'See every live credential',
  'inventory:write': 'Revoke credentials in bulk, and keep queries',
} as const

export type Scope = keyof typeof MANAGEMENT_SCOPES

/** Where a request comes from. */
export interface Seen {
  readonly address: string
  readonly method: string
  readonly path: string
}

/** A live access token of the management API. */
export interface AccessFacts {
  /** Undefined for client credentials. */
  readonly account: string | undefined
  readonly client: string
  readonly scopes: readonly string[]
  /** Bound to a key or a certificate: worth nothing as a bearer token. */
  readonly isBound: boolean
}

/** A live API token with what it may do here and now. */
export interface ApiTokenFacts {
  /** `tok_...` */
  readonly id: string
  readonly owner: Owner
  readonly scopes: readonly string[]
  readonly expiresAt: number
}

/** Who used a token in its last 30 days (during an overlap: who still uses the old one). */
export interface Consumer {
  readonly network: string
  readonly agent: string | null
  readonly route: string | null
  readonly lastSeenAt: number
  readonly uses: number
}

/** What is asked of the inventory; every part narrows. */
export interface InventoryFilter {
  readonly kind?: string | undefined
  readonly owner?: Owner | undefined
  readonly scope?: string | undefined
  readonly unusedSince?: number | undefined
  readonly expiresBefore?: number | undefined
  readonly unbound?: boolean | undefined
  readonly noExpiry?: boolean | undefined
}

/** One live credential of any kind. */
export interface InventoryEntry {
  readonly kind: string
  readonly id: string
  readonly owner: Owner | null
  readonly name: string | null
  readonly purpose: string | null
  readonly scopes: readonly string[]
  /** Scopes that it has and did not use. */
  readonly unusedScopes: readonly string[]
  /** 'none', 'dpop', 'certificate', ... */
  readonly binding: string
  readonly createdAt: number | null
  readonly lastUsedAt: number | null
  readonly expiresAt: number | null
  readonly nextRotation: { readonly at: number; readonly why: string } | null
  /** Who would notice its end: users of the last 30 days. */
  readonly users: number
}

export interface SavedQuery {
  readonly name: string
  readonly filter: InventoryFilter
}

/** The inventory of every live credential. `after` is the last entry's id of the page before. */
export interface InventoryDoor {
  list(
    filter: InventoryFilter,
    page: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<readonly InventoryEntry[]>
  count(filter: InventoryFilter): Promise<number>
  /** Stages the end of everything that the filter finds; resolves to how many. */
  revoke(unit: Unit, filter: InventoryFilter, input: { readonly by: By; readonly why: string }): Promise<number>
  queries(): Promise<readonly SavedQuery[]>
  /** Stages a saved query, in the place of one with its name. */
  saveQuery(unit: Unit, query: SavedQuery, by: By): Promise<void>
  /** Stages its removal; false where there is none. */
  removeQuery(unit: Unit, name: string, by: By): Promise<boolean>
}

/** Everything behind the REST face. What is not built yet is undefined, and its routes say so. */
export interface Doors {
  readonly tokens: TokenVerbs
  /** A live access token whose audience is `MANAGEMENT_API`, JWT or opaque; undefined for any other text. */
  readonly accessToken: (text: string) => Promise<AccessFacts | undefined>
  /** A live API token that is good for the management API from this place; undefined for any other text. */
  readonly apiToken: (text: string, asked: Asked) => Promise<ApiTokenFacts | undefined>
  readonly consumers: ((id: string) => Promise<readonly Consumer[]>) | undefined
  readonly inventory: InventoryDoor | undefined
}
