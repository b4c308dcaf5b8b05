/**
 * Revocation: what becomes a tombstone when something ends.
 * Owns the rule that a Grant takes its families with it before it is answered (DESIGN rule 4). It refuses to know why.
 */

import { TENANT, type Unit } from '../base/index.ts'

/** Where and when. `at` in Unix seconds; `id` and `grant` are look-up hashes. */
export interface Tombstone {
  readonly collection: string
  readonly at: number
}

/** Ends one document: a family, a session, a token. */
export function endOne(unit: Unit, { collection, at }: Tombstone, id: string): void {
  unit.revoke({ collection, target: { id }, at })
}

/** Ends a Grant and everything issued under it: families, tokens, codes that wait. */
export function endGrant(unit: Unit, { collection, at }: Tombstone, grant: string): void {
  unit.revoke({ collection, target: { id: grant }, at })
  unit.revoke({ collection, target: { by: { tenant: TENANT, by: { grant } } }, at })
}
