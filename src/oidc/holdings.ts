/** What an account holds of this room: counted, and ended at once when the account is erased. */

import type { Store } from '../../adapters/store.ts'
import { type Clock, seconds, TENANT, type Unit } from '../base/index.ts'
import { artefacts, type Kind, type Records } from './records.ts'

/** Kinds that carry the account's hash. Sessions and device codes hold its `sub` inside their sealed bodies alone. */
const KINDS = ['Grant', 'Family', 'AccessToken', 'AuthorizationCode'] as const satisfies readonly Kind[]

/** Makes the verbs. */
export function createHoldings(deps: {
  readonly store: Pick<Store, 'count'>
  readonly records: Records
  readonly clock: Clock
}) {
  const { store, records, clock } = deps
  const index = (sub: string, kind: Kind) => ({ tenant: TENANT, by: { account: records.hash('account', sub), kind } })
  return {
    /** Stages the end of all Grants, families, tokens and codes of an account. */
    end(unit: Unit, sub: string): void {
      for (const kind of KINDS)
        unit.revoke({ collection: artefacts.name, target: { by: index(sub, kind) }, at: seconds(clock) })
    },
    /** How many documents there are of each kind, ended ones too. */
    async count(sub: string): Promise<Readonly<Record<string, number>>> {
      const counts = await Promise.all(
        KINDS.map(async (kind) => [kind, await store.count(artefacts.name, index(sub, kind))]),
      )
      return Object.fromEntries(counts)
    },
  }
}
