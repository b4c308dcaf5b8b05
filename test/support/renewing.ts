/** What tests of renewals share: a collection whose bodies are plain, and a renewer over it. */

import type { Doc, Store } from '../../adapters/store.ts'
import { collections } from '../../src/app.ts'
import { bound, systemRandom as random, TENANT } from '../../src/base/index.ts'
import { fixedMasters, type Seal, sealKeys } from '../../src/seal/index.ts'
import { type HandClock, masterOf } from './world.ts'

export const masters = fixedMasters(masterOf(7))
export const ROOM = 'clients'

export const columnsOf = (id: string) => bound({ tenant: TENANT, kind: 'client', id })

export async function all(store: Store, name: string): Promise<readonly Doc[]> {
  return store.scan(name, { limit: 100_000 })
}

export const dataKeys = async (store: Store): Promise<readonly string[]> =>
  (await all(store, sealKeys.name)).filter(({ kind }) => kind === 'data').map(({ id }) => id)

export function depsOf(store: Store, seal: Seal, clock: HandClock) {
  return {
    store,
    seal,
    clock,
    random,
    collections: collections.map(({ name }) => name).filter((name) => name !== sealKeys.name),
    resealers: {},
    report: ({ cause }: { readonly cause: unknown }) => {
      throw cause
    },
  }
}
