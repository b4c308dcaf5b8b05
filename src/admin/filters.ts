/** Two filters laid over each other: a saved query, and what a caller says on top of it. Nothing that the one left out comes back by the other. */

import { durationSeconds } from '../base/index.ts'
import type { InventoryFilter } from './doors.ts'
import { refuse } from './problems.ts'

type Moment = number | string | undefined

/** The narrower of two moments. `pick`: of two numbers, which means less; durations count as they are. */
function narrower(
  a: Moment,
  b: Moment,
  picks: { readonly moment: typeof Math.min; readonly duration: typeof Math.max },
): Moment {
  if (a === undefined || b === undefined) return a ?? b
  if (typeof a === 'number' && typeof b === 'number') return picks.moment(a, b)
  if (typeof a === 'string' && typeof b === 'string')
    return picks.duration(durationSeconds(a), durationSeconds(b)) === durationSeconds(a) ? a : b
  // Which of the two is narrower changes from one page to the next.
  throw refuse('query_moments')
}

const isOwner = (a: InventoryFilter['owner'], b: InventoryFilter['owner']): boolean =>
  a?.type === b?.type && a?.id === b?.id

/** What both mean; undefined where nothing can be. Throws `query_moments` and `query_scopes` where no one filter says it. */
export function both(saved: InventoryFilter, given: InventoryFilter): InventoryFilter | undefined {
  const kind =
    saved.kind && given.kind ? saved.kind.filter((one) => given.kind?.includes(one)) : (saved.kind ?? given.kind)
  if (kind?.length === 0) return undefined
  if (saved.state && given.state && saved.state !== given.state) return undefined
  if (saved.owner && given.owner && !isOwner(saved.owner, given.owner)) return undefined
  if (saved.scope !== undefined && given.scope !== undefined && saved.scope !== given.scope)
    throw refuse('query_scopes')
  const all: InventoryFilter = {
    ...saved,
    ...given,
    kind,
    unusedSince: narrower(saved.unusedSince, given.unusedSince, { moment: Math.min, duration: Math.max }),
    expiresBefore: narrower(saved.expiresBefore, given.expiresBefore, { moment: Math.min, duration: Math.min }),
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}
