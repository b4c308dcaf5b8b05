/**
 * A connection without a network: node's own HTTP server on one side, with its own parser and its keep-alive, and raw bytes on the
 * other. Which bytes go in is the suite's choice to the letter.
 */

import type { Server } from 'node:http'
import { Duplex } from 'node:stream'

/** An answer as it stood on the wire. */
export interface RawAnswer {
  readonly status: number
  /** Names in lower case, in the order of the wire. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
}

/** What came back for some bytes: all answers, and whether the server then hung up. */
export interface Heard {
  readonly answers: readonly RawAnswer[]
  readonly closed: boolean
}

const HEAD_END = Buffer.from('\r\n\r\n')
const tick = (): Promise<void> => new Promise((done) => setImmediate(done))

/** The bytes of a chunked body, and where it ends; undefined while it is not all there. */
function unchunked(from: Buffer): { readonly body: Buffer; readonly end: number } | undefined {
  const parts: Buffer[] = []
  let at = 0
  for (;;) {
    const line = from.indexOf('\r\n', at)
    if (line < 0) return undefined
    const size = Number.parseInt(from.subarray(at, line).toString('latin1'), 16)
    const next = line + 2 + size + 2
    if (from.length < next) return undefined
    if (size === 0) return { body: Buffer.concat(parts), end: next }
    parts.push(from.subarray(line + 2, line + 2 + size))
    at = next
  }
}

/** The first answer of what has come in, and the rest; undefined while it is not all there. `method`: of its request. */
function parsed(from: Buffer, method: string): { readonly answer: RawAnswer; readonly rest: Buffer } | undefined {
  const head = from.indexOf(HEAD_END)
  if (head < 0) return undefined
  const [first = '', ...lines] = from.subarray(0, head).toString('latin1').split('\r\n')
  const status = Number(first.split(' ')[1])
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  const of = (name: string): string | undefined => headers.find(([one]) => one === name)?.[1]
  const rest = from.subarray(head + HEAD_END.length)
  const none = method === 'HEAD' || status === 204 || status === 304 || status < 200
  if (!none && of('transfer-encoding') === 'chunked') {
    const all = unchunked(rest)
    return all && { answer: { status, headers, body: all.body }, rest: rest.subarray(all.end) }
  }
  const length = none ? 0 : Number(of('content-length') ?? 0)
  if (rest.length < length) return undefined
  return { answer: { status, headers, body: rest.subarray(0, length) }, rest: rest.subarray(length) }
}

/** The server's side of a connection. */
class Socket extends Duplex {
  readonly remoteAddress: string
  readonly #hear: (chunk: Buffer | undefined) => void

  constructor(remoteAddress: string, hear: (chunk: Buffer | undefined) => void) {
    super()
    this.remoteAddress = remoteAddress
    this.#hear = hear
  }
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#hear(chunk)
    done()
  }
  override _final(done: () => void): void {
    this.#hear(undefined)
    done()
  }
  override _destroy(cause: Error | null, done: (cause: Error | null) => void): void {
    this.#hear(undefined)
    done(cause)
  }
}

/** One connection, kept alive for as long as the server does. */
class Connection {
  readonly #socket: Socket
  #come: Buffer = Buffer.alloc(0)
  #answers: RawAnswer[] = []
  #methods: readonly string[] = []
  #then: (() => void) | undefined
  closed = false

  constructor(server: Server, address: string) {
    this.#socket = new Socket(address, (chunk) => this.#hear(chunk))
    this.#socket.on('error', () => {})
    server.emit('connection', this.#socket)
  }

  #hear(chunk: Buffer | undefined): void {
    if (chunk === undefined) this.closed = true
    else this.#come = this.#come.length === 0 ? chunk : Buffer.concat([this.#come, chunk])
    for (;;) {
      const due = this.#answers.filter(({ status }) => status >= 200).length
      const next = parsed(this.#come, this.#methods[due] ?? 'GET')
      if (!next) break
      this.#answers.push(next.answer)
      this.#come = next.rest
    }
    const done = this.#answers.filter(({ status }) => status >= 200).length >= this.#methods.length
    if (done || this.closed) this.#then?.()
  }

  /** Sends bytes that hold requests of these methods. */
  async send(bytes: Buffer, methods: readonly string[]): Promise<Heard> {
    this.#answers = []
    this.#methods = methods
    await new Promise<void>((done) => {
      this.#then = done
      this.#socket.push(bytes)
    })
    // The server decides only now whether the connection stays.
    await tick()
    return { answers: this.#answers, closed: this.closed }
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/** The connections to one server, one for each address that callers come from. */
export class Wires {
  readonly #server: Server
  readonly #open = new Map<string, Connection>()

  constructor(server: Server) {
    this.#server = server
  }

  async send(address: string, bytes: Buffer, methods: readonly string[]): Promise<Heard> {
    const known = this.#open.get(address)
    const connection = known && !known.closed ? known : new Connection(this.#server, address)
    this.#open.set(address, connection)
    const heard = await connection.send(bytes, methods)
    if (heard.closed) this.#open.delete(address)
    return heard
  }

  close(): void {
    for (const connection of this.#open.values()) connection.destroy()
  }
}
