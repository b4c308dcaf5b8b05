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
  seal: Pick<Seal, 'isExpired'>,
): { readonly collection: string; readonly id: string } | undefined {
  const inserts = unit.inserts.map(({ collection, doc }) => ({ collection, id: doc.id, dk: doc.dk }))
  const changes = [...unit.updates, ...(unit.decider ? [unit.decider] : [])]
  const named = changes.flatMap(({ collection, id, set: { dk, fields } }) =>
    [dk, fields?.receiptKey].map((key) => ({ collection, id, dk: key })),
  )
  return [...inserts.filter(({ collection }) => collection !== 'events'), ...named].find(
    ({ dk }) => typeof dk === 'string' && seal.isExpired(dk),
  )
}

/** The store as the rooms get it. */
export function fenced(store: Store, seal: Pick<Seal, 'isExpired'>): Store {
  return committingBy(store, async (unit) => {
    const late = expired(unit, seal)
    if (late) throw new Conflict('insert', late.collection, late.id)
    await store.commit(unit)
  })
}
