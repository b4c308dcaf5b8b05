/** The other end of the writer thread: sends jobs, several in one message where they come in one tick, and settles their promises. */

import { Worker } from 'node:worker_threads'
import { Conflict, StoreUnusable, type Writes } from '../store.ts'
import type { Answer, Answered, Job, Setup } from './writer.ts'

interface Waiting {
  readonly resolve: (changes: number) => void
  readonly reject: (cause: Error) => void
}

type Value = string | number | null | Uint8Array

/** The writer as the store sees it. */
export interface Writer {
  commit(unit: Writes): Promise<void>
  /** Runs one small statement of the store's own; resolves to the number of changed rows, after COMMIT. */
  run(sql: string, ...values: readonly Value[]): Promise<number>
  /** Empties the write-ahead log and writes the file anew; resolves to whether something was in the way. */
  scrub(): Promise<boolean>
  /** Transactions so far: fewer than commits, when commits travel in groups. */
  readonly batches: number
  /** Why the thread is gone, if it is. */
  readonly dead: Error | undefined
  close(): Promise<void>
}

function settle(waiting: Waiting, answer: Answer): void {
  switch (answer.is) {
    case 'done':
      waiting.resolve(answer.changes)
      break
    case 'conflict':
      waiting.reject(new Conflict(answer.kind, answer.collection, answer.id))
      break
    case 'failed':
      waiting.reject(
        answer.name === 'TypeError'
          ? new TypeError(answer.message)
          : new Error(`the embedded store: ${answer.message}`),
      )
      break
    default:
      answer satisfies never
  }
}

// What can't be copied to the thread (no type allows it) is refused by itself and takes no other job of its tick along.
function post(worker: Thread, jobs: readonly Job[], refuse: (n: number, cause: unknown) => void): void {
  try {
    worker.postMessage(jobs)
  } catch (cause) {
    const [only] = jobs
    if (jobs.length === 1 && only) refuse(only.n, cause)
    else for (const job of jobs) post(worker, [job], refuse)
  }
}

/** Starts the writer on a database whose tables stand. */
export function startWriter(setup: Setup): Writer {
  // The same file is .ts in the repository and .js in the package; each starts its own kind.
  const url = new URL(`./writer${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
  return writerAt(new Worker(url, { workerData: setup }))
}

/** What this end sees of the writer: the thread, or a line to another process's. */
export interface Thread {
  /** Throws where a job can't be copied. */
  postMessage(message: readonly Job[] | 'close'): void
  on(event: 'message', listener: (message: Answered) => void): unknown
  on(event: 'error', listener: (cause: unknown) => void): unknown
  on(event: 'exit', listener: () => void): unknown
}

/** The writer behind a thread or a line that has just been opened. */
export function writerAt(worker: Thread): Writer {
  const open = new Map<number, Waiting>()
  let outgoing: Job[] = []
  let next = 0
  let batches = 0
  let dead: Error | undefined
  let closing = false

  function lost(cause: Error): void {
    dead ??= cause
    for (const waiting of open.values()) waiting.reject(dead)
    open.clear()
  }
  function refuse(n: number, cause: unknown): void {
    open.get(n)?.reject(new TypeError('a unit holds a value that no store takes', { cause }))
    open.delete(n)
  }
  worker.on('message', (message) => {
    batches = message.batches
    for (const answer of message.answers) {
      const waiting = open.get(answer.n)
      open.delete(answer.n)
      if (waiting) settle(waiting, answer)
    }
  })
  worker.on('error', (cause) => lost(new StoreUnusable('the writer of the embedded store stopped', { cause })))
  const ended = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      lost(new StoreUnusable(closing ? 'the embedded store is closed' : 'the writer of the embedded store stopped'))
      resolve()
    })
  })

  function send(job: (n: number) => Job): Promise<number> {
    if (dead) return Promise.reject(dead)
    return new Promise((resolve, reject) => {
      const n = next++
      open.set(n, { resolve, reject })
      if (outgoing.length === 0) {
        queueMicrotask(() => {
          const jobs = outgoing
          outgoing = []
          post(worker, jobs, refuse)
        })
      }
      outgoing.push(job(n))
    })
  }

  return {
    async commit(unit) {
      await send((n) => ({ n, do: 'commit', unit }))
    },
    scrub: async () => (await send((n) => ({ n, do: 'scrub' }))) > 0,
    run: (sql, ...values) => send((n) => ({ n, do: 'sql', sql, values })),
    get batches() {
      return batches
    },
    get dead() {
      return dead
    },
    async close() {
      closing = true
      await Promise.resolve() // jobs of this tick are on their way before the word to close
      worker.postMessage('close')
      await ended
    },
  }
}
