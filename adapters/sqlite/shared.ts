/**
 * The embedded store in a process that does not own it: reads over a read-only connection of its own, everything that writes over
 * a line to the owner's writer thread. A commit that is answered is in the file, so the next read sees it, in every process.
 */

import { EventEmitter } from 'node:events'
import { realpathSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { type Collection, StoreUnusable } from '../store.ts'
import { frame, frameReader } from './frames.ts'
import { partsOf, type SqliteStore, storeOf } from './index.ts'
import { tableOf } from './schema.ts'
import { type Thread, writerAt } from './thread.ts'
import type { Answer, Answered, Job } from './writer.ts'

/** A line looks to its end as the thread does. */
interface Events {
  message: [Answered]
  error: [unknown]
  exit: []
}

const refusal = (n: number): Answer => ({ n, is: 'failed', name: 'TypeError', message: 'no store takes such a value' })

/**
 * Sends all of one turn of the event loop as one message: requests that came in together are copied at once and wake the writer
 * once. (Measured: copying each job by itself costs the sender twice as much.)
 */
function lineTo(socket: Socket): Thread {
  const events = new EventEmitter<Events>()
  let outgoing: Job[] = []
  let batches = 0
  const send = (message: readonly Job[] | 'close'): void => void (socket.writable && socket.write(frame(message)))

  // What can't be copied is refused by itself, and takes no other job of its turn along.
  function sendEach(jobs: readonly Job[]): void {
    for (const job of jobs) {
      try {
        send([job])
      } catch {
        events.emit('message', { answers: [refusal(job.n)], batches })
      }
    }
  }
  function flush(): void {
    const jobs = outgoing
    outgoing = []
    if (jobs.length === 0) return
    try {
      send(jobs)
    } catch {
      sendEach(jobs)
    }
  }
  const take = frameReader((message) => {
    const answered = message as Answered
    batches = answered.batches
    events.emit('message', answered)
  })
  socket.on('data', take)
  socket.on('error', (cause) => events.emit('error', cause))
  socket.on('close', () => events.emit('exit'))
  return {
    postMessage(message) {
      if (message === 'close') {
        flush()
        return send(message)
      }
      if (outgoing.length === 0) setImmediate(flush)
      outgoing.push(...message)
    },
    on: events.on.bind(events),
  }
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => resolve(socket))
    socket.once('error', (cause) =>
      reject(new StoreUnusable(`the process that owns the embedded store does not answer at ${path}`, { cause })),
    )
  })
}

/**
 * Opens the store whose owner listens on `socket` (`openSqliteStore` with the same one) and declares the same collections.
 * `onLost` is called when the owner is gone without a word: whatever was not answered by then is done or not.
 * Throws `StoreUnusable`, in words for people.
 */
export async function openSharedSqliteStore(input: {
  readonly file: string
  readonly collections: readonly Collection[]
  readonly socket: string
  readonly onLost: () => void
}): Promise<SqliteStore> {
  const socket = await connected(input.socket)
  let closing = false
  socket.on('close', () => {
    if (!closing) input.onLost()
  })
  const writer = writerAt(lineTo(socket))
  const parts = partsOf({ file: realpathSync(input.file), tables: input.collections.map(tableOf), writer })
  const store = storeOf(parts, () => {})
  return {
    ...store,
    get batches() {
      return writer.batches
    },
    async close() {
      closing = true
      await store.close()
    },
  }
}
