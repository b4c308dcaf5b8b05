/** One thread of the RSA pool: takes keys once, then signs with them until it is ended. Who speaks to it: rsa-pool.ts. */

import { constants, type KeyObject, sign } from 'node:crypto'
import { parentPort } from 'node:worker_threads'

/** What a thread is told. A key travels as a KeyObject, whose memory the threads share; its bytes are not copied about. */
export type RsaOrder =
  | { readonly do: 'keep'; readonly kid: string; readonly key: KeyObject }
  | { readonly do: 'forget'; readonly kid: string }
  | {
      readonly do: 'sign'
      readonly n: number
      readonly kid: string
      readonly alg: 'RS256' | 'PS256'
      readonly data: Uint8Array
    }

/** What it answers to a signature. */
export type RsaAnswer =
  | { readonly n: number; readonly signature: Uint8Array }
  | { readonly n: number; readonly failed: string }

/** RFC 7518, 3.5: the salt of PS256 is as long as its hash. */
const PADDING = {
  RS256: { padding: constants.RSA_PKCS1_PADDING },
  PS256: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
} as const

const keys = new Map<string, KeyObject>()

function answerTo({ n, kid, alg, data }: Extract<RsaOrder, { do: 'sign' }>): RsaAnswer {
  const key = keys.get(kid)
  if (!key) return { n, failed: 'the thread was not given this key' }
  try {
    return { n, signature: sign('sha256', data, { key, ...PADDING[alg] }) }
  } catch (error) {
    return { n, failed: error instanceof Error ? error.message : String(error) }
  }
}

parentPort?.on('message', (order: RsaOrder) => {
  switch (order.do) {
    case 'keep':
      keys.set(order.kid, order.key)
      break
    case 'forget':
      keys.delete(order.kid)
      break
    case 'sign':
      parentPort?.postMessage(answerTo(order))
      break
    default:
      order satisfies never
  }
})
