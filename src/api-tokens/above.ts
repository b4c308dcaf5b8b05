/**
 * Who stands above a token: its owner, what the deployment allows, and its parents. Read at most once a second for each, and
 * judged at the moment of use: an end that has come holds at once, whatever is cached.
 */

import type { Doc, Store } from '../../adapters/store.ts'
import { type Clock, TENANT } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import { Fresh } from './fresh.ts'
import { apiTokens, type Owner, type TokenRecord, tokenOf } from './records.ts'
import type { Above, Limits } from './rules.ts'

/** What it uses. */
export interface AboveDeps {
  readonly store: Pick<Store, 'get' | 'find'>
  readonly seal: Seal
  readonly clock: Clock
  /** Whether an owner may be used now, and the scopes that it holds (undefined: tokens are not limited by them). */
  readonly owner: (
    owner: Owner,
  ) => Promise<{ readonly alive: boolean; readonly scopes?: readonly string[] | undefined }>
  /** What the deployment allows a token now. Asked at every use, so it must cost nothing. */
  readonly limits: (record: TokenRecord) => Limits
}

/** A token that was read. */
export interface ReadToken {
  readonly doc: Doc
  readonly record: TokenRecord
}

/** How old what stands above may be. */
export const ABOVE_MS_MAX = 1000
const ENTRIES_MAX = 20_000
const PAGE = 100
/** Children of children: nobody needs more, and a walk has an end. */
const DEPTH_MAX = 8

/** Makes the reader. */
export function createAbove({ store, seal, clock, owner, limits }: AboveDeps) {
  const owners = new Fresh<Awaited<ReturnType<AboveDeps['owner']>>>(clock, {
    msMax: ABOVE_MS_MAX,
    entriesMax: ENTRIES_MAX,
  })
  const heads = new Fresh<ReadToken>(clock, { msMax: ABOVE_MS_MAX, entriesMax: ENTRIES_MAX })

  /** The token of a line that stands for it now: the one that was not rotated out. */
  async function headOf(line: string): Promise<ReadToken | undefined> {
    let head: Doc | undefined
    for (let after: string | undefined; ; ) {
      const by = { tenant: TENANT, by: { family: line } }
      const page = await store.find(apiTokens.name, by, { limit: PAGE, ...(after ? { after } : {}) })
      for (const doc of page) if (doc.fields.successor === null && (doc.iat ?? 0) >= (head?.iat ?? 0)) head = doc
      after = page.at(-1)?.id
      if (page.length < PAGE) break
    }
    return head && { doc: head, record: await tokenOf(seal, head) }
  }

  async function parentOf(line: string, isFresh: boolean, depth: number): Promise<Above['parent']> {
    if (depth > DEPTH_MAX) return undefined
    const head = await heads[isFresh ? 'renew' : 'get'](line, () => headOf(line))
    if (!head) return undefined
    return { ...head, above: await of(head, isFresh, depth) }
  }

  async function of({ doc, record }: ReadToken, isFresh: boolean, depth = 0): Promise<Above> {
    const { type, id } = record.owner
    const [held, parent] = await Promise.all([
      owners[isFresh ? 'renew' : 'get'](`${type} ${id}`, () => owner(record.owner)),
      doc.grant === null ? null : parentOf(doc.grant, isFresh, depth + 1),
    ])
    return { ownerAlive: held?.alive ?? false, ownerScopes: held?.scopes, limits: limits(record), parent }
  }

  return {
    /** What stands above a token; `isFresh`: read now. */
    of: (token: ReadToken, isFresh = false): Promise<Above> => of(token, isFresh),
    /** What this node has changed itself is read at the next use: parents, where tokens changed. */
    forgetParents: (): void => heads.clear(),
    /** The same, where owners changed. */
    forgetOwners: (): void => owners.clear(),
  }
}
