/**
 * The laws that every store obeys: sentences, each with a function that proves it on any implementation.
 *
 * They need no test runner. Three users: the tests of the stores that ship, the probe at start (the laws marked `probe`),
 * and whoever writes a third store. `test/adapters/laws.test.ts` shows that broken stores fail them.
 */

import { conditional } from './laws/conditional.ts'
import { deciding } from './laws/deciding.ts'
import { happening } from './laws/happening.ts'
import { keeping } from './laws/keeping.ts'
import { ranging } from './laws/ranging.ts'
import { reading } from './laws/reading.ts'
import { revoking } from './laws/revoking.ts'
import type { Law, World } from './laws/world.ts'
import { type Store, StoreUnusable } from './store.ts'

export { type Law, lawCollections, type World } from './laws/world.ts'

/** All of them, in the order in which they are best read. */
export const laws: readonly Law[] = [
  ...deciding,
  ...conditional,
  ...revoking,
  ...happening,
  ...reading,
  ...ranging,
  ...keeping,
]

/**
 * Proves the laws marked `probe` on a store that is in use and declares `lawCollections`; removes what it wrote.
 * Throws `StoreUnusable`, naming the law, when one doesn't hold: such a database would let two rivals win.
 */
export async function probe(store: Store): Promise<void> {
  const world: World = { open: () => Promise.resolve(store) }
  for (const { name, proof } of laws.filter((l) => l.probe)) {
    try {
      await proof(world)
    } catch (cause) {
      throw new StoreUnusable(`the database behind the ${store.name} store doesn't hold to: ${name}`, { cause })
    }
  }
}
