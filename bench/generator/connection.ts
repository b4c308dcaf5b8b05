/** One keep-alive connection: a request goes out, its answer comes back. Raw sockets, so that the generator is not what is measured. */

import { connect, type Socket } from 'node:net'
import { type Answer, readAnswer } from './answer.ts'

const READ_BYTES = 64 * 1024
const NOTHING = Buffer.alloc(0)

/** What it tells whoever opened it. */
export interface Listener {
  answered(answer: Answer): void
  /** The connection can't be used any more. */
  failed(cause: Error): void
}

/** A connection to a port of loopback. One request at a time. */
export class Connection {
  readonly #socket: Socket
  readonly #listener: Listener
  #held: Buffer = NOTHING
  #isClosing = false

  constructor(port: number, listener: Listener) {
    this.#listener = listener
    const take = (count: number, buffer: Uint8Array): boolean => {
      this.#take(Buffer.from(buffer.buffer, buffer.byteOffset, count))
      return true
    }
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      // One buffer for the connection's whole life: a read allocates nothing.
      onread: { buffer: Buffer.allocUnsafe(READ_BYTES), callback: take },
    })
    this.#socket.on('error', (cause) => this.#fail(cause))
    this.#socket.on('close', () => this.#fail(new Error('the server closed the connection')))
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  close(): void {
    this.#isClosing = true
    this.#socket.destroy()
  }

  #fail(cause: Error): void {
    if (this.#isClosing) return
    this.close()
    this.#listener.failed(cause)
  }

  #take(chunk: Buffer): void {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    try {
      const read = readAnswer(bytes)
      if (read && read.size < bytes.length) throw new Error('more came than was asked for')
      // The chunk's memory is the next read's: what is kept is a copy.
      this.#held = read ? NOTHING : bytes === chunk ? Buffer.from(chunk) : bytes
      if (read) this.#listener.answered(read.answer)
    } catch (cause) {
      this.#fail(cause instanceof Error ? cause : new Error(String(cause)))
    }
  }
}
