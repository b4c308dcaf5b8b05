/** Rotation: a successor with the same rights and no later end, which may wait for approval; the old one works on for the overlap. */

import { type Secret, seconds, type Unit } from '../base/index.ts'
import {
  changeable,
  decide,
  headOf,
  type Known,
  known,
  lineSince,
  shownIn,
  standing,
  type TokenDeps,
  tell,
} from './actions.ts'
import { freshText, KEPT_SECONDS } from './create.ts'
import { refuse } from './errors.ts'
import { endOf, lifecycleOf, limitsFor, needsApproval } from './limits.ts'
import { apiTokens, publicId, rotatedTo, type TokenRecord, tokenDoc, tokenOf } from './records.ts'
import { isHolder } from './rules.ts'
import type { By, ShownToken } from './verbs.ts'

/** None, an hour, a day, a week. */
export const OVERLAPS: readonly number[] = [0, 3600, 86_400, 604_800]

/** What a successor's end may be at most: its parent's, where it has one. */
async function parentsEnd(deps: TokenDeps, { doc }: Known): Promise<number> {
  if (doc.grant === null) return Number.POSITIVE_INFINITY
  const parent = await headOf(deps, doc.grant)
  if (!parent || parent.revokedAt !== null) throw refuse('parent_unusable')
  return endOf(parent, limitsFor(await tokenOf(deps.seal, parent), deps.settings()))
}

/** The successor's end: the original one, or a new lifetime as long as the first where the policies say so; within limits and parent. */
async function successorsEnd(deps: TokenDeps, found: Known, now: number): Promise<number> {
  const { doc, record } = found
  const configuration = deps.settings()
  const { renews, lifetimeMax } = lifecycleOf(record, configuration)
  const end = endOf(doc, limitsFor(record, configuration))
  const wanted = renews ? now + Math.min(end - (doc.iat ?? now), lifetimeMax.value) : end
  return Math.min(wanted, await parentsEnd(deps, found))
}

/**
 * Rotates. The decider stands on the old token, so of any number of rivals one has made the successor. A retry with the same
 * idempotency key is the caller's to answer: here it finds a token that was rotated already.
 */
export async function rotate(
  deps: TokenDeps,
  unit: Unit,
  id: string,
  input: { readonly overlapSeconds: number; readonly by: By; readonly why: string },
): Promise<{ readonly text: Secret; readonly shown: ShownToken }> {
  const { by, why } = input
  if (!OVERLAPS.includes(input.overlapSeconds)) throw refuse('bad_overlap', { overlapSeconds: input.overlapSeconds })
  const found = await changeable(deps, unit, id, 'rotate')
  const { doc, record } = found
  await standing(deps, record.owner)
  const now = seconds(deps.clock)
  const exp = await successorsEnd(deps, found, now)
  const { text, ...fresh } = freshText(deps, record.kind)
  // Whoever rotates has the successor's text. Where a second person must agree to that, somebody who had it not by the first order is a
  // new order: otherwise who may not have such a token alone would rotate another's (docs/decisions/020).
  const waits = needsApproval(record, deps.settings()) && !isHolder(record, by)
  const next: TokenRecord = {
    ...record,
    ...(waits ? { createdBy: by, approvedBy: null } : {}),
    createdAt: now,
    rotations: record.rotations + 1,
    lineSince: await lineSince(deps, found),
    ending: fresh.ending,
    why: null,
  }
  const successor = tokenDoc(deps.seal, {
    id: fresh.id,
    hk: fresh.hk,
    record: next,
    line: doc.family ?? doc.id,
    parent: doc.grant,
    state: waits ? 'pending' : 'active',
    notBefore: null,
    exp,
    purgeAt: exp + KEPT_SECONDS,
  })
  unit.insert(apiTokens.name, successor)
  const { overlapMax } = lifecycleOf(record, deps.settings())
  const overlap = Math.min(input.overlapSeconds, overlapMax?.value ?? input.overlapSeconds)
  const overlapUntil = Math.min(now + overlap, endOf(doc, limitsFor(record, deps.settings())))
  decide(unit, found, rotatedTo(fresh.id, overlapUntil))
  const more = {
    successor: publicId(fresh.id),
    state: successor.state,
    overlap_until: overlapUntil,
    rotations: next.rotations,
  }
  tell(deps, unit, await known(deps, unit, doc.id), { event: 'rotated', by, why, more })
  return { text, shown: await shownIn(deps, unit, fresh.id) }
}
