/** The desk between rivals and the store: every store call waits here until the history lets it through, one at a time. */

import { AsyncLocalStorage } from 'node:async_hooks'
import type { Store } from '../../../adapters/store.ts'

interface Waiting {
  readonly rival: number
  readonly run: () => Promise<unknown>
  readonly answer: (value: unknown) => void
  readonly fail: (cause: unknown) => void
}

/** A rival may wait for another one's store call (a key that both need): then the desk goes on after this many milliseconds. */
const PATIENCE_MS = 40

const never = <T>(): Promise<T> => new Promise<T>(() => {})

/** Orders the store calls of one history. */
export class Desk {
  readonly whoAsks = new AsyncLocalStorage<number>()
  #waiting: Waiting[] = []
  #busy = new Set<number>()
  #settled: (() => void) | undefined
  #open = true
  /** Raised by a crash: calls of a generation that is gone are never answered. */
  #generation = 0

  /** The store of the current generation as rivals see it. Calls outside any rival go straight through. */
  wrap(store: Store): Store {
    const generation = this.#generation
    // No history changes a client: reading one commutes with everything, and its orders would be the same history many times.
    const gate = <T>(run: () => Promise<T>, orders = true): Promise<T> => {
      if (generation !== this.#generation) return never<T>()
      const rival = this.whoAsks.getStore()
      return this.#open || rival === undefined || !orders ? run() : this.#enter(rival, run)
    }
    return {
      ...store,
      get: (collection, id) => gate(() => store.get(collection, id), collection !== 'clients'),
      find: (collection, by, page) => gate(() => store.find(collection, by, page)),
      count: (...asking) => gate(() => store.count(...asking)),
      commit: (unit) => gate(() => store.commit(unit)),
    }
  }

  #enter<T>(rival: number, run: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ rival, run, answer: (value) => resolve(value as T), fail: reject })
      this.#look()
    })
  }

  #quiet(): boolean {
    return [...this.#busy].every((rival) => this.#waiting.some((one) => one.rival === rival))
  }

  #look(): void {
    if (this.#settled && this.#quiet()) this.#settled()
  }

  async #settle(): Promise<void> {
    if (this.#quiet()) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((done) => {
      this.#settled = done
      timer = setTimeout(done, PATIENCE_MS)
    })
    this.#settled = undefined
    clearTimeout(timer)
  }

  /**
   * Runs rivals to their end, or to the crash. `order` picks whose call is next; past its end the first in line is.
   * Resolves to whether the process died: then nobody who still waited has heard anything.
   */
  async play(
    rivals: readonly (() => Promise<void>)[],
    input: {
      readonly order: readonly number[]
      readonly crash: { readonly step: number; readonly applied: boolean } | null
    },
  ): Promise<boolean> {
    this.#open = false
    this.#busy = new Set(rivals.keys())
    const ends = rivals.map((rival, n) =>
      this.whoAsks.run(n, rival).finally(() => {
        this.#busy.delete(n)
        this.#look()
      }),
    )
    for (let step = 0; ; step++) {
      await this.#settle()
      if (this.#waiting.length === 0 && this.#busy.size === 0) break
      const [next] = this.#waiting.splice((input.order[step] ?? 0) % Math.max(1, this.#waiting.length), 1)
      if (!next) continue
      if (input.crash?.step === step) {
        if (input.crash.applied) await next.run().catch(() => {})
        this.#die()
        return true
      }
      await next.run().then(next.answer, next.fail)
    }
    this.#open = true
    await Promise.all(ends)
    return false
  }

  #die(): void {
    this.#generation++
    this.#waiting = []
    this.#busy = new Set()
    this.#open = true
  }
}
