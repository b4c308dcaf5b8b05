/**
 * A signer for a cloud's key management service: `createKmsSigners({ url, token })`. Its keys never leave the service; each signature
 * is a call over the network that may be slow, refused for its rate, or lost. docs/signers.md walks through it.
 *
 * The service spoken to here has four calls, as most have: POST /keys, POST /keys/NAME/sign, DELETE /keys/NAME, GET /health.
 * Change `ask`'s callers for yours; the rest (concurrency, budget, retries, DER) is what every remote signer needs.
 */

import { createPublicKey } from 'node:crypto'
import { type Algorithm, type KeptKey, type Signers, SignerUnavailable } from '../src/index.ts'

export interface KmsSettings {
  readonly url: string
  /** A bearer token for the service. */
  readonly token: string
  /** Calls at the same time (default 8): the service counts them, and so should we. */
  readonly concurrency?: number
  /** Milliseconds for a call, with its retries and its wait for a turn (default 1000). */
  readonly budgetMs?: number
}

const ALGORITHMS: readonly Algorithm[] = ['ES256', 'RS256', 'PS256']
const FIRST_PAUSE_MS = 25
/** What a service says when it will be well again by itself. */
const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504])
/** Making an RSA key takes a service seconds. */
const MAKE_BUDGETS = 20

interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/** Turns, first come first served; whoever's budget ends while waiting leaves the queue. */
/** Retry-After in milliseconds: seconds or a date (RFC 9110, 10.2.3). */
function waitOf(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isFinite(ms) && ms > 0 ? ms : 0
}

function turns(count: number) {
  const queue: (() => void)[] = []
  let free = count
  return async function inTurn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (free > 0) free--
    else {
      await new Promise<void>((go, leave) => {
        const onAbort = () => {
          queue.splice(queue.indexOf(turn), 1)
          leave(signal.reason)
        }
        const turn = () => {
          signal.removeEventListener('abort', onAbort)
          go()
        }
        queue.push(turn)
        signal.addEventListener('abort', onAbort, { once: true })
      })
    }
    try {
      return await work()
    } finally {
      const next = queue.shift()
      if (next) next()
      else free++
    }
  }
}

/** Waits `ms`; rejects when the budget ends first. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done, fail) => {
    const timer = setTimeout(done, ms)
    const onAbort = () => {
      clearTimeout(timer)
      fail(signal.reason)
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** One integer of an ECDSA signature in DER, as 32 bytes: without the sign byte, with the zeros that DER leaves out. */
function integerAt(der: Uint8Array, at: number): { readonly bytes: Uint8Array; readonly end: number } {
  const length = der[at + 1] ?? 0
  const end = at + 2 + length
  const value = Buffer.from(der.subarray(at + 2, end))
  const bare = value.subarray(Math.max(0, value.length - 32))
  if (der[at] !== 0x02 || end > der.length || value.length > 33)
    throw new SignerUnavailable('the KMS gave no ECDSA signature')
  return { bytes: Buffer.concat([Buffer.alloc(32 - bare.length), bare]), end }
}

/** `SEQUENCE { r INTEGER, s INTEGER }` as `r || s` (RFC 7518, 3.4). For P-256, whose lengths fit a byte. */
export function rawFromDer(der: Uint8Array): Uint8Array {
  const r = integerAt(der, 2)
  const s = integerAt(der, r.end)
  return Buffer.concat([r.bytes, s.bytes])
}

/** What speaks to the service: in turn, within the budget, again where it is worth it. */
function createCaller({ url, token, concurrency = 8, budgetMs = 1000 }: KmsSettings) {
  const inTurn = turns(concurrency)

  async function once({ method, path, body, signal }: Call): Promise<Response> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answer = await fetch(`${url}${path}`, {
      method,
      headers,
      signal,
      ...(body && { body: JSON.stringify(body) }),
    })
    // Read at once, so that the connection is free for the next call.
    return new Response(answer.status === 204 ? null : await answer.arrayBuffer(), {
      status: answer.status,
      headers: answer.headers,
    })
  }

  async function persist(call: Call): Promise<Response> {
    for (let ms = FIRST_PAUSE_MS; ; ms *= 2) {
      // A broken connection is as passing as a 503. A signature changes nothing there, so that it may be asked for twice;
      // a key that is made twice leaves one that nobody knows, which costs its price and opens nothing.
      const answer = await once(call).catch((cause) => {
        if (call.signal.aborted) throw cause
      })
      if (answer && !PASSING.has(answer.status)) return answer
      const asked = waitOf(answer?.headers.get('retry-after') ?? '')
      // Chance keeps a fleet of servers from coming back all at once.
      await pause(Math.max(asked, ms * (0.5 + Math.random())), call.signal)
    }
  }

  return async function ask(call: Omit<Call, 'signal'>, budgets = 1): Promise<Response> {
    const signal = AbortSignal.timeout(budgetMs * budgets)
    const answer = await inTurn(signal, () => persist({ ...call, signal })).catch((cause) => {
      throw new SignerUnavailable(`the KMS did not answer within ${budgetMs * budgets} ms`, { cause })
    })
    if (answer.ok || answer.status === 404) return answer
    throw new SignerUnavailable(`the KMS refused (${answer.status})`)
  }
}

const nameOf = ({ secret }: KeptKey): string => Buffer.from(secret).toString('utf8')

async function textAt(answer: Response, field: string): Promise<string> {
  const body: unknown = answer.ok ? await answer.json() : undefined
  const value =
    typeof body === 'object' && body !== null ? Object.entries(body).find(([name]) => name === field)?.[1] : undefined
  if (typeof value !== 'string') throw new SignerUnavailable(`the KMS has no such key, or its answer has no ${field}`)
  return value
}

/** The signer. What the store keeps of a key is its name in the service, which opens nothing without `token`. */
export function createKmsSigners(settings: KmsSettings): Signers {
  const ask = createCaller(settings)
  return {
    name: 'kms',
    algorithms: ALGORITHMS,
    async make(alg) {
      const answer = await ask({ method: 'POST', path: '/keys', body: { algorithm: alg } }, MAKE_BUDGETS)
      const [name, pem] = [await textAt(answer.clone(), 'name'), await textAt(answer, 'publicKey')]
      return { publicJwk: createPublicKey(pem).export({ format: 'jwk' }), secret: Buffer.from(name) }
    },
    async open(key) {
      const path = `/keys/${encodeURIComponent(nameOf(key))}/sign`
      return async (data) => {
        const body = { algorithm: key.alg, message: Buffer.from(data).toString('base64') }
        const signature = Buffer.from(await textAt(await ask({ method: 'POST', path, body }), 'signature'), 'base64')
        return key.alg === 'ES256' ? rawFromDer(signature) : signature
      }
    },
    async destroy(key) {
      await ask({ method: 'DELETE', path: `/keys/${encodeURIComponent(nameOf(key))}` })
    },
    async ready() {
      await ask({ method: 'GET', path: '/health' })
    },
    // Nothing is held: a call in flight ends by its budget.
    async close() {},
  }
}
