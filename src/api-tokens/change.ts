/** What is done to a token that exists: approve, quarantine, release, narrow, revoke. Each is one conditional write and one event. */

import { seconds, TENANT, type Unit } from '../base/index.ts'
import { changeable, decide, type Known, shownIn, standing, type TokenDeps, tell } from './actions.ts'
import { refuse } from './errors.ts'
import { needsApproval } from './limits.ts'
import { shownToken } from './present.ts'
import { apiTokens, type TokenRecord, tokenBody, tokenScopes } from './records.ts'
import { isHolder } from './rules.ts'
import type { By, ShownToken } from './verbs.ts'

const PAGE = 500

const bodyOf = (deps: TokenDeps, { doc, record }: Known, change: Partial<TokenRecord>) =>
  tokenBody(deps.seal, doc, { ...record, ...change })

/** Lets a pending token work. By someone else than who ordered it and who owns it: neither is a second person for himself. */
export async function approve(deps: TokenDeps, unit: Unit, id: string, by: By): Promise<ShownToken> {
  const found = await changeable(deps, unit, id, 'approve')
  if (isHolder(found.record, by)) throw refuse('own_approval', { by })
  await standing(deps, found.record.owner)
  decide(unit, found, { state: 'active', ...bodyOf(deps, found, { approvedBy: by }) })
  tell(deps, unit, found, { event: 'approved', by })
  return shownIn(deps, unit, found.doc.id)
}

/** Whether the unit's one decider is taken by another document: then only what conflicts with nothing can be staged. */
const isTaken = (unit: Unit, { doc }: Known): boolean => unit.decider !== undefined && unit.decider.id !== doc.id

/**
 * Holds a token until it is released. The first of a unit is its decider and keeps the reason; more of them are marks that conflict
 * with nothing, whose reason stands in the event alone.
 */
export async function quarantine(
  deps: TokenDeps,
  unit: Unit,
  id: string,
  { by, why }: { readonly by: By; readonly why: string },
): Promise<ShownToken> {
  const found = await changeable(deps, unit, id, 'quarantine')
  tell(deps, unit, found, { event: 'quarantined', by, why })
  if (isTaken(unit, found)) {
    const { doc, record } = found
    const now = seconds(deps.clock)
    unit.revoke({ collection: apiTokens.name, target: { id: doc.id }, at: now, mark: 'quarantined' })
    return shownToken({ ...doc, state: 'quarantined' }, record, deps.settings(), now)
  }
  decide(unit, found, { state: 'quarantined', ...bodyOf(deps, found, { why }) })
  return shownIn(deps, unit, found.doc.id)
}

/** Back to what it was: beside its successor, waiting for approval where that was never given, or at work. */
export async function release(deps: TokenDeps, unit: Unit, id: string, by: By): Promise<ShownToken> {
  const found = await changeable(deps, unit, id, 'release')
  const { doc, record } = found
  await standing(deps, record.owner)
  const waits = record.approvedBy === null && needsApproval(record, deps.settings())
  const state = typeof doc.fields.successor === 'string' ? 'rotated' : waits ? 'pending' : 'active'
  // What was held because nobody used it would be held again at once if its idle time went on.
  const fields = { idleFrom: seconds(deps.clock) }
  decide(unit, found, { state, fields, ...bodyOf(deps, found, { why: null }) })
  tell(deps, unit, found, { event: 'released', by, more: { state } })
  return shownIn(deps, unit, doc.id)
}

/** Takes scopes away for good: from the record, and from what the token is found by. */
export async function narrow(
  deps: TokenDeps,
  unit: Unit,
  id: string,
  { scopes, by }: { readonly scopes: readonly string[]; readonly by: By },
): Promise<ShownToken> {
  const found = await changeable(deps, unit, id, 'narrow')
  const before = found.record.scopes
  const left = before.filter((scope) => scopes.includes(scope))
  if (left.length === 0 || left.length === before.length || scopes.some((scope) => !before.includes(scope)))
    throw refuse('not_narrower')
  decide(unit, found, tokenScopes(deps.seal, found.doc, { ...found.record, scopes: left }))
  tell(deps, unit, found, { event: 'narrowed', by, more: { taken: before.filter((scope) => !left.includes(scope)) } })
  return shownIn(deps, unit, found.doc.id)
}

/** The lines below a line, all the way down. */
async function linesBelow({ store }: TokenDeps, line: string): Promise<ReadonlySet<string>> {
  const seen = new Set([line])
  for (const parent of seen) {
    for (let after: string | undefined; ; ) {
      const by = { tenant: TENANT, by: { grant: parent } }
      const page = await store.find(apiTokens.name, by, { limit: PAGE, ...(after ? { after } : {}) })
      for (const { family } of page) if (family !== null) seen.add(family)
      after = page.at(-1)?.id
      if (page.length < PAGE) break
    }
  }
  return seen
}

/** Stages the end of whole lines with all that hangs below them. Returns how many lines hang below. */
export async function endLine(deps: TokenDeps, unit: Unit, line: string): Promise<number> {
  const at = seconds(deps.clock)
  const lines = await linesBelow(deps, line)
  for (const one of lines) {
    // By index and not one by one: a successor or a child that a rival makes meanwhile is reached too.
    unit.revoke({ collection: apiTokens.name, target: { by: { tenant: TENANT, by: { family: one } } }, at })
    unit.revoke({ collection: apiTokens.name, target: { by: { tenant: TENANT, by: { grant: one } } }, at })
  }
  return lines.size - 1
}

/**
 * Ends a token for good: with it all its children, and whatever of its line still overlaps. One that gave way to a successor
 * ends alone: its line lives on in the successor, and the children with it.
 */
export async function revoke(
  deps: TokenDeps,
  unit: Unit,
  id: string,
  { by, why }: { readonly by: By; readonly why: string },
): Promise<ShownToken> {
  const found = await changeable(deps, unit, id, 'revoke')
  const { doc } = found
  const set = { state: 'revoked', ...bodyOf(deps, found, { why }) }
  // On no `rev`: an end loses to nothing but another end.
  if (!isTaken(unit, found)) unit.decide({ collection: apiTokens.name, id: doc.id, if: { revokedAt: null }, set }, doc)
  unit.revoke({ collection: apiTokens.name, target: { id: doc.id }, at: seconds(deps.clock) })
  const gaveWay = typeof doc.fields.successor === 'string'
  const below = gaveWay ? 0 : await endLine(deps, unit, doc.family ?? doc.id)
  tell(deps, unit, found, { event: 'revoked', by, why, more: { lines_below: below } })
  return shownIn(deps, unit, doc.id)
}
