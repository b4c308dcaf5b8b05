/**
 * Numbered events at rest: a page is one document with the entries of a batch, sealed as they were. A document for each would cost
 * as much as the token that it tells of.
 */

import type { Doc, NewDoc, OutboxEvent, Scalar } from '../../adapters/store.ts'
import { bound, newDoc } from '../base/index.ts'
import type { Seal } from './index.ts'
import { resealEvent, typesOf } from './outbox.ts'
import type { Resealer } from './renew.ts'

/** An entry with the number of its first event; the others follow it. */
export interface Numbered {
  readonly seq: number
  readonly entry: OutboxEvent
}

/** In clear: id, types, tenant, time, key (its place among the keys) and length of each entry. */
interface Contents {
  readonly keys: readonly string[]
  readonly entries: readonly (readonly [string, string, string, number, number, number])[]
}

function packed(entries: readonly OutboxEvent[]): { readonly body: Uint8Array; readonly contents: string } {
  const keys = [...new Set(entries.map(({ dk }) => dk))]
  const contents: Contents = {
    keys,
    entries: entries.map(({ id, type, tenant, at, dk, body }) => [id, type, tenant, at, keys.indexOf(dk), body.length]),
  }
  return { body: Buffer.concat(entries.map(({ body }) => body)), contents: JSON.stringify(contents) }
}

/** How many events entries hold. */
export const countOf = (entries: readonly OutboxEvent[]): number =>
  entries.reduce((sum, entry) => sum + typesOf(entry).length, 0)

/** A page whose first event is number `first`; `before` is that of the page before, 0 where there is none. */
export function pageOf(
  entries: readonly OutboxEvent[],
  input: {
    readonly id: string
    readonly tenant: string
    readonly first: number
    readonly before: number
    readonly purgeAt: number
  },
): NewDoc {
  const { id, tenant, first, before, purgeAt } = input
  const { body, contents } = packed(entries)
  const fields = { first, before, contents }
  return newDoc(bound({ tenant, kind: 'page', id }), { hk: '', body, purgeAt, fields })
}

/** What stands in a page. It was made by `packed`: this text was Contents. */
const contentsOf = (contents: Scalar | undefined): Contents =>
  typeof contents === 'string' ? (JSON.parse(contents) as Contents) : { keys: [], entries: [] }

/** The entries of a page with their numbers. */
export function numberedOf({ body, fields }: Pick<Doc, 'body' | 'fields'>): readonly Numbered[] {
  const { keys, entries } = contentsOf(fields.contents)
  let seq = Number(fields.first)
  let from = 0
  return entries.map(([id, type, tenant, at, key, length]) => {
    const entry = {
      id,
      type,
      tenant,
      at,
      dk: keys[key] ?? '',
      body: (body ?? new Uint8Array()).subarray(from, from + length),
    }
    const numbered = { seq, entry }
    seq += typesOf(entry).length
    from += length
    return numbered
  })
}

/** Events are sealed before they have a number: under the columns that the outbox gave them. */
export function eventResealer(seal: Seal): Resealer {
  /** A document of before: one event. */
  async function one({ tenant, dk, body, fields }: Doc) {
    if (!body) return { dk: '' }
    return resealEvent(seal, { id: String(fields.event), type: String(fields.type), tenant, dk, body })
  }
  return {
    names: ({ kind, dk, fields }) => (kind === 'page' ? contentsOf(fields.contents).keys : [dk]),
    async reseal(doc) {
      if (doc.kind !== 'page') return one(doc)
      const entries = await Promise.all(
        numberedOf(doc).map(async ({ entry }) =>
          seal.isOld(entry.dk) ? { ...entry, ...(await resealEvent(seal, entry)) } : entry,
        ),
      )
      const { body, contents } = packed(entries)
      return { body, fields: { contents } }
    },
  }
}
