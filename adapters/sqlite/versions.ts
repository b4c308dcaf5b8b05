/** Numbers that move with what is committed to a collection. */

import type { Store, Writes } from '../store.ts'

/** What tells a collection's number, and what must be told to it. */
export interface Versions {
  readonly version?: NonNullable<Store['version']>
  /** Runs what writes to the collections. */
  through<T>(collections: Iterable<string>, write: () => Promise<T>): Promise<T>
}

/** The collections that a unit writes to. */
export function* touchedBy({ burns, inserts, updates, decider, revocations, cleanups }: Writes): Iterable<string> {
  for (const list of [burns, inserts, updates, revocations, cleanups])
    for (const { collection } of list) yield collection
  if (decider) yield decider.collection
}

/** Where others write too: asking the file costs what a read costs, and it has one number for all collections. So there is none. */
export const noVersions: Versions = { through: (_collections, write) => write() }

/** Where this process alone writes: counted. */
export function countedVersions(): Versions {
  const counts = new Map<string, number>()
  function moved(collections: Iterable<string>): void {
    for (const name of collections) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return {
    version: (collection) => counts.get(collection) ?? 0,
    async through(collections, write) {
      // Twice: what was read before it was in the file, and what was read then, have numbers of their own.
      const touched = [...collections]
      moved(touched)
      try {
        return await write()
      } finally {
        moved(touched)
      }
    },
  }
}
