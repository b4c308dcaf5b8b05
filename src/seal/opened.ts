/**
 * Documents that almost every request reads and almost none changes (clients, APIs), or that are asked for again and again (access tokens,
 * Grants): what was opened once is not opened again while the document is the same. It is read from the store every time all the same, so
 * nobody ever sees an old one: the sealed bytes, and the columns that they are bound to, say whether what is held is still what stands there.
 */

import type { Doc } from '../../adapters/store.ts'
import { type Bound, bound } from '../base/index.ts'

interface Held<T> {
  readonly doc: Doc
  readonly value: T
}

const BOUND = Object.keys(bound({ tenant: '', kind: '', id: '' }) satisfies Bound).filter(
  (name): name is keyof Bound => name !== 'scopes',
)

/** Whether the seal would find the same columns: a row whose columns were changed beside its body must be refused, as when it was first opened. */
function isSame(one: Doc, other: Doc): boolean {
  return (
    one.dk === other.dk &&
    one.body !== null &&
    other.body !== null &&
    Buffer.compare(one.body, other.body) === 0 &&
    BOUND.every((name) => one[name] === other[name]) &&
    one.scopes.length === other.scopes.length &&
    one.scopes.every((scope, n) => scope === other.scopes[n])
  )
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) frozen(inner)
  }
  return value
}

/** Remembers up to `entriesMax` of them; what `open` makes is frozen, since everybody gets the same one. */
export class OpenedOnce<T extends object> {
  readonly #open: (doc: Doc) => Promise<T>
  readonly #entriesMax: number
  readonly #held = new Map<string, Held<T>>()

  constructor(input: { readonly entriesMax: number; readonly open: (doc: Doc) => Promise<T> }) {
    this.#open = input.open
    this.#entriesMax = input.entriesMax
  }

  /** What a document seals. Rejects as `open` does. */
  async of(doc: Doc): Promise<T> {
    const held = this.#held.get(doc.id)
    if (held && isSame(held.doc, doc)) return held.value
    const value = frozen(await this.#open(doc))
    if (!doc.body) return value
    this.#held.delete(doc.id)
    this.#held.set(doc.id, { doc, value })
    const [oldest] = this.#held.keys()
    if (this.#held.size > this.#entriesMax && oldest !== undefined) this.#held.delete(oldest)
    return value
  }
}
