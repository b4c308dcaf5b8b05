/**
 * Bulk revocation: a plan that counts, then the deed, staged in one unit, so that it is done wholly or not at all. What a unit can't
 * hold is left, and told: what is left to do is what the filter still means, so it is done by asking again.
 *
 * Refused: a commit for each credential. A call that was cut off left some ended and some not, and its retry counted those that were left.
 */

import { type Clock, Refusal, type Unit } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import { createConfirmation } from './confirm.ts'
import type { Credential } from './credential.ts'
import { refuse } from './errors.ts'
import { type Filter, filterSchema, KINDS, type Kind } from './filter.ts'
import type { InventoryList } from './list.ts'

/**
 * Stages the end of one credential, as what conflicts with nothing, with an event of its own. Idempotent: one that has ended is no error.
 */
export type StageEnd = (
  unit: Unit,
  credential: Credential,
  input: { readonly by: string; readonly why: string },
) => Promise<void>

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

/** What was staged. `left`: so many more were meant. */
export interface BulkDone {
  readonly revoked: number
  readonly left: number
  /** As the plan said: of these kinds nothing was ended. */
  readonly leftAlone: number
  readonly leftAloneByKind: BulkPlan['leftAloneByKind']
  readonly byKind: Readonly<Partial<Record<Kind, number>>>
  readonly failed: readonly { readonly id: string; readonly kind: Kind; readonly why: string }[]
}

const THRESHOLD = 25
const PAGE = 100
const FAILED_MAX = 100
/** What one unit holds: a commit of so many stays well below the largest document of MongoDB, and holds the writer of SQLite for a blink. */
const AT_ONCE = 500

/** What it uses. */
export interface BulkDeps {
  readonly inventory: Pick<InventoryList, 'list' | 'countAll'>
  readonly seal: Pick<Seal, 'hash' | 'matches'>
  readonly clock: Clock
  /** Kinds without a verb are left alone. */
  readonly verbs: Readonly<Partial<Record<Kind, StageEnd>>>
  /** More than this many need a confirmation code. */
  readonly threshold?: number
  /** More than this many don't end in one unit. */
  readonly atOnce?: number
}

/** Page by page, until `most` were tried or `atOnce` are staged. */
async function stage(
  { inventory, verbs }: Pick<BulkDeps, 'inventory' | 'verbs'>,
  unit: Unit,
  filter: Filter,
  input: { readonly most: number; readonly atOnce: number; readonly by: string; readonly why: string },
): Promise<Pick<BulkDone, 'revoked' | 'byKind' | 'failed'> & { readonly tried: number }> {
  const byKind: Partial<Record<Kind, number>> = {}
  const failed: { id: string; kind: Kind; why: string }[] = []
  let [revoked, tried] = [0, 0]
  let cursor: string | undefined
  do {
    const page = await inventory.list(filter, { limit: PAGE, cursor })
    for (const one of page.items.slice(0, input.most - tried)) {
      if (revoked === input.atOnce) break
      tried++
      try {
        await verbs[one.kind]?.(unit, one, input)
        revoked++
        byKind[one.kind] = (byKind[one.kind] ?? 0) + 1
      } catch (cause) {
        // One that refuses must not shield those behind it; a broken store ends the run.
        if (!(cause instanceof Refusal)) throw cause
        if (failed.length < FAILED_MAX) failed.push({ id: one.id, kind: one.kind, why: cause.code })
      }
    }
    cursor = page.cursor
  } while (cursor !== undefined && tried < input.most && revoked < input.atOnce)
  return { revoked, byKind, failed, tried }
}

/** Makes the two verbs. */
export function createBulk(deps: BulkDeps) {
  const { inventory, verbs, threshold = THRESHOLD, atOnce = AT_ONCE } = deps
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

  /** How many may be revoked, of how many. Refused: `confirmation_needed`, `confirmation_wrong`, `inventory_grew`. */
  async function allowance(
    given: Filter,
    filter: Filter,
    { code, by }: { readonly code?: string | undefined; readonly by: string },
  ): Promise<{ readonly most: number; readonly total: number }> {
    const most = code === undefined ? threshold : confirmation.confirmed(given, { code, by })
    const { total } = await counted(filter)
    if (code === undefined && total > threshold) throw refuse('confirmation_needed', { total })
    if (total > most) throw refuse('inventory_grew', { total, confirmed: most })
    return { most, total }
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
     * Stages the end of what the filter means now, one event each; never more than was confirmed. What fails is told and left behind.
     * Refused: `too_wide`, `confirmation_needed`, `confirmation_wrong`, `inventory_grew`.
     */
    async revoke(
      unit: Unit,
      given: Filter,
      input: { readonly code?: string | undefined; readonly by: string; readonly why: string },
    ): Promise<BulkDone> {
      const filter = narrowed(given)
      const { most, total } = await allowance(given, filter, input)
      const alone = await leftBy(given)
      if (filter.kind?.length === 0) return { revoked: 0, left: 0, byKind: {}, failed: [], ...alone }
      const { tried, ...done } = await stage(deps, unit, filter, { ...input, most, atOnce })
      return { ...done, left: Math.max(0, total - tried), ...alone }
    },
  }
}
