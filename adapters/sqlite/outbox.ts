/** The outbox of the embedded store: read in the order of its numbers, and settled by ranges of them. */

import type { Store } from '../store.ts'
import type { Reading } from './reads.ts'
import { EVENT_COLUMNS, eventOf } from './rows.ts'
import type { Writer } from './thread.ts'

/** Reads on this thread, settles through the writer. */
export function outboxOf(deps: {
  /** What is pending: `PENDING`. */
  readonly waiting: Reading
  readonly writer: Pick<Writer, 'run'>
}): Pick<Store, 'pending' | 'settle'> {
  const { waiting, writer } = deps
  // What was handed out last, by number. The writer never gives a number twice while it lives, so a range of them names nothing else.
  let handed = new Map<string, number>()

  /** Whether all that was handed out from `first` to `last` is `count` events. */
  function isAll(first: number, last: number, count: number): boolean {
    let between = 0
    for (const seq of handed.values()) if (seq >= first && seq <= last) between++
    return between === count
  }

  return {
    async pending(limit) {
      const rows = waiting.rows(limit)
      handed = new Map(rows.map((row) => [String(row[0]), Number(row[6])]))
      return rows.map(eventOf)
    },
    async settle(ids) {
      const [seqs, others]: [number[], string[]] = [[], []]
      for (const id of new Set(ids)) {
        const seq = handed.get(id)
        if (seq === undefined) others.push(id)
        else seqs.push(seq)
      }
      const [first, last] = [Math.min(...seqs), Math.max(...seqs)]
      const settled: Promise<unknown>[] = []
      if (seqs.length > 0 && isAll(first, last, seqs.length))
        settled.push(writer.run('DELETE FROM "store-outbox" WHERE seq BETWEEN ? AND ?', first, last))
      else if (seqs.length > 0) settled.push(writer.run(listed('seq'), JSON.stringify(seqs)))
      if (others.length > 0) settled.push(writer.run(listed('id'), JSON.stringify(others)))
      await Promise.all(settled)
    },
  }
}

const listed = (column: 'seq' | 'id'): string =>
  `DELETE FROM "store-outbox" WHERE ${column} IN (SELECT value FROM json_each(?))`

/** What is pending, oldest first. */
export const PENDING = `SELECT ${EVENT_COLUMNS} FROM "store-outbox" ORDER BY seq LIMIT ?`
