/** The other end of the writer thread: sends jobs, several in one message where they come in one tick, and settles their promises. */

import { Worker } from 'node:worker_threads'
import { Conflict, type Scalar, StoreUnusable, type Writes } from '../store.ts'
import { beginJob, endJob, JOB, putUnit } from './jobs.ts'
import { type Packet, PacketWriter } from './packet.ts'
import type { Table } from './schema.ts'
import type { Answered, Failed, Setup } from './writer.ts'

interface Waiting {
  readonly resolve: (changes: number) => void
  readonly reject: (cause: Error) => void
}

/** The writer as the store sees it. */
export interface Writer {
  /** Rejects with TypeError what no declaration names or no store takes; whatever else comes in that turn goes on. */
  commit(unit: Writes): Promise<void>
  /** Runs one small statement of the store's own; resolves to the number of changed rows, after COMMIT. */
  run(sql: string, ...values: readonly Scalar[]): Promise<number>
  /** Empties the write-ahead log and writes the file anew; resolves to whether something was in the way. */
  scrub(): Promise<boolean>
  /** Transactions so far: fewer than commits, when commits travel in groups. */
  readonly batches: number
  /** Calls back before the answers of each transaction are told. */
  onAnswer(listener: () => void): void
  /** Why the thread is gone, if it is. */
  readonly dead: Error | undefined
  close(): Promise<void>
}

function errorOf(failed: Failed): Error {
  switch (failed.is) {
    case 'conflict':
      return new Conflict(failed.kind, failed.collection, failed.id)
    case 'failed':
      return failed.name === 'TypeError'
        ? new TypeError(failed.message)
        : new Error(`the embedded store: ${failed.message}`)
    default:
      return failed satisfies never
  }
}

/** What a commit leaves lies about for a millisecond: V8 would give the thread a nursery of 64 MiB for it, and keep it. */
const YOUNG_MB = 8

/** Starts the writer on a database whose tables stand. */
export function startWriter(setup: Setup): Writer {
  // The same file is .ts in the repository and .js in the package; each starts its own kind.
  const url = new URL(`./writer${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
  return writerAt(
    new Worker(url, { workerData: setup, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } }),
    setup.tables,
  )
}

/** What this end sees of the writer: the thread, or a line to another process's. */
export interface Thread {
  postMessage(message: Packet | 'close', handedOver?: readonly ArrayBuffer[]): void
  on(event: 'message', listener: (message: Answered) => void): unknown
  on(event: 'error', listener: (cause: unknown) => void): unknown
  on(event: 'exit', listener: () => void): unknown
}

/** Jobs whose answer has not come. */
class Open {
  readonly #waiting = new Map<number, Waiting>()
  #next = 0
  batches = 0
  dead: Error | undefined

  add(waiting: Waiting): number {
    this.#waiting.set(this.#next, waiting)
    return this.#next++
  }

  take(n: number): Waiting | undefined {
    const waiting = this.#waiting.get(n)
    this.#waiting.delete(n)
    return waiting
  }

  answered({ done, failed, batches }: Answered): void {
    this.batches = batches
    for (let at = 0; at < done.length; at += 2) this.take(done[at] ?? -1)?.resolve(done[at + 1] ?? 0)
    for (const one of failed) this.take(one.n)?.reject(errorOf(one))
  }

  lost(cause: Error): void {
    this.dead ??= cause
    for (const waiting of this.#waiting.values()) waiting.reject(this.dead)
    this.#waiting.clear()
  }
}

/** The writer behind a thread or a line that has just been opened. `tables` are those that it was started with. */
export function writerAt(worker: Thread, tables: readonly Table[]): Writer {
  const byName = new Map(tables.map((table) => [table.name, table]))
  const open = new Open()
  const packet = new PacketWriter()
  let closing = false
  let answering = (): void => {}
  worker.on('message', (message) => {
    answering()
    open.answered(message)
  })
  worker.on('error', (cause) => open.lost(new StoreUnusable('the writer of the embedded store stopped', { cause })))
  const ended = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      open.lost(
        new StoreUnusable(closing ? 'the embedded store is closed' : 'the writer of the embedded store stopped'),
      )
      resolve()
    })
  })

  function flush(): void {
    if (packet.isEmpty) return
    const whole = packet.take()
    worker.postMessage(whole, [whole.bytes.buffer])
  }

  function send(what: (typeof JOB)[keyof typeof JOB], put: () => void): Promise<number> {
    if (open.dead) return Promise.reject(open.dead)
    return new Promise((resolve, reject) => {
      const before = packet.mark()
      // All of one turn of the event loop in one message: requests that came in together wake the writer once.
      if (packet.isEmpty) setImmediate(flush)
      const n = open.add({ resolve, reject })
      try {
        const place = beginJob(packet, n, what)
        put()
        endJob(packet, place)
      } catch (cause) {
        packet.back(before)
        open.take(n)
        reject(cause)
      }
    })
  }

  return {
    async commit(unit) {
      await send(JOB.commit, () => putUnit(packet, byName, unit))
    },
    scrub: async () => (await send(JOB.scrub, () => {})) > 0,
    run: (sql, ...values) =>
      send(JOB.sql, () => {
        packet.put(sql)
        packet.put(values.length)
        for (const value of values) packet.put(value)
      }),
    get batches() {
      return open.batches
    },
    onAnswer(listener) {
      answering = listener
    },
    get dead() {
      return open.dead
    },
    async close() {
      closing = true
      flush()
      worker.postMessage('close')
      await ended
    },
  }
}
