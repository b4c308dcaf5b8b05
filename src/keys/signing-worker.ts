/** One thread of the signing pool: takes keys once, then signs with them until it is ended. Who speaks to it: signing-pool.ts. */

import { constants, type KeyObject, sign } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import type { Algorithm } from './signers.ts'

/** The algorithms that take too long to sign in place. */
export type SlowAlgorithm = Extract<Algorithm, `RS${string}` | `PS${string}` | `ML-DSA-${string}`>

/** What a thread is told. A key travels as a KeyObject, whose memory the threads share; its bytes are not copied about. */
export type SigningOrder =
  | { readonly do: 'keep'; readonly kid: string; readonly key: KeyObject }
  | { readonly do: 'forget'; readonly kid: string }
  | {
      readonly do: 'sign'
      readonly n: number
      readonly kid: string
      readonly alg: SlowAlgorithm
      readonly data: Uint8Array
    }

/** What it answers to a signature. */
export type SigningAnswer =
  | { readonly n: number; readonly signature: Uint8Array }
  | { readonly n: number; readonly failed: string }

const keys = new Map<string, KeyObject>()

function signature(alg: SlowAlgorithm, key: KeyObject, data: Uint8Array): Uint8Array {
  switch (alg) {
    case 'RS256':
      return sign('sha256', data, key)
    case 'PS256':
      // The salt is as long as the hash (RFC 7518, 3.5).
      return sign('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 })
    case 'ML-DSA-44':
    case 'ML-DSA-65':
    case 'ML-DSA-87':
      return sign(null, data, key)
    default:
      return alg satisfies never
  }
}

function answerTo({ n, kid, alg, data }: Extract<SigningOrder, { do: 'sign' }>): SigningAnswer {
  const key = keys.get(kid)
  if (!key) return { n, failed: 'the thread was not given this key' }
  try {
    return { n, signature: signature(alg, key, data) }
  } catch (error) {
    return { n, failed: error instanceof Error ? error.message : String(error) }
  }
}

parentPort?.on('message', (order: SigningOrder) => {
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
