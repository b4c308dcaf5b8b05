/** A MongoDB store for tests, in a database of its own on the one server of the run. */

import type { Collection, Store } from '../../adapters/store.ts'

/** Opens it. Fails with the clear sentence when no server can be had. */
export async function openTestMongo(collections: readonly Collection[]): Promise<Store> {
  const { openMongoStore } = await import('../../adapters/mongo/index.ts')
  return openMongoStore({ uri: 'mongodb://127.0.0.1:1/x', collections })
}
