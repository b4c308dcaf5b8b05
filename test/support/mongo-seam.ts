/** A test between the MongoDB store and its driver: something happens before and after every single write. */

import type { openMongoStore } from '../../adapters/mongo/index.ts'

/** A write of the MongoDB driver: what `before` or `after` it throws, the store sees. */
export interface Seam {
  before(): void
  after(): void
}

const WRITES: readonly string[] = ['insertOne', 'insertMany', 'updateOne', 'updateMany', 'deleteMany', 'deleteOne']

/** What `openMongoStore` takes. */
export const seamOf =
  (seam: Seam): NonNullable<Parameters<typeof openMongoStore>[0]['seam']> =>
  (tables) => {
    for (const { model } of tables.values())
      for (const method of WRITES) {
        const real: (...args: readonly unknown[]) => unknown = Reflect.get(model.collection, method).bind(
          model.collection,
        )
        Reflect.set(model.collection, method, async (...args: readonly unknown[]) => {
          seam.before()
          const answer = await real(...args)
          seam.after()
          return answer
        })
      }
  }
