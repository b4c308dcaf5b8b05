/** MongoDB store: see the next commit. */
import { type Collection, type Store, StoreUnusable } from '../store.ts'
export async function openMongoStore(_input: { readonly uri: string; readonly collections: readonly Collection[] }): Promise<Store> {
  throw new StoreUnusable('the MongoDB store is not built yet')
}
