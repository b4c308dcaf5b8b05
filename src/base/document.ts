/** Builds documents with the whole envelope, so that no room forgets a column. */

import type { Fields, NewDoc } from '../../adapters/store.ts'

/** The clear columns of a document that never change and that the seal binds to its body (DESIGN rule 6). */
export interface Bound {
  readonly tenant: string
  readonly kind: string
  readonly id: string
  readonly v: number
  readonly family: string | null
  readonly grant: string | null
  readonly account: string | null
  readonly owner: string | null
  readonly client: string | null
  readonly session: string | null
  readonly api: string | null
  readonly scopes: readonly string[]
  readonly iat: number | null
}

/** Fills what is not said with null. */
export function bound(input: Pick<Bound, 'tenant' | 'kind' | 'id'> & Partial<Bound>): Bound {
  return {
    v: 1,
    family: null,
    grant: null,
    account: null,
    owner: null,
    client: null,
    session: null,
    api: null,
    scopes: [],
    iat: null,
    ...input,
  }
}

/** A document ready for the store, from its bound columns and what may change. */
export function newDoc(
  columns: Bound,
  rest: {
    readonly hk: string
    readonly dk?: string
    readonly body?: Uint8Array | null
    readonly exp?: number | null
    readonly purgeAt?: number | null
    readonly state?: string
    readonly lastUse?: number | null
    readonly fields?: Fields
  },
): NewDoc {
  return { dk: '', body: null, exp: null, purgeAt: null, state: 'live', lastUse: null, fields: {}, ...columns, ...rest }
}

/** The one tenant of today; every document and hash names it, so that more can come without a migration. */
export const TENANT = 'default'
