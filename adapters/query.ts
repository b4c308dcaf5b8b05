/** What every store must agree on about queries: which are declared, and what stands in `after`. */

import type { Collection, Doc, Index, IndexField } from './store.ts'

const FIELD = 'fields.'

/** The name of a declared field in an index, or undefined for a column of the envelope. */
export const fieldOf = (name: string): string | undefined =>
  name.startsWith(FIELD) ? name.slice(FIELD.length) : undefined

/** A document's value under an index's field. */
export function fieldValue(doc: Doc, name: IndexField): unknown {
  const field = fieldOf(name)
  return (field === undefined ? Reflect.get(doc, name) : doc.fields[field]) ?? null
}

/** Whether every document has a value there. An index by any other field holds only the documents that have one in its first. */
export const isAlways = (field: IndexField | undefined): boolean => field === 'kind' || field === 'state'

/** Throws TypeError where a declaration limits an index that it does not have, or one that no kind is asked of. */
export function checkOnly({ name, indexes, only = {} }: Pick<Collection, 'name' | 'indexes' | 'only'>): void {
  for (const words of Object.keys(only))
    if (!indexes.some((index) => index.join(' ') === words && index.includes('kind')))
      throw new TypeError(`${name} declares no index by ${words} that could be for some kinds`)
}

/** The declared index that a query is about. Throws TypeError where there is none. */
export function declaredIndex(
  table: Pick<Collection, 'name' | 'indexes' | 'only'>,
  { by, range }: Index,
): readonly IndexField[] {
  const names = Object.keys(by)
  const found = table.indexes.find((index) => {
    const equal = range ? index.slice(0, -1) : index
    return (
      (!range || index.at(-1) === range.field) &&
      equal.length === names.length &&
      equal.every((name) => names.includes(name))
    )
  })
  const [first = 'kind'] = found ?? []
  const kinds = found && table.only?.[found.join(' ')]
  // What an index does not hold would be found by reading everything.
  const isHeld = by.scopes !== null && by[first] !== null && (!kinds || kinds.includes(String(by.kind)))
  if (!found || !isHeld)
    throw new TypeError(`${table.name} declares no index by ${[...names, ...(range ? [range.field] : [])].join(', ')}`)
  return found
}

/** As `declaredIndex`, for revocations: they reach what is equal, and decide by nothing else. */
export function revocableIndex(
  table: Pick<Collection, 'name' | 'indexes' | 'only'>,
  index: Index,
): readonly IndexField[] {
  const found = declaredIndex(table, index)
  if (index.range || found.includes('scopes')) throw new TypeError('a revocation takes no range and no scope')
  return found
}

/** What the next page goes on after. */
export function pageAfter({ range }: Pick<Index, 'range'>, last: Doc): string {
  return range ? `${Number(fieldValue(last, range.field))} ${last.id}` : last.id
}

/** A range and `after` as bounds. Throws TypeError for an `after` that no page of a range ended with. */
export function boundsOf(
  range: NonNullable<Index['range']>,
  after: string | undefined,
): {
  readonly from: number
  readonly below: number
  readonly past?: { readonly value: number; readonly id: string }
} {
  const { from = Number.NEGATIVE_INFINITY, below = Number.POSITIVE_INFINITY } = range
  if (after === undefined) return { from, below }
  const space = after.indexOf(' ')
  const value = space > 0 ? Number(after.slice(0, space)) : Number.NaN
  if (Number.isNaN(value)) throw new TypeError('not the end of a page of a range')
  return value < from ? { from, below } : { from, below, past: { value, id: after.slice(space + 1) } }
}
