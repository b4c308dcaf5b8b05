/** Whether any token was imported by hash: a mark that the first import leaves, so that junk costs no read where none was. */

import type { Store } from '../../adapters/store.ts'
import { bound, newDoc, TENANT, type Unit } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import { tokenUses } from './use-records.ts'

const idOf = (seal: Seal): string => seal.hash('lookup', TENANT, 'api token mark', 'foreign')

/** Stages the mark where it is not there yet; part of every import. Of two first imports one runs again. */
export async function stageForeignMark(seal: Seal, unit: Unit): Promise<void> {
  const id = idOf(seal)
  if (await unit.get(tokenUses.name, id)) return
  unit.insert(tokenUses.name, newDoc(bound({ tenant: TENANT, kind: 'api-token-mark', id }), { hk: seal.hk }))
}

/** Whether there are any. One read. */
export const hasForeign = async ({ store, seal }: { readonly store: Pick<Store, 'get'>; readonly seal: Seal }) =>
  (await store.get(tokenUses.name, idOf(seal))) !== undefined
