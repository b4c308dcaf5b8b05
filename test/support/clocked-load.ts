/**
 * The load of a key change, in a process of its own on its parent's clock: clients that ask for tokens, JWKS fetches, and two
 * kinds of verifiers: jose's remote set, and one that caches for ten minutes and asks for no kid that it does not know.
 */

import './clock.ts'
import { createLocalJWKSet, createRemoteJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'

/** What the load needs to know, in the environment as JSON. */
interface Order {
  readonly nodes: readonly string[]
  readonly issuer: string
  readonly client: readonly [id: string, secret: string]
}

/** What the load has seen. */
export interface Seen {
  readonly requests: number
  readonly verifications: number
  readonly failures: readonly string[]
  /** Each kid that signed, in the order of first sight. */
  readonly kids: readonly string[]
}

const CACHE_MS = 600_000
const PAUSE_MS = 8
const order: Order = JSON.parse(process.env.ORDER ?? '')
const failures: string[] = []
const kids = new Set<string>()
let requests = 0
let verifications = 0
let stopped = false

type Verify = (jwt: string) => Promise<unknown>
const expected = { issuer: order.issuer, typ: 'at+jwt' }

function remote(node: string): Verify {
  const set = createRemoteJWKSet(new URL('/jwks', node))
  return (jwt) => jwtVerify(jwt, set, expected)
}

function caching(node: string): Verify {
  let held: { readonly set: JSONWebKeySet; readonly at: number } | undefined
  return async (jwt) => {
    if (!held || Date.now() - held.at > CACHE_MS) held = { set: await jwks(node), at: Date.now() }
    return jwtVerify(jwt, createLocalJWKSet(held.set), expected)
  }
}

async function jwks(node: string): Promise<JSONWebKeySet> {
  const answer = await fetch(new URL('/jwks', node))
  requests++
  if (answer.status !== 200) throw new Error(`/jwks answered ${answer.status}`)
  return JSON.parse(await answer.text())
}

async function token(node: string): Promise<string> {
  const answer = await fetch(new URL('/token', node), {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'read' }),
    headers: { authorization: `Basic ${Buffer.from(order.client.join(':')).toString('base64')}` },
  })
  requests++
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`/token answered ${answer.status} ${text}`)
  const body: { readonly access_token: string } = JSON.parse(text)
  return body.access_token
}

async function attempt(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    failures.push(`${new Date().toISOString()} ${what}: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

async function client(n: number): Promise<void> {
  const node = order.nodes[n % order.nodes.length] ?? ''
  const verifiers = order.nodes.flatMap((from) => [remote(from), caching(from)])
  while (!stopped) {
    await attempt('token', async () => {
      const jwt = await token(node)
      kids.add(String(decodeProtectedHeader(jwt).kid))
      for (const verify of verifiers)
        await attempt(`verification of ${decodeProtectedHeader(jwt).kid}`, async () => {
          verifications++
          await verify(jwt)
        })
    })
    await attempt('jwks', async () => void (await jwks(node)))
    await new Promise((next) => setTimeout(next, PAUSE_MS))
  }
}

process.on('message', (message) => {
  if (message === 'stop') stopped = true
  if (message === 'say') process.send?.({ requests, verifications, failures, kids: [...kids] } satisfies Seen)
})
await Promise.all(order.nodes.map((_, n) => client(n)))
process.send?.({ requests, verifications, failures, kids: [...kids] } satisfies Seen)
process.disconnect()
