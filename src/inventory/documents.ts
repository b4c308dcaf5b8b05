/**
 * A source over a collection. A question becomes legs: queries of declared indexes that share no document and together find every
 * one that is meant. What an index can't know is checked on the documents that it found, up to a cap that the answer tells.
 */

import { type Doc, type Index, pageAfter, type Store } from '../../adapters/store.ts'
import { type Credential, isMeant } from './credential.ts'
import type { Asked, Kind } from './filter.ts'
import type { Asking, Counted, Found, InventorySource } from './source.ts'

/** One query. `exact`: whatever it finds is meant, so that a count of it needs no document. */
export interface Leg {
  readonly index: Index
  readonly exact: boolean
  /** What an exact leg's index finds although it is not meant. */
  readonly but?: { readonly index: Index; readonly holds: (doc: Doc) => boolean }
}

/** Legs that answer a question, with a name that a cursor keeps: later pages go on with the same. */
export interface Way {
  readonly name: string
  readonly legs: readonly Leg[]
}

/** What a collection says of its credentials. */
export interface DocumentKind {
  readonly kind: Kind
  readonly collection: string
  /** The ways to answer, any of which is right. Empty: nothing of this kind is meant. */
  ways(asked: Asked): readonly Way[] | Promise<readonly Way[]>
  /** Whether it is live and meant, by its clear columns; undefined: only its body can say. */
  judge(doc: Doc, asked: Asked): boolean | undefined
  present(doc: Doc, now: number): Promise<Credential>
}

const BATCH_MAX = 500
/** Ways are compared by counts up to here: beyond it none is a good one. */
const ESTIMATE_MAX = 5000

interface Place {
  readonly way: string
  readonly leg: number
  readonly after: string | undefined
}

const written = ({ way, leg, after }: Place): string => `${way} ${leg} ${after ?? ''}`

function read(text: string | undefined): Place | undefined {
  const found = text === undefined ? null : /^([a-z]+) (\d{1,3}) (.*)$/s.exec(text)
  if (!found) return undefined
  const [, way = '', leg = '0', after = ''] = found
  return { way, leg: Number(leg), after: after === '' ? undefined : after }
}

type Take = (doc: Doc) => Promise<'more' | 'enough'>
type Reads = Pick<Store, 'find' | 'count'>

/** The source. */
export class DocumentSource implements InventorySource {
  readonly kind: Kind
  readonly #store: Reads
  readonly #of: DocumentKind

  constructor(store: Reads, of: DocumentKind) {
    this.kind = of.kind
    this.#store = store
    this.#of = of
  }

  async list(asked: Asked, { limit, after, scanMax }: Asking): Promise<Found> {
    const from = read(after)
    const way = await this.#chosen(asked, from?.way)
    if (!way) return { items: [], after: undefined, scanned: 0 }
    const items: Credential[] = []
    const take: Take = async (doc) => {
      const one = await this.#meant(doc, asked)
      if (one) items.push(one)
      return items.length < limit ? 'more' : 'enough'
    }
    const start = from ?? { way: way.name, leg: 0, after: undefined }
    const { place, scanned } = await this.#walk(way, start, { scanMax, batch: limit, take })
    return { items, after: place && written(place), scanned }
  }

  async count(asked: Asked, { after, scanMax }: Omit<Asking, 'limit'>): Promise<Counted> {
    const from = read(after)
    const way = await this.#chosen(asked, from?.way)
    let [count, left] = [0, scanMax]
    const seen = new Map<string, readonly Doc[]>()
    const take: Take = async (doc) => {
      // Bodies are opened only where the columns don't say.
      if (this.#of.judge(doc, asked) ?? (await this.#meant(doc, asked))) count++
      return 'more'
    }
    for (const [leg, one] of way?.legs.entries() ?? []) {
      if (!way || leg < (from?.leg ?? 0)) continue
      const start = { way: way.name, leg, after: leg === from?.leg ? from.after : undefined }
      const exact = start.after === undefined ? await this.#exactly(one, scanMax, seen) : undefined
      if (exact !== undefined) {
        count += exact
        continue
      }
      const only = { ...way, legs: way.legs.slice(0, leg + 1) }
      const { place, scanned } = await this.#walk(only, start, { scanMax: left, batch: BATCH_MAX, take })
      left -= scanned
      if (place) return { count, after: written(place) }
    }
    return { count, after: undefined }
  }

  async #cost({ legs }: Way): Promise<number> {
    let sum = 0
    for (const { index } of legs) sum += await this.#store.count(this.#of.collection, index, ESTIMATE_MAX)
    return sum
  }

  /** The way that finds least, or the one that a page before went. */
  async #chosen(asked: Asked, name: string | undefined): Promise<Way | undefined> {
    const ways = await this.#of.ways(asked)
    if (name !== undefined) return ways.find((way) => way.name === name)
    if (ways.length < 2) return ways[0]
    const costs = await Promise.all(ways.map((way) => this.#cost(way)))
    return ways[costs.indexOf(Math.min(...costs))]
  }

  async #meant(doc: Doc, asked: Asked): Promise<Credential | undefined> {
    if (this.#of.judge(doc, asked) === false) return undefined
    const one = await this.#of.present(doc, asked.now)
    return isMeant(one, asked) ? one : undefined
  }

  /** Goes through documents from a place on, until `take` has enough, the cap is reached, or there are no more. */
  async #walk(
    way: Way,
    from: Place,
    input: { readonly scanMax: number; readonly batch: number; readonly take: Take },
  ): Promise<{ readonly place: Place | undefined; readonly scanned: number }> {
    let scanned = 0
    let { leg, after } = from
    for (;;) {
      const one = way.legs[leg]
      if (!one) return { place: undefined, scanned }
      const limit = Math.min(input.batch, BATCH_MAX, input.scanMax - scanned)
      if (limit <= 0) return { place: { way: way.name, leg, after }, scanned }
      const page = { limit, ...(after === undefined ? {} : { after }) }
      const docs = await this.#store.find(this.#of.collection, one.index, page)
      for (const doc of docs) {
        scanned++
        after = pageAfter(one.index, doc)
        if ((await input.take(doc)) === 'enough') return { place: { way: way.name, leg, after }, scanned }
      }
      if (docs.length === limit) continue
      leg++
      after = undefined
    }
  }

  /** A leg's count from the index alone; undefined where that can't be had within the cap. `read`: what one count has read already. */
  async #exactly(
    { index, exact, but }: Leg,
    scanMax: number,
    read: Map<string, readonly Doc[]>,
  ): Promise<number | undefined> {
    const { collection } = this.#of
    if (!exact) return undefined
    if (!but) return this.#store.count(collection, index)
    const key = JSON.stringify(but.index)
    const others = read.get(key) ?? (await this.#store.find(collection, but.index, { limit: scanMax }))
    read.set(key, others)
    if (others.length >= scanMax) return undefined
    return (await this.#store.count(collection, index)) - others.filter(but.holds).length
  }
}
