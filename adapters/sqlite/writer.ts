/**
 * The writer thread: the only one that writes. Whatever has arrived is one transaction (group commit), with a savepoint
 * for each unit, so that one loser undoes only itself. A unit is answered after COMMIT, never before.
 */

import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { Conflict, type Writes } from '../store.ts'
import { Application, statements } from './apply.ts'
import { type Line, listenLines } from './lines.ts'
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

/** Answers of one transaction, and how many there were so far. */
export interface Answered {
  readonly answers: readonly Answer[]
  readonly batches: number
}

/** What the thread is started with. `socket`: where other processes of this machine may send their jobs. */
export interface Setup {
  readonly file: string
  readonly tables: readonly Table[]
  readonly socket?: string | undefined
}

const setup = workerData as Setup
const db = new DatabaseSync(setup.file)
db.exec(
  'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; PRAGMA wal_autocheckpoint = 4000; PRAGMA secure_delete = ON',
)
const prepare = statements(db)
const application = new Application(prepare, new Map(setup.tables.map((table) => [table.name, table])))

/** A job, and whom to answer. */
interface Taken<J extends Job = Job> {
  readonly job: J
  readonly line: Line
}

let waiting: Taken[] = []
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

const isScrub = (taken: Taken): taken is Taken<Extract<Job, { do: 'scrub' }>> => taken.job.do === 'scrub'
const isTransacted = (taken: Taken): taken is Taken<Transacted> => taken.job.do !== 'scrub'

function commitBatch(): void {
  if (waiting.length === 0) return // closing has already committed what this call was for
  const taken = waiting
  waiting = []
  const jobs = taken.filter(isTransacted)
  if (jobs.length > 0) transact(jobs)
  for (const { job, line } of taken.filter(isScrub)) line.tell({ answers: [scrub(job.n)], batches })
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

function transact(taken: readonly Taken<Transacted>[]): void {
  let answers: Answer[]
  try {
    prepare('BEGIN IMMEDIATE').run()
    answers = taken.map(({ job }) => runInTransaction(job))
    prepare('COMMIT').run()
    application.committed()
    batches++
  } catch (cause) {
    application.undone()
    if (db.isTransaction) db.exec('ROLLBACK')
    answers = taken.map(({ job }) => failed(job.n, cause))
  }
  tell(taken, answers)
}

function tell(taken: readonly Taken[], answers: readonly Answer[]): void {
  const byLine = new Map<Line, Answer[]>()
  for (const [n, answer] of answers.entries()) {
    const line = taken[n]?.line ?? own
    const its = byLine.get(line)
    if (its) its.push(answer)
    else byLine.set(line, [answer])
  }
  for (const [line, its] of byLine) line.tell({ answers: its, batches })
}

function take(line: Line, jobs: readonly Job[] | 'close'): void {
  if (jobs === 'close') {
    commitBatch()
    line.end()
    return
  }
  if (waiting.length === 0) setImmediate(commitBatch)
  for (const job of jobs) waiting.push({ job, line })
}

const own: Line = {
  tell: (answered) => parentPort?.postMessage(answered),
  end() {
    stopListening?.()
    db.close()
    parentPort?.close()
  },
}
const stopListening = setup.socket === undefined ? undefined : await listenLines(setup.socket, take)
parentPort?.on('message', (jobs: readonly Job[] | 'close') => take(own, jobs))
