/**
 * Marks API tokens that have expired, so that what is asked of live ones never has to look past the dead. A mark is not what ends a
 * token (`exp` is, checked at every use): where this runs late, counts by last use say that they are not complete.
 */

import type { Store } from '../../adapters/store.ts'
import { apiTokens } from '../api-tokens/index.ts'
import { type Clock, seconds, TENANT, type Unit } from '../base/index.ts'

/** Whoever tells owners that a token expires finds it unmarked for so long. */
const MARGIN_SECONDS = 3600
const PAGE = 500
const STATES = ['active', 'pending', 'quarantined'] as const

/** Makes the job: marks at most `limit` and resolves to how many. Idempotent; any number of nodes may run it. */
export function createExpired(deps: {
  readonly store: Pick<Store, 'find'>
  readonly clock: Clock
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
}) {
  return async function markExpired({ limit = 10_000 }: { readonly limit?: number } = {}): Promise<number> {
    const now = seconds(deps.clock)
    let marked = 0
    for (const state of STATES) {
      while (marked < limit) {
        const index = { tenant: TENANT, by: { state }, range: { field: 'exp', below: now - MARGIN_SECONDS } } as const
        const docs = await deps.store.find(apiTokens.name, index, { limit: Math.min(PAGE, limit - marked) })
        if (docs.length === 0) break
        const unit = deps.unit()
        for (const { id } of docs) unit.revoke({ collection: apiTokens.name, target: { id }, at: now, mark: 'expired' })
        await deps.commit(unit)
        marked += docs.length
      }
    }
    return marked
  }
}
