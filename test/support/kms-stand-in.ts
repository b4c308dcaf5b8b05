/** A key management service on loopback, with the moods of a real one: slow, rate-limited, away. */

import { constants, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'

/** What the service does to its callers; changed while it runs. */
export interface KmsMood {
  latencyMs: number
  /** Every nth call to a key is refused with a 429. */
  refuseEvery: number
  out: boolean
}

/** A running stand-in. */
export interface KmsStandIn {
  readonly url: string
  readonly token: string
  readonly mood: KmsMood
  /** Calls to keys, how many were refused, and the most that were in work at one time. */
  readonly seen: { readonly calls: number; readonly refused: number; readonly together: number }
  readonly keys: ReadonlyMap<string, unknown>
  close(): Promise<void>
}

type Answer = readonly [status: number, body?: unknown]

function make(keys: Map<string, KeyObject>, algorithm: string): Answer {
  const { publicKey, privateKey } =
    algorithm === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const name = `projects/test/${randomUUID()}`
  keys.set(name, privateKey)
  return [201, { name, publicKey: publicKey.export({ format: 'pem', type: 'spki' }) }]
}

function signed(
  key: KeyObject,
  { algorithm, message }: { readonly algorithm: string; readonly message: string },
): Answer {
  const padding = algorithm === 'PS256' ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : {}
  // DER for ECDSA, as the clouds give it.
  return [200, { signature: sign('sha256', Buffer.from(message, 'base64'), { key, ...padding }).toString('base64') }]
}

async function answerTo(req: IncomingMessage, keys: Map<string, KeyObject>): Promise<Answer> {
  const [, room, name = '', verb] = (req.url ?? '').split('/').map(decodeURIComponent)
  if (room === 'health') return [200, { well: true }]
  const body: { readonly algorithm: string; readonly message: string } = JSON.parse((await text(req)) || '{}')
  if (req.method === 'POST' && name === '') return make(keys, body.algorithm)
  const key = keys.get(name)
  if (!key) return [404, { error: 'no such key' }]
  if (req.method === 'DELETE') return [keys.delete(name) ? 204 : 404]
  return verb === 'sign' ? signed(key, body) : [405]
}

/** Starts one on a free port. */
export async function startKms(): Promise<KmsStandIn> {
  const keys = new Map<string, KeyObject>()
  const mood: KmsMood = { latencyMs: 0, refuseEvery: 0, out: false }
  const seen = { calls: 0, refused: 0, together: 0 }
  const token = randomUUID()
  let inWork = 0

  async function decide(req: IncomingMessage): Promise<Answer> {
    if (req.headers.authorization !== `Bearer ${token}`) return [401]
    if (mood.out) return [503]
    if (req.url !== '/health') seen.calls++
    if (mood.refuseEvery && req.url !== '/health' && seen.calls % mood.refuseEvery === 0) {
      seen.refused++
      return [429]
    }
    await new Promise((done) => setTimeout(done, mood.latencyMs))
    return answerTo(req, keys)
  }
  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    seen.together = Math.max(seen.together, ++inWork)
    const [status, body] = await decide(req)
    inWork--
    res
      .writeHead(status, { 'content-type': 'application/json' })
      .end(body === undefined ? undefined : JSON.stringify(body))
  }
  const server = createServer((req, res) => void serve(req, res))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    token,
    mood,
    seen,
    keys,
    async close() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}
