/** What this room asks of others: functions that `app.ts` passes in, each as small as its use here. Times in Unix seconds. */

import type { Asked, By, Owner, TokenVerbs } from '../api-tokens/index.ts'
import type { Secret, Unit } from '../base/index.ts'

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
  /** The API token that it was exchanged for, with the scopes that the access token has of it. */
  readonly source?: ApiTokenFacts | undefined
}

/** A live API token with what it may do here and now. */
export interface ApiTokenFacts {
  /** `tok_...` */
  readonly id: string
  readonly owner: Owner
  readonly scopes: readonly string[]
  readonly expiresAt: number
}

/** Who presented a token in its last 30 days (during an overlap: who still uses the old one). */
export interface Consumer {
  readonly network: string | undefined
  readonly agent: string | undefined
  readonly route: string | undefined
  /** How the latest time ended: 'VALID', 'IP_DENIED', ... */
  readonly outcome: string
  readonly lastSeenAt: number
}

/** Kinds of credentials, and states of live ones: as `src/inventory` has them. */
export const CREDENTIAL_KINDS = ['api-token', 'family', 'grant', 'session', 'client-secret', 'signing-key'] as const
export const CREDENTIAL_STATES = ['active', 'pending', 'quarantined', 'step_up', 'rotating', 'next', 'retired'] as const

type CredentialKind = (typeof CREDENTIAL_KINDS)[number]

/** What is asked of the inventory; every part narrows. A duration is so long ago (`unusedSince`) or ahead (`expiresBefore`). */
export interface InventoryFilter {
  readonly kind?: CredentialKind[] | undefined
  readonly state?: (typeof CREDENTIAL_STATES)[number] | undefined
  readonly owner?: Owner | undefined
  readonly scope?: string | undefined
  readonly unusedSince?: number | string | undefined
  readonly expiresBefore?: number | string | undefined
  readonly unbound?: true | undefined
  readonly noExpiry?: true | undefined
}

/** One live credential of any kind. */
export interface InventoryEntry {
  readonly id: string
  readonly kind: string
  readonly owner: Owner | null
  readonly name: string
  readonly purpose: string
  readonly scopes: readonly string[]
  readonly binding: string
  readonly state: string
  /** What verification answers for it now. Undefined: its state says it. */
  readonly standing?: string
  readonly createdAt: number | null
  /** Null: never. Undefined: of this kind it is not known. */
  readonly lastUsedAt?: number | null
  readonly expiresAt: number | null
  readonly idleUntil?: number | null
  readonly next: { readonly at: number | null; readonly why: string } | null
  readonly users?: readonly Consumer[]
}

/** A name for a filter. */
export interface SavedQuery {
  readonly name: string
  readonly filter: InventoryFilter
}

/** The inventory of every live credential. Its confirmation codes and cursors are its own. */
export interface InventoryDoor {
  list(
    filter: InventoryFilter,
    page: { readonly limit: number; readonly cursor?: string | undefined; readonly users?: boolean },
  ): Promise<{ readonly items: readonly InventoryEntry[]; readonly cursor: string | undefined }>
  /** `complete: false`: at least so many. */
  count(filter: InventoryFilter): Promise<{ readonly total: number; readonly complete: boolean }>
  /** What a bulk revocation would end, with the code that confirms it. */
  plan(
    filter: InventoryFilter,
    input: { readonly by: By },
  ): Promise<{
    readonly total: number
    readonly leftAlone: number
    readonly leftAloneByKind: Readonly<Record<string, number>>
    readonly needsCode: boolean
    readonly code: string
    readonly codeUntil: number
  }>
  /** Stages it. `left`: so many more were meant than end at once. */
  revoke(
    unit: Unit,
    filter: InventoryFilter,
    input: { readonly code?: string | undefined; readonly by: By; readonly why: string },
  ): Promise<{
    readonly revoked: number
    readonly left: number
    readonly leftAlone: number
    readonly leftAloneByKind: Readonly<Record<string, number>>
    readonly failed: readonly { readonly id: string; readonly kind: string; readonly why: string }[]
  }>
  readonly queries: {
    list(): Promise<readonly SavedQuery[]>
    /** Refuses a name that is taken. */
    save(input: SavedQuery & { readonly by: By }): Promise<unknown>
    remove(name: string, by: By): Promise<void>
  }
  /** Scopes that a token has and did not use in so many days. `observed`: it is as old as that. */
  grantedButUnused?(
    id: string,
    input: { readonly days: number },
  ): Promise<{
    readonly granted: readonly string[]
    readonly used: readonly string[]
    readonly unused: readonly string[]
    readonly observed: boolean
  }>
}

/** Everything behind the REST face. What is not built yet is undefined, and its routes say so. */
/** How a text reaches somebody other than by being shown: see `src/handover`. */
export interface HandoverDoor {
  /** Stages it behind an address that opens once; a second opening revokes `token`. */
  wrap(
    unit: Unit,
    order: { readonly text: Secret; readonly token: string; readonly by: By },
    within: { readonly lifetimeSeconds: number },
  ): { readonly address: string; readonly expiresAt: number }
  /** A JWE for a public JWK. */
  seal(text: Secret, recipient: unknown): Promise<string>
}

export interface Doors {
  readonly tokens: TokenVerbs
  /** A live access token whose audience is `MANAGEMENT_API`, JWT or opaque, good from this place; undefined for any other text. */
  readonly accessToken: (text: string, asked: Asked) => Promise<AccessFacts | undefined>
  /** A live API token that is good for the management API from this place; undefined for any other text. */
  readonly apiToken: (text: string, asked: Asked) => Promise<ApiTokenFacts | undefined>
  /** Those who were served, and apart from them those who were refused. */
  readonly consumers:
    | ((id: string) => Promise<{ readonly served: readonly Consumer[]; readonly refused: readonly Consumer[] }>)
    | undefined
  /** How often a token was presented, by hour (Unix seconds of its beginning) and outcome, oldest first. */
  readonly hours: ((id: string) => Promise<readonly { readonly hour: number; readonly counts: object }[]>) | undefined
  readonly inventory: InventoryDoor | undefined
  readonly handover: HandoverDoor | undefined
}
