/**
 * The fence before the store: a process that slept between sealing and committing must not write a body whose key is being erased
 * meanwhile. It loses as to a rival, and the request seals anew.
 */

import { Conflict, type Store, type Writes } from '../../adapters/store.ts'
import { committingBy } from '../base/index.ts'
import type { Seal } from './index.ts'

/** The first document of a unit that is sealed under an expired key. Events may be: they are looked for before anything is erased. */
function expired(
  unit: Writes,
  { isExpired }: Pick<Seal, 'isExpired'>,
): { readonly collection: string; readonly id: string } | undefined {
  for (const { collection, doc } of unit.inserts)
    if (collection !== 'events' && isExpired(doc.dk)) return { collection, id: doc.id }
  for (const { collection, id, set } of unit.decider ? [...unit.updates, unit.decider] : unit.updates)
    for (const key of [set.dk, set.fields?.receiptKey])
      if (typeof key === 'string' && isExpired(key)) return { collection, id }
  return undefined
}

/** The store as the rooms get it. Each method by itself: a proxy would be asked anew for every read of every request. */
export function fenced(store: Store, seal: Pick<Seal, 'isExpired'>): Store {
  return committingBy(store, async (unit) => {
    const late = expired(unit, seal)
    if (late) throw new Conflict('insert', late.collection, late.id)
    await store.commit(unit)
  })
}
