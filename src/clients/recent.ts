/**
 * What almost every request reads and almost none changes, read again only when the store says that something was committed since. Where it
 * can't say (MongoDB), it is read every time: nobody ever sees an old one.
 */

interface Held<T> {
  readonly version: number
  readonly value: T
}

/** Keeps up to `keptMax` values by key. */
export class Recent<T extends object> {
  readonly #version: () => number | undefined
  readonly #keptMax: number
  readonly #held = new Map<string, Held<T>>()

  constructor(input: { readonly version: () => number | undefined; readonly keptMax: number }) {
    this.#version = input.version
    this.#keptMax = input.keptMax
  }

  /** The value of a key; `load` reads it. What is not there is not kept. */
  async of(key: string, load: () => Promise<T | undefined>): Promise<T | undefined> {
    // Before the read: a commit beside it makes what was read newer than its number, never older.
    const version = this.#version()
    const known = this.#held.get(key)
    if (known && known.version === version) return known.value
    const value = await load()
    if (version === undefined || value === undefined) return value
    if (!known && this.#held.size >= this.#keptMax) this.#held.clear()
    this.#held.set(key, { version, value })
    return value
  }
}
