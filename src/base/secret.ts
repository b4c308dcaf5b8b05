/** Secrets are a type: whatever prints, logs or serialises one shows only that it is one. */

import { inspect } from 'node:util'

const HIDDEN = '[secret]'

/** A text that opens something. Read it with `reveal`, next to the place that needs it. */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** The text itself, for sealing, hashing or the one response that shows it. */
  reveal(): string {
    return this.#text
  }

  toString(): string {
    return HIDDEN
  }

  toJSON(): string {
    return HIDDEN
  }

  [inspect.custom](): string {
    return HIDDEN
  }
}
