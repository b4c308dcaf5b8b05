/** What a commit changed of tokens and their owners, as far as verification remembers it. Writes in, verdict out. */

import type { Change, Writes } from '../../adapters/store.ts'
import { apiTokens } from './records.ts'

/** What must be read again. `tokens`: ids, all, or none; `owners`: whether any of those above them may have changed. */
export interface Changes {
  readonly tokens: ReadonlySet<string> | 'all' | undefined
  readonly owners: boolean
}

/** A last use changes nothing that is remembered for a second, nor does the write by which a parent notices a child. */
const says = (set: Change): boolean => Object.keys(set).some((name) => name !== 'lastUse')

/** What is to be forgotten after a commit. Where nothing is, it has cost a look at each write. */
export function changesIn(unit: Writes, ownerCollections: readonly string[]): Changes {
  const { inserts, updates, decider, revocations, cleanups } = unit
  const tokens = new Set<string>()
  let [all, owners] = [false, false]
  const see = (collection: string, id: string | undefined): void => {
    if (collection !== apiTokens.name) owners ||= ownerCollections.includes(collection)
    else if (id === undefined) all = true
    else tokens.add(id)
  }
  for (const { collection, doc } of inserts) see(collection, doc.id)
  for (const { collection, id, set } of updates) if (says(set)) see(collection, id)
  if (decider && says(decider.set)) see(decider.collection, decider.id)
  // By an index: which they were the store alone knows.
  for (const { collection, target } of revocations) see(collection, 'id' in target ? target.id : undefined)
  for (const { collection, id } of cleanups) see(collection, id)
  return { tokens: all ? 'all' : tokens.size > 0 ? tokens : undefined, owners }
}
