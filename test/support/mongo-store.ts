/** A MongoDB store for tests, in a database of its own on the one server of the run. */

import { openMongoStore } from '../../adapters/mongo/index.ts'
import type { Collection, Store } from '../../adapters/store.ts'
import { freshMongoUri } from './mongo.ts'

/** Opens it. Fails with the clear sentence when no server can be had. */
export async function openTestMongo(collections: readonly Collection[]): Promise<Store> {
  return openMongoStore({ uri: await freshMongoUri(), collections })
}
