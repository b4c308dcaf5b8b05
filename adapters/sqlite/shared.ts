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
import type { Answered } from './writer.ts'

/** A line looks to its end as the thread does. */
interface Events {
  message: [Answered]
  error: [unknown]
  exit: []
}

function lineTo(socket: Socket): Thread {
  const events = new EventEmitter<Events>()
  socket.on(
    'data',
    frameReader((message) => events.emit('message', message as Answered)),
  )
  // Told with the end that follows it: by then the process knows that its owner is gone.
  let failure: Error | undefined
  socket.on('error', (cause) => {
    failure = cause
  })
  socket.on('close', () => {
    if (failure) events.emit('error', failure)
    events.emit('exit')
  })
  return {
    postMessage(message) {
      if (socket.writable) socket.write(frame(message))
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
  const tables = input.collections.map(tableOf)
  const writer = writerAt(lineTo(socket), tables)
  const parts = partsOf({ file: realpathSync(input.file), tables, writer, isAlone: false })
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
