/** The servers of a lane: one serves, the next has loaded its code already and waits, since a start is most of what a kill costs. */

import { type ChildProcess, spawn } from 'node:child_process'
import { request } from 'node:http'
import { join, resolve } from 'node:path'
import { freePort } from '../../support/process.ts'
import { OUTPUT, type StoreKind } from '../../support/world.ts'
import type { Doom, Said, Told } from './doom.ts'

const at = (name: string): string => resolve(import.meta.dirname, name)

/** What an answer was. */
export interface Answered {
  readonly status: number
  readonly isReplayed: boolean
  readonly text: string
  readonly body: Readonly<Record<string, unknown>>
}

/** How it is asked. */
export interface Asking {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly as?: string
  readonly key?: string
  /** JSON. */
  readonly body?: unknown
  readonly form?: Readonly<Record<string, string>>
  /** `id:secret`. */
  readonly basic?: string
}

function headersOf({ as, basic, key, body }: Asking, sent: string): Readonly<Record<string, string | number>> {
  const type = body === undefined ? 'application/x-www-form-urlencoded' : 'application/json'
  return {
    ...(as === undefined ? {} : { authorization: `Bearer ${as}` }),
    ...(basic === undefined ? {} : { authorization: `Basic ${Buffer.from(basic).toString('base64')}` }),
    ...(key === undefined ? {} : { 'idempotency-key': key }),
    ...(sent === '' ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(sent) }),
  }
}

/** Asks over a connection of its own: one that is kept could be the dead server's. Resolves to undefined where there was no answer. */
function ask(port: number, asking: Asking): Promise<Answered | undefined> {
  const { method, path, body, form } = asking
  const sent = body === undefined ? new URLSearchParams(form).toString() : JSON.stringify(body)
  const headers = headersOf(asking, sent)
  return new Promise((done) => {
    const asked = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (answer) => {
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => parts.push(part))
      answer.once('error', () => done(undefined))
      answer.once('end', () => {
        const text = Buffer.concat(parts).toString()
        const isReplayed = answer.headers['idempotency-replayed'] === 'true'
        done({ status: answer.statusCode ?? 0, isReplayed, text, body: text === '' ? {} : JSON.parse(text) })
      })
    })
    asked.once('error', () => done(undefined))
    asked.end(sent)
  })
}

class Server {
  readonly #child: ChildProcess
  readonly ended: Promise<NodeJS.Signals | number | null>
  #errors = ''

  constructor(kind: StoreKind) {
    const { PATH = '', HOME = '' } = process.env
    this.#child = spawn(process.execPath, ['--import', at('writer.ts'), at('server.ts'), kind], {
      env: { PATH, HOME, NODE_COMPILE_CACHE: join(OUTPUT, 'compiled') },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString()
    })
    this.ended = new Promise((done) => this.#child.once('exit', (code, signal) => done(signal ?? code)))
  }

  /** Tells it something, and waits for its answer. */
  async tell(told: Told): Promise<Said> {
    const said = new Promise<Said>((done) => this.#child.once('message', (message: Said) => done(message)))
    this.#child.send(told)
    const end = this.ended.then((how) => {
      throw new Error(`a server ended with ${how}: ${this.#errors}`)
    })
    return Promise.race([said, end])
  }

  kill(): Promise<unknown> {
    this.#child.kill('SIGKILL')
    return this.ended
  }
}

/** Where the servers of a lane are. */
export interface Address {
  readonly port: number
  readonly issuer: string
}

/** A free address. */
export async function freeAddress(): Promise<Address> {
  const port = await freePort()
  return { port, issuer: `http://localhost:${port}` }
}

/** The lives of a lane: servers one after the other on one store and port. */
export class Lives {
  readonly #address: Address
  readonly #kind: StoreKind
  readonly #place: string
  #next: Server
  #now: Server | undefined
  count = 0

  constructor(kind: StoreKind, place: string, address: Address) {
    this.#kind = kind
    this.#place = place
    this.#address = address
    this.#next = new Server(kind)
  }

  /** The next server opens the store, and another gets ready. */
  async begin(): Promise<void> {
    this.count++
    this.#now = this.#next
    await this.#now.tell({ do: 'open', place: this.#place, ...this.#address })
    this.#next = new Server(this.#kind)
  }

  doom(doom: Doom): Promise<Said> {
    return this.#living().tell({ do: 'doom', doom })
  }

  counted(): Promise<Said> {
    return this.#living().tell({ do: 'count' })
  }

  /** How the server ended: resolves once it has. */
  ended(): Promise<NodeJS.Signals | number | null> {
    return this.#living().ended
  }

  async kill(): Promise<void> {
    await this.#living().kill()
  }

  readonly ask = (asking: Asking): Promise<Answered | undefined> => ask(this.#address.port, asking)

  async end(): Promise<void> {
    await Promise.all([this.#now?.kill(), this.#next.kill()])
  }

  #living(): Server {
    if (!this.#now) throw new Error('no server was begun')
    return this.#now
  }
}
