/** What was read a moment ago: bounded in number and in age, and whoever asks for the same at once shares one read. */

import type { Clock } from '../base/index.ts'

interface Entry<T> {
  /** When its read began: the age counts from there, or a slow read would live longer than is said. */
  readonly at: number
  readonly value: Promise<T | undefined>
}

/** Bounds of a cache. `msMax` 0: everything is read. */
export interface FreshOptions {
  readonly msMax: number
  readonly entriesMax: number
}

/** A cache by key. What is not there is never kept: it may come into being at any moment, and junk must not push out what is used. */
export class Fresh<T> {
  readonly #clock: Clock
  readonly #options: FreshOptions
  readonly #entries = new Map<string, Entry<T>>()

  constructor(clock: Clock, options: FreshOptions) {
    this.#clock = clock
    this.#options = options
  }

  /** The value of a key, read by `load` where none is fresh. A failed read is told to all who shared it, and not kept. */
  get(key: string, load: () => Promise<T | undefined>): Promise<T | undefined> {
    const now = this.#clock.now()
    const known = this.#entries.get(key)
    // A clock that was set back makes an entry of the future: it is read again.
    if (known && now >= known.at && now - known.at < this.#options.msMax) return known.value
    return this.#keep(key, now, load())
  }

  /** Reads now, whatever is known, and keeps that. */
  renew(key: string, load: () => Promise<T | undefined>): Promise<T | undefined> {
    return this.#keep(key, this.#clock.now(), load())
  }

  /** The next one reads. A read that is under way answers those who asked before, and nobody else: it is not kept when it ends. */
  forget(key: string): void {
    this.#entries.delete(key)
  }

  /** The same for every key. */
  clear(): void {
    this.#entries.clear()
  }

  get size(): number {
    return this.#entries.size
  }

  #keep(key: string, at: number, value: Promise<T | undefined>): Promise<T | undefined> {
    if (this.#options.msMax <= 0) return value
    const entry = { at, value }
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    const drop = (): void => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key)
    }
    value.then((found) => {
      if (found === undefined) drop()
    }, drop)
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#options.entriesMax) break
      this.#entries.delete(oldest)
    }
    return value
  }
}
