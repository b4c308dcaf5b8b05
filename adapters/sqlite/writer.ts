/**
 * The writer thread: the only one that writes. Whatever has arrived is one transaction (group commit), with a savepoint
 * for each unit, so that one loser undoes only itself. A unit is answered after COMMIT, never before.
 */

import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { Conflict, type Writes } from '../store.ts'
import { Application, statements } from './apply.ts'
import type { Table } from './schema.ts'

/** What the reading side sends. `sql` jobs are the store's own small statements (leases, settling, sweeping). */
export type Job =
  | { readonly n: number; readonly do: 'commit'; readonly unit: Writes }
  | {
      readonly n: number
      readonly do: 'sql'
      readonly sql: string
      readonly values: readonly (string | number | null | Uint8Array)[]
    }
  | { readonly n: number; readonly do: 'scrub' }

/** What the writer answers. */
export type Answer =
  | { readonly n: number; readonly is: 'done'; readonly changes: number }
  | {
      readonly n: number
      readonly is: 'conflict'
      readonly kind: Conflict['kind']
      readonly collection: string
      readonly id: string
    }
  | { readonly n: number; readonly is: 'failed'; readonly name: string; readonly message: string }

const setup = workerData as { readonly file: string; readonly tables: readonly Table[] }
const db = new DatabaseSync(setup.file)
db.exec(
  'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; PRAGMA wal_autocheckpoint = 4000; PRAGMA secure_delete = ON',
)
const prepare = statements(db)
const application = new Application(prepare, new Map(setup.tables.map((table) => [table.name, table])))

let waiting: Job[] = []
let batches = 0

function failed(n: number, cause: unknown): Answer {
  if (cause instanceof Conflict)
    return { n, is: 'conflict', kind: cause.kind, collection: cause.collection, id: cause.id }
  const { name, message } = cause instanceof Error ? cause : new Error(String(cause))
  return { n, is: 'failed', name, message }
}

type Transacted = Exclude<Job, { do: 'scrub' }>

function run(job: Transacted): Answer {
  try {
    if (job.do === 'commit') {
      application.apply(job.unit)
      return { n: job.n, is: 'done', changes: 0 }
    }
    return { n: job.n, is: 'done', changes: Number(prepare(job.sql).run(...job.values).changes) }
  } catch (cause) {
    return failed(job.n, cause)
  }
}

// A full disk or an I/O error may end the whole transaction under a unit: what follows would then be written without one.
function runInTransaction(job: Transacted): Answer {
  const answer = run(job)
  if (!db.isTransaction) throw new Error(answer.is === 'failed' ? answer.message : 'the transaction was lost')
  return answer
}

function commitBatch(): void {
  if (waiting.length === 0) return // closing has already committed what this call was for
  const jobs = waiting.filter((job) => job.do !== 'scrub')
  const scrubs = waiting.filter((job) => job.do === 'scrub')
  waiting = []
  if (jobs.length > 0) transact(jobs)
  for (const { n } of scrubs) parentPort?.postMessage({ answers: [scrub(n)], batches })
}

/**
 * `secure_delete` has overwritten what was deleted since it is on; VACUUM writes the file anew, so that nothing of before is in
 * its free pages either; the checkpoints move the log into the file and cut it to nothing. Outside any transaction.
 */
function scrub(n: number): Answer {
  try {
    const before = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
    db.exec('VACUUM')
    const after = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
    return { n, is: 'done', changes: Number(before?.busy) || Number(after?.busy) ? 1 : 0 }
  } catch (cause) {
    return failed(n, cause)
  }
}

function transact(jobs: readonly Transacted[]): void {
  let answers: Answer[]
  try {
    prepare('BEGIN IMMEDIATE').run()
    answers = jobs.map(runInTransaction)
    prepare('COMMIT').run()
    application.committed()
    batches++
  } catch (cause) {
    application.undone()
    if (db.isTransaction) db.exec('ROLLBACK')
    answers = jobs.map(({ n }) => failed(n, cause))
  }
  parentPort?.postMessage({ answers, batches })
}

parentPort?.on('message', (jobs: readonly Job[] | 'close') => {
  if (jobs === 'close') {
    if (waiting.length > 0) commitBatch()
    db.close()
    parentPort?.close()
    return
  }
  if (waiting.length === 0) setImmediate(commitBatch)
  waiting.push(...jobs)
})
