/**
 * The writer thread: the only one that writes. Whatever has arrived is one transaction (group commit), with a savepoint
 * for each unit, so that one loser undoes only itself. A unit is answered after COMMIT, never before.
 */

import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { Conflict } from '../store.ts'
import { Application, HalfDone } from './apply.ts'
import { JOB } from './jobs.ts'
import { type Line, listenLines } from './lines.ts'
import { type Packet, PacketReader } from './packet.ts'
import type { Table } from './schema.ts'
import { statements } from './statements.ts'

/** A job that did not go well. */
export type Failed =
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
  /** Jobs that are done, each with the number of rows that it changed where that is asked for. */
  readonly done: readonly number[]
  readonly failed: readonly Failed[]
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
  'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; PRAGMA wal_autocheckpoint = 4000; PRAGMA secure_delete = ON; PRAGMA cache_size = -16384',
)
const prepare = statements(db)
const application = new Application(prepare, setup.tables)

/** Jobs that came together, and whom to answer. */
interface Taken {
  readonly packet: Packet
  readonly line: Line
}

let waiting: Taken[] = []
let batches = 0

function failed(n: number, cause: unknown): Failed {
  if (cause instanceof Conflict)
    return { n, is: 'conflict', kind: cause.kind, collection: cause.collection, id: cause.id }
  const { name, message } = cause instanceof Error ? cause : new Error(String(cause))
  return { n, is: 'failed', name, message }
}

/** What the jobs of one line came to. */
interface Outcome {
  readonly done: number[]
  readonly failed: Failed[]
}

interface Job {
  readonly n: number
  readonly what: number
  /** How many values it is. */
  readonly size: number
}

/** Calls for each job that is for the transaction; wherever that leaves the reader, the next job is next. Gives the scrubs. */
function eachJob(packet: Packet, work: (job: Job, read: PacketReader) => void): readonly number[] {
  const read = new PacketReader(packet)
  const scrubs: number[] = []
  let from = 0
  while (!read.isAtEnd) {
    const n = read.number()
    const end = [read.number(), read.number()] as const
    const what = read.number()
    if (what === JOB.scrub) scrubs.push(n)
    else work({ n, what, size: end[0] - from }, read)
    read.goTo(end)
    from = end[0]
  }
  return scrubs
}

// A full disk or an I/O error may end the whole transaction under a unit: what follows would then be written without one.
function stillOpen(cause?: unknown): void {
  if (!db.isTransaction) throw cause ?? new Error('the transaction was lost')
}

/** Gives the number of rows that changed, where that is asked for. */
function run({ what, size }: Job, read: PacketReader, careful: boolean): number {
  if (what === JOB.commit) {
    application.apply(read, { size, careful })
    return 0
  }
  const sql = read.text()
  return Number(prepare(sql).run(...read.many(read.number())).changes)
}

function attempt(packet: Packet, outcome: Outcome, careful: boolean): void {
  eachJob(packet, (job, read) => {
    try {
      const changes = run(job, read, careful)
      stillOpen()
      outcome.done.push(job.n, changes)
    } catch (cause) {
      stillOpen(cause)
      if (cause instanceof HalfDone) throw cause
      outcome.failed.push(failed(job.n, cause))
    }
  })
}

const outcomesOf = (taken: readonly Taken[]): ReadonlyMap<Line, Outcome> =>
  new Map(taken.map(({ line }) => [line, { done: [], failed: [] }]))

function transact(taken: readonly Taken[], careful: boolean): ReadonlyMap<Line, Outcome> {
  const outcomes = outcomesOf(taken)
  try {
    prepare('BEGIN IMMEDIATE').run()
    for (const { packet, line } of taken) attempt(packet, outcomes.get(line) ?? { done: [], failed: [] }, careful)
    prepare('COMMIT').run()
    application.committed()
    batches++
    return outcomes
  } catch (cause) {
    application.undone()
    if (db.isTransaction) db.exec('ROLLBACK')
    if (cause instanceof HalfDone && !careful) return transact(taken, true)
    const none = outcomesOf(taken)
    for (const { packet, line } of taken) eachJob(packet, ({ n }) => none.get(line)?.failed.push(failed(n, cause)))
    return none
  }
}

function commitBatch(): void {
  if (waiting.length === 0) return // closing has already committed what this call was for
  const taken = waiting
  waiting = []
  for (const [line, { done, failed }] of transact(taken, false))
    if (done.length + failed.length > 0) line.tell({ done, failed, batches })
  for (const { packet, line } of taken) for (const n of eachJob(packet, () => {})) line.tell(scrub(n))
}

/**
 * `secure_delete` has overwritten what was deleted since it is on; VACUUM writes the file anew, so that nothing of before is in
 * its free pages either; the checkpoints move the log into the file and cut it to nothing. Outside any transaction.
 */
function scrub(n: number): Answered {
  try {
    const before = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
    db.exec('VACUUM')
    const after = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
    return { done: [n, Number(before?.busy) || Number(after?.busy) ? 1 : 0], failed: [], batches }
  } catch (cause) {
    return { done: [], failed: [failed(n, cause)], batches }
  }
}

function take(line: Line, packet: Packet | 'close'): void {
  if (packet === 'close') {
    commitBatch()
    line.end()
    return
  }
  if (waiting.length === 0) setImmediate(commitBatch)
  waiting.push({ packet, line })
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
parentPort?.on('message', (packet: Packet | 'close') => take(own, packet))
