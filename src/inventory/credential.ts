/** A credential as the inventory shows it, and whether a filter means it. Nothing in it opens anything. */

import type { Owner } from '../api-tokens/index.ts'
import type { Asked, Kind, State } from './filter.ts'

/** What has to be there besides the credential's text. `none`: whoever has it may use it. */
export type Binding = 'none' | 'network' | 'dpop' | 'mtls' | 'browser' | 'server'

/** Who used a credential. */
export interface User {
  readonly network: string | undefined
  readonly agent: string | undefined
  readonly route: string | undefined
  readonly outcome: string
  readonly lastSeenAt: number
}

/** One line of the inventory. Times in Unix seconds. */
export interface Credential {
  /** Names it, and opens nothing. */
  readonly id: string
  readonly kind: Kind
  readonly owner: Owner | null
  readonly name: string
  readonly purpose: string
  readonly scopes: readonly string[]
  readonly binding: Binding
  readonly state: State
  /** What verification answers for it now, where that can differ from its state; 'VALID': it works. */
  readonly standing?: string
  readonly createdAt: number | null
  /** Null: never. Undefined: of this kind it is not known. */
  readonly lastUsedAt?: number | null
  readonly expiresAt: number | null
  /** End unless it is used before. */
  readonly idleUntil?: number | null
  readonly next: { readonly at: number | null; readonly why: string } | null
  /** Who used it in the last 30 days: what breaks if it is revoked. Only where it was asked for and is recorded. */
  readonly users?: readonly User[]
}

/** What a filter is about. */
export type Questioned = Pick<
  Credential,
  'kind' | 'owner' | 'scopes' | 'binding' | 'state' | 'createdAt' | 'lastUsedAt' | 'expiresAt'
>

/** Whether a live credential is meant. The words of all kinds in one place: no source may read a filter in a way of its own. */
export function isMeant(one: Questioned, asked: Asked): boolean {
  const { kind, state, owner, scope, unusedSince, expiresBefore, unbound, noExpiry } = asked
  const used = one.lastUsedAt === null ? one.createdAt : one.lastUsedAt
  return (
    (!kind || kind.includes(one.kind)) &&
    (state === undefined || one.state === state) &&
    (!owner || (one.owner?.type === owner.type && one.owner.id === owner.id)) &&
    (scope === undefined || one.scopes.includes(scope)) &&
    (unusedSince === undefined || (used !== undefined && used !== null && used < unusedSince)) &&
    (expiresBefore === undefined || (one.expiresAt !== null && one.expiresAt < expiresBefore)) &&
    (!unbound || one.binding === 'none') &&
    (!noExpiry || one.expiresAt === null)
  )
}
