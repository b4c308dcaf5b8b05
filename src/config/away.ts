/** Own policies of a configuration that was read afresh: they stay in its thread (fresh-worker.ts) and are asked by message. */

import type { Worker } from 'node:worker_threads'
import type { FromWorker, Mark, ToWorker } from './fresh-worker.ts'
import { inWords } from './module.ts'
import type { RotationDecision, RotationFacts, RotationPolicy } from './policy.ts'

/** Calls that the thread has not answered for: more than this and it hangs, so that nothing piles up before it. */
const UNANSWERED_MAX = 1000
const LAST_ANSWERS_MS = 1000

interface Waiting {
  readonly resolve: (said: RotationDecision) => void
  readonly reject: (cause: Error) => void
}

/** The policies of a thread. */
export interface Away {
  /** The policy of a mark, as the engine takes it. Rejects when the function throws or its thread is gone. */
  policy(mark: Extract<Mark, { is: 'own' }>): RotationPolicy
  /** Lets running calls answer (a second at most), then ends the thread. */
  close(): Promise<void>
}

/** With the names and the version of the function that it stands for. */
function dressed(policy: RotationPolicy, { name, policyName, version }: Extract<Mark, { is: 'own' }>): RotationPolicy {
  Object.defineProperty(policy, 'name', { value: name })
  return Object.assign(policy, { policyVersion: version, ...(policyName === undefined ? {} : { policyName }) })
}

/** Takes over a thread that has loaded its module. */
export function createAway(worker: Worker): Away {
  // An answer takes its call out, also where the caller has gone (abort): what is left is what the thread owes.
  const open = new Map<number, Waiting>()
  let calls = 0
  let dead: Error | undefined
  let idle = (): void => {}
  let closing: Promise<void> | undefined

  function lost(cause: Error): void {
    dead ??= cause
    for (const waiting of open.values()) waiting.reject(dead)
    open.clear()
    idle()
  }
  worker.on('message', (message: FromWorker) => {
    if (message.is !== 'answer' && message.is !== 'threw') return
    const waiting = open.get(message.call)
    open.delete(message.call)
    // What it said is parsed by the engine, like every policy's answer.
    if (message.is === 'answer') waiting?.resolve(message.said as RotationDecision)
    else waiting?.reject(new Error(message.words))
    if (open.size === 0) idle()
  })
  worker.on('error', (cause) => lost(new Error(`its thread stopped: ${inWords(cause)}`, { cause })))
  worker.on('exit', () => lost(new Error(closing ? 'its configuration was replaced' : 'its thread ended')))

  // After the listeners: the first of them would hold the process again.
  worker.unref()

  function ask(n: number, facts: RotationFacts, signal: AbortSignal): Promise<RotationDecision> {
    if (dead) return Promise.reject(dead)
    if (open.size >= UNANSWERED_MAX) return Promise.reject(new Error('its thread does not answer'))
    if (signal.aborted) return Promise.reject(new Error(inWords(signal.reason)))
    const call = calls++
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        const words = inWords(signal.reason)
        worker.postMessage({ is: 'abort', call, words } satisfies ToWorker)
        reject(new Error(words))
      }
      const done =
        <T>(settle: (value: T) => void): ((value: T) => void) =>
        (value) => {
          signal.removeEventListener('abort', abort)
          settle(value)
        }
      open.set(call, { resolve: done(resolve), reject: done(reject) })
      signal.addEventListener('abort', abort, { once: true })
      try {
        worker.postMessage({ is: 'call', call, n, facts } satisfies ToWorker)
      } catch (cause) {
        open.get(call)?.reject(new Error(inWords(cause)))
        open.delete(call)
      }
    })
  }

  return {
    policy: (mark) => dressed((facts, signal) => ask(mark.n, facts, signal), mark),
    close() {
      closing ??= (async () => {
        if (open.size > 0) {
          await new Promise<void>((resolve) => {
            idle = resolve
            setTimeout(resolve, LAST_ANSWERS_MS).unref()
          })
        }
        await worker.terminate()
      })()
      return closing
    },
  }
}
