/** One list of every kind: pages and counts across the sources, with one cursor, and never more looked at than a cap that is told. */

import { type Clock, seconds } from '../base/index.ts'
import type { Credential, User } from './credential.ts'
import { cursorOf, placeOf } from './cursor.ts'
import { refuse } from './errors.ts'
import { type Asked, askedAt, canonical, type Filter, filterSchema, type Kind } from './filter.ts'
import type { InventorySource } from './source.ts'

/** Documents that one page, and one count, may look at beyond what their indexes answer by themselves. */
const PAGE_SCAN_MAX = 2000
const COUNT_SCAN_MAX = 6000
const LIMIT_MAX = 200

/** Who used a credential since a moment (Unix seconds); undefined where nobody records that. */
export type UsersOf = (
  credential: Pick<Credential, 'kind' | 'id'>,
  since: number,
) => Promise<readonly User[] | undefined>

const USERS_SECONDS = 30 * 24 * 3600

/** A page. `complete: false`: the cap was reached, so a page may be short or empty although there is more behind its cursor. */
export interface InventoryPage {
  readonly items: readonly Credential[]
  readonly cursor: string | undefined
  readonly complete: boolean
}

/** A count. `complete: false`: at least so many; counting goes on behind the cursor, whose counts are added to these. */
export interface InventoryCount {
  readonly total: number
  readonly byKind: Readonly<Partial<Record<Kind, number>>>
  readonly cursor: string | undefined
  readonly complete: boolean
}

/** What the list uses. */
export interface ListDeps {
  readonly clock: Clock
  readonly sources: readonly InventorySource[]
  readonly usersOf?: UsersOf | undefined
}

/** The list. */
export class InventoryList {
  readonly #deps: ListDeps
  readonly #kinds: readonly string[]

  constructor(deps: ListDeps) {
    this.#deps = deps
    this.#kinds = deps.sources.map(({ kind }) => kind)
  }

  /** A page of what a filter means; at most 200. `users`: with who used each in the last 30 days. Refused: `cursor_unknown`. */
  async list(
    given: Filter,
    page: { readonly limit: number; readonly cursor?: string | undefined; readonly users?: boolean },
  ): Promise<InventoryPage> {
    const limit = Math.max(1, Math.min(page.limit, LIMIT_MAX))
    const items: Credential[] = []
    let scanMax = PAGE_SCAN_MAX
    const cursor = await this.#through(given, { what: 'list', cursor: page.cursor }, async (source, asked, after) => {
      const found = await source.list(asked, { limit: limit - items.length, after, scanMax })
      items.push(...found.items)
      scanMax -= found.scanned
      return { after: found.after, isEnough: items.length >= limit || scanMax <= 0 }
    })
    return {
      items: page.users ? await this.#withUsers(items) : items,
      cursor,
      complete: cursor === undefined || items.length >= limit,
    }
  }

  /** How many there are of each kind. From the indexes alone wherever one knows. Refused: `cursor_unknown`. */
  async count(given: Filter, page: { readonly cursor?: string | undefined } = {}): Promise<InventoryCount> {
    const byKind: Partial<Record<Kind, number>> = {}
    const cursor = await this.#through(given, { what: 'count', cursor: page.cursor }, async (source, asked, after) => {
      const counted = await source.count(asked, { after, scanMax: COUNT_SCAN_MAX })
      byKind[source.kind] = counted.count
      return { after: counted.after, isEnough: counted.after !== undefined }
    })
    return { total: sumOf(byKind), byKind, cursor, complete: cursor === undefined }
  }

  /** Counts to the end, however long that takes: for plans, not for pages. */
  async countAll(filter: Filter): Promise<Pick<InventoryCount, 'total' | 'byKind'>> {
    const byKind: Partial<Record<Kind, number>> = {}
    let cursor: string | undefined
    do {
      const part = await this.count(filter, { cursor })
      for (const { kind } of this.#deps.sources)
        if (part.byKind[kind] !== undefined) byKind[kind] = (byKind[kind] ?? 0) + part.byKind[kind]
      cursor = part.cursor
    } while (cursor !== undefined)
    return { total: sumOf(byKind), byKind }
  }

  /** Goes from source to source until one has more to give, or it is enough; resolves to where to go on. */
  async #through(
    given: Filter,
    asking: { readonly what: 'list' | 'count'; readonly cursor: string | undefined },
    ask: (
      source: InventorySource,
      asked: Asked,
      after: string | undefined,
    ) => Promise<{ readonly after: string | undefined; readonly isEnough: boolean }>,
  ): Promise<string | undefined> {
    const { clock, sources } = this.#deps
    const filter = filterSchema.parse(given)
    const question = `${asking.what} ${canonical(filter)}`
    const now = seconds(clock)
    const from = asking.cursor === undefined ? undefined : placeOf(this.#kinds, question, asking.cursor)
    const asOf = from?.asOf ?? now
    // Durations are counted from the first page's moment; what lives is asked of now.
    const asked = { ...askedAt(filter, asOf), now }
    for (const [at, source] of sources.entries()) {
      if (at < (from?.at ?? 0) || (filter.kind && !filter.kind.includes(source.kind))) continue
      const { after, isEnough } = await ask(source, asked, at === from?.at ? from.after : undefined).catch((cause) => {
        // What no page ended with is the caller's mistake, wherever it shows.
        throw from && cause instanceof TypeError ? refuse('cursor_unknown', {}, cause) : cause
      })
      if (after !== undefined) return cursorOf(this.#kinds, question, { at, after, asOf })
      if (isEnough && at + 1 < sources.length)
        return cursorOf(this.#kinds, question, { at: at + 1, after: undefined, asOf })
    }
    return undefined
  }

  async #withUsers(items: readonly Credential[]): Promise<readonly Credential[]> {
    const { clock, usersOf } = this.#deps
    if (!usersOf) return items
    const since = seconds(clock) - USERS_SECONDS
    return Promise.all(
      items.map(async (one) => {
        const users = await usersOf(one, since)
        // "Nobody" must not be read where nobody looks.
        return users === undefined ? one : { ...one, users }
      }),
    )
  }
}

function sumOf(byKind: InventoryCount['byKind']): number {
  return Object.values(byKind).reduce((sum, n) => sum + n, 0)
}
