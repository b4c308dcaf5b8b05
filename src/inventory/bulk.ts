/**
 * Bulk revocation: a plan that counts, then the deed, page by page. Nothing of it is kept: what is left to do is what the filter still
 * means, so a run that was cut off is completed by asking again.
 */

import { type Clock, Refusal } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import { createConfirmation } from './confirm.ts'
import type { Credential } from './credential.ts'
import { refuse } from './errors.ts'
import { type Filter, filterSchema, KINDS, type Kind } from './filter.ts'
import type { InventoryList } from './list.ts'

/** Ends one credential, in a commit of its own with an event of its own. Idempotent: one that has ended is no error. */
export type RevokeOne = (credential: Credential, input: { readonly by: string; readonly why: string }) => Promise<void>

/** What a plan says. */
export interface BulkPlan {
  readonly total: number
  readonly byKind: Readonly<Partial<Record<Kind, number>>>
  /** Of kinds that can't be revoked in bulk: they are left alone. */
  readonly leftAlone: number
  readonly leftAloneByKind: Readonly<Partial<Record<Kind, number>>>
  readonly needsCode: boolean
  /** Good for this filter, up to this many, for ten minutes. */
  readonly code: string
  /** Unix seconds. */
  readonly codeUntil: number
}

/** What was done. */
export interface BulkDone {
  readonly revoked: number
  /** As the plan said: of these kinds nothing was ended. */
  readonly leftAlone: number
  readonly leftAloneByKind: BulkPlan['leftAloneByKind']
  readonly byKind: Readonly<Partial<Record<Kind, number>>>
  readonly failed: readonly { readonly id: string; readonly kind: Kind; readonly why: string }[]
}

const THRESHOLD = 25
const PAGE = 100
const FAILED_MAX = 100

/** What it uses. */
export interface BulkDeps {
  readonly inventory: Pick<InventoryList, 'list' | 'countAll'>
  readonly seal: Pick<Seal, 'hash' | 'matches'>
  readonly clock: Clock
  /** Kinds without a verb are left alone. */
  readonly verbs: Readonly<Partial<Record<Kind, RevokeOne>>>
  /** More than this many need a confirmation code. */
  readonly threshold?: number
}

/** Page by page, at most `most`. */
async function run(
  { inventory, verbs }: Pick<BulkDeps, 'inventory' | 'verbs'>,
  filter: Filter,
  input: { readonly most: number; readonly by: string; readonly why: string },
): Promise<Omit<BulkDone, 'leftAlone' | 'leftAloneByKind'>> {
  const byKind: Partial<Record<Kind, number>> = {}
  const failed: { id: string; kind: Kind; why: string }[] = []
  let [revoked, tried] = [0, 0]
  let cursor: string | undefined
  do {
    const page = await inventory.list(filter, { limit: PAGE, cursor })
    for (const one of page.items.slice(0, input.most - tried)) {
      tried++
      try {
        await verbs[one.kind]?.(one, input)
        revoked++
        byKind[one.kind] = (byKind[one.kind] ?? 0) + 1
      } catch (cause) {
        // One that refuses must not shield those behind it; a broken store ends the run.
        if (!(cause instanceof Refusal)) throw cause
        if (failed.length < FAILED_MAX) failed.push({ id: one.id, kind: one.kind, why: cause.code })
      }
    }
    cursor = page.cursor
  } while (cursor !== undefined && tried < input.most)
  return { revoked, byKind, failed }
}

/** Makes the two verbs. */
export function createBulk(deps: BulkDeps) {
  const { inventory, verbs, threshold = THRESHOLD } = deps
  const confirmation = createConfirmation(deps)
  const able = Object.keys(verbs) as Kind[]

  /** The filter without kinds that no verb ends; one that says nothing is a slip. */
  function narrowed(given: Filter): Filter {
    const filter = filterSchema.parse(given)
    if (Object.values(filter).every((value) => value === undefined)) throw refuse('too_wide')
    return { ...filter, kind: able.filter((one) => !filter.kind || filter.kind.includes(one)) }
  }

  async function counted(filter: Filter) {
    if (filter.kind?.length === 0) return { total: 0, byKind: {} }
    return inventory.countAll(filter)
  }

  /** What a filter means of kinds that no verb ends. */
  async function leftBy(given: Filter) {
    const kind = KINDS.filter((one) => !able.includes(one) && (!given.kind || given.kind.includes(one)))
    const { total, byKind } = await counted({ ...given, kind })
    const some = Object.entries(byKind).filter(([, n]) => n > 0)
    return { leftAlone: total, leftAloneByKind: Object.fromEntries(some) }
  }

  /** How many may be revoked. Refused: `confirmation_needed`, `confirmation_wrong`, `inventory_grew`. */
  async function allowance(
    given: Filter,
    filter: Filter,
    { code, by }: { readonly code?: string | undefined; readonly by: string },
  ): Promise<number> {
    const most = code === undefined ? threshold : confirmation.confirmed(given, { code, by })
    const { total } = await counted(filter)
    if (code === undefined && total > threshold) throw refuse('confirmation_needed', { total })
    if (total > most) throw refuse('inventory_grew', { total, confirmed: most })
    return most
  }

  return {
    /** Counts what would be revoked and changes nothing. The code is good for whoever asked. Refused: `too_wide`. */
    async plan(given: Filter, { by }: { readonly by: string }): Promise<BulkPlan> {
      const filter = narrowed(given)
      const { total, byKind } = await counted(filter)
      return {
        total,
        byKind,
        ...(await leftBy(given)),
        needsCode: total > threshold,
        ...confirmation.code(given, { count: total, by }),
      }
    },
    /**
     * Revokes what the filter means now, one event each; never more than was confirmed. What fails is told and left behind.
     * Refused: `too_wide`, `confirmation_needed`, `confirmation_wrong`, `inventory_grew`.
     */
    async revoke(
      given: Filter,
      input: { readonly code?: string | undefined; readonly by: string; readonly why: string },
    ): Promise<BulkDone> {
      const filter = narrowed(given)
      const most = await allowance(given, filter, input)
      const left = await leftBy(given)
      if (filter.kind?.length === 0) return { revoked: 0, byKind: {}, failed: [], ...left }
      return { ...(await run(deps, filter, { ...input, most })), ...left }
    },
  }
}
