/**
 * A few threads for the signatures that take long: RSA a quarter of a millisecond, ML-DSA half a millisecond to several (ES256: 30
 * microseconds). Done in place they would hold up every other request, and in libuv's thread pool (node:crypto's callback form)
 * they would queue behind password hashes that take fifty times as long.
 * No thread starts before the first signature, and idle ones keep no process alive.
 */

import type { KeyObject } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { SignerUnavailable } from './signers.ts'
import type { SigningAnswer, SigningOrder, SlowAlgorithm } from './signing-worker.ts'

/** What is to be signed, and with which key. */
export interface SigningJob {
  readonly kid: string
  readonly key: KeyObject
  readonly alg: SlowAlgorithm
  readonly data: Uint8Array
}

/** The pool as the software signer sees it. */
export interface SigningPool {
  /** The raw signature. Rejects with `SignerUnavailable` when its thread dies or the pool is closed. */
  sign(job: SigningJob): Promise<Uint8Array>
  /** Takes a destroyed key out of the threads' memory. */
  forget(kid: string): void
  /** Ends the threads once what is in flight is signed. */
  close(): Promise<void>
}

interface Waiting {
  readonly resolve: (signature: Uint8Array) => void
  readonly reject: (cause: Error) => void
}

/** A running thread, the keys it holds, and its open jobs by number. */
interface Thread {
  readonly worker: Worker
  readonly kids: Set<string>
  readonly open: Map<number, Waiting>
}

const THREADS_MAX = 4

// The same file is .ts in the repository and .js in the package; each starts its own kind.
function startWorker(): Worker {
  // How the server's own process was started (--eval, --inspect) is not for its threads.
  const options = { execArgv: [] }
  return new Worker(
    new URL(`./signing-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
    options,
  )
}

/** Gives a job to a thread; the thread keeps the process alive as long as it has one. */
function dispatch(thread: Thread, n: number, { kid, key, alg, data }: SigningJob): Promise<Uint8Array> {
  const tell = (order: SigningOrder) => thread.worker.postMessage(order)
  if (!thread.kids.has(kid)) {
    tell({ do: 'keep', kid, key })
    thread.kids.add(kid)
  }
  if (thread.open.size === 0) thread.worker.ref()
  return new Promise((resolve, reject) => {
    thread.open.set(n, { resolve, reject })
    tell({ do: 'sign', n, kid, alg, data })
  })
}

function settle({ worker, open }: Thread, answer: SigningAnswer): void {
  const waiting = open.get(answer.n)
  open.delete(answer.n)
  if (open.size === 0) worker.unref()
  if ('signature' in answer) waiting?.resolve(answer.signature)
  else waiting?.reject(new Error(`a signature failed: ${answer.failed}`))
}

/**
 * Makes a pool of at most `size` threads (default: one less than the processors, 1 to 4).
 * `start` makes a thread; tests watch over it.
 */
export function createSigningPool({
  size = Math.max(1, Math.min(THREADS_MAX, availableParallelism() - 1)),
  start = startWorker,
}: {
  readonly size?: number
  readonly start?: () => Worker
} = {}): SigningPool {
  const threads = new Set<Thread>()
  const inFlight = new Set<Promise<Uint8Array>>()
  let next = 0
  let closing = false

  function add(): Thread {
    const worker = start()
    worker.unref()
    const thread: Thread = { worker, kids: new Set(), open: new Map() }
    // A dead thread leaves at once, so that the next signature starts another in its place.
    const lost = (cause?: Error) => {
      threads.delete(thread)
      const why = new SignerUnavailable('a signing thread stopped; try again', cause && { cause })
      for (const waiting of thread.open.values()) waiting.reject(why)
      thread.open.clear()
    }
    worker.on('message', (answer: SigningAnswer) => settle(thread, answer))
    worker.on('error', lost)
    worker.on('exit', () => lost())
    threads.add(thread)
    return thread
  }

  function leastBusy(): Thread {
    let best: Thread | undefined
    for (const thread of threads) if (!best || thread.open.size < best.open.size) best = thread
    const another = threads.size < size && (best?.open.size ?? 1) > 0
    return best && !another ? best : add()
  }

  return {
    async sign(job) {
      if (closing) throw new SignerUnavailable('the signer is closed')
      const signature = dispatch(leastBusy(), next++, job)
      inFlight.add(signature)
      return signature.finally(() => inFlight.delete(signature))
    },
    forget(kid) {
      for (const { worker, kids } of threads) {
        const order: SigningOrder = { do: 'forget', kid }
        if (kids.delete(kid)) worker.postMessage(order)
      }
    },
    async close() {
      closing = true
      await Promise.allSettled(inFlight)
      await Promise.all([...threads].map(({ worker }) => worker.terminate()))
    },
  }
}
