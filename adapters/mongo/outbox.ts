/** Events on MongoDB: they ride in the documents of their commits, and in a collection of their own where no document carries them. */

import type { Store } from '../store.ts'
import { type Docs, eventOf, type Kept, type Table } from './schema.ts'

const DUE = { outboxAt: { $gte: 0 } } as const
const OPTIONS = { promoteBuffers: true, readPreference: 'primary' } as const

/** Events that no document carries: these records have the outbox and no more of a document. */
export const looseEvents = (collection: unknown): Docs => collection as Docs

/** The outbox over all collections and the events that no document carries. */
export function outboxOf(tables: readonly Table[], loose: Docs): Pick<Store, 'pending' | 'settle'> {
  /** In which collections the events lay that were handed out last; '' for loose ones. */
  const handed = new Map<string, string>()

  const due = (docs: Docs, limit: number): Promise<Kept[]> =>
    docs.find(DUE, OPTIONS).sort({ outboxAt: 1 }).limit(limit).toArray()

  return {
    async pending(limit) {
      const carriers = await Promise.all([...tables.map(({ docs }) => due(docs, limit)), due(loose, limit)])
      handed.clear()
      // The loose ones first: one that a cleanup is moving may be in two places, and is settled where its document was.
      for (const at of [tables.length, ...tables.keys()])
        for (const { outbox = [] } of carriers[at] ?? [])
          for (const { id } of outbox) handed.set(id, tables[at]?.name ?? '')
      const told = carriers.flat().map(({ outbox }) => (Array.isArray(outbox) ? outbox.map(eventOf) : []))
      // Carriers by the time of their first event; inside one the order of its commits holds.
      const events = told.sort((a, b) => (a[0]?.at ?? 0) - (b[0]?.at ?? 0)).flat()
      return [...new Map(events.map((event) => [event.id, event])).values()].slice(0, limit)
    },
    async settle(ids) {
      if (ids.length === 0) return
      const told = { ...DUE, 'outbox.id': { $in: [...ids] } }
      const pull = { $pull: { outbox: { id: { $in: [...ids] } } } }
      const empty = { ...DUE, outbox: { $size: 0 } }
      // Where they lay, if that is known of all: most collections never carry one.
      const lay = new Set(ids.map((id) => handed.get(id)))
      for (const { name, docs } of tables) {
        if (!lay.has(name) && !lay.has(undefined)) continue
        if ((await docs.updateMany(told, pull)).modifiedCount === 0) continue
        await docs.updateMany(empty, { $unset: { outbox: '', outboxAt: '' } })
      }
      if ((await loose.updateMany(told, pull)).modifiedCount === 0) return
      // Kept for a day, so that a commit which is repeated does not tell its events again.
      await loose.updateMany(empty, { $unset: { outboxAt: '' }, $currentDate: { settledAt: true } })
    },
  }
}
