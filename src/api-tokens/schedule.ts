/**
 * Time, applied: reminders before the end and at it, dormancy, rotations that are due, and what a crash left of a revocation. One
 * node at a time does it. What was done stands on the token itself, in the write that did it: whoever goes on after a crash does
 * again what was not written, and nothing twice.
 *
 * A rotation by schedule calls the token due. A policy with `overdue: 'quarantine'` holds one that is not rotated when its overlap
 * after the due day is over.
 * Refused: rotating with a text that nobody gets (the holder would stand without a token after the overlap), and sending it
 * anywhere by itself (a secret that travels unasked).
 */

import type { Doc, Store } from '../../adapters/store.ts'
import { inWords, isConflict, randomText, seconds, TENANT } from '../base/index.ts'
import { headOf, type Known } from './actions.ts'
import { askAndAct, type DecideDeps, done, end, hold, mark } from './decided.ts'
import { endOf, type Lifecycle, lifecycleOf, limitsFor, OVERLAP_SECONDS } from './limits.ts'
import { stateNow } from './present.ts'
import { apiTokens, publicId, type StoredState, tokenOf } from './records.ts'
import { idleSince } from './rules.ts'

/** What the schedule uses. */
export interface ScheduleDeps extends DecideDeps {
  readonly store: Pick<Store, 'get' | 'find' | 'count' | 'lease' | 'release'>
  /** Hears of a token that could not be looked after; the others are. */
  readonly report: (failure: { readonly id: string; readonly cause: unknown }) => void
}

const DAY = 86_400
const STEPS: readonly number[] = [0, 1, 7, 30]
const LEASE = 'api-token-schedule'
const LEASE_MS = 120_000
/** Small: between two pages requests are answered. */
const PAGE = 100
/** Tokens that one tick looks at; the next goes on from there. */
const TICK_MAX = 20_000
const WALKED: readonly StoredState[] = ['active', 'quarantined', 'pending', 'rotated']

/** The reminder that a token has come to: days before its end, 0 at it; undefined while there is none or it was told. */
export function stepOf(token: Pick<Doc, 'iat' | 'fields'>, end: number, now: number): number | undefined {
  const told = token.fields.reminded
  // A token that lives for a week is not announced a month ahead.
  const step = STEPS.find((days) => end - now <= days * DAY && (days === 0 || end - (token.iat ?? 0) > days * DAY))
  return step === undefined || (typeof told === 'number' && told <= step) ? undefined : step
}

async function remind(deps: ScheduleDeps, found: Known, now: number): Promise<boolean> {
  const end = endOf(found.doc, limitsFor(found.record, deps.settings()))
  const step = stepOf(found.doc, end, now)
  if (step === undefined) return false
  const why = step === 0 ? 'its time is over' : `ends in ${step} day${step === 1 ? '' : 's'} or less`
  const event = step === 0 ? 'expired' : 'reminded'
  const what = { event, by: 'schedule', why, more: { days: step, ends: end } }
  const about = step === 0 ? 'expired' : 'end'
  await done(deps, found, mark(deps, found, { reminded: step }, what), { about, days: step, why })
  return true
}

async function dormancy(deps: ScheduleDeps, found: Known, life: Lifecycle, now: number): Promise<boolean> {
  const { doc } = found
  const since = idleSince(doc)
  const idle = now - since
  const why = `was not used for ${inWords(idle)}`
  if (life.revoke && idle >= life.revoke.value) return end(deps, found, { by: `policy ${life.revoke.policy}`, why })
  if (doc.state === 'quarantined') return false
  if (life.quarantine && idle >= life.quarantine.value)
    return hold(deps, found, { by: `policy ${life.quarantine.policy}`, why })
  const { warned } = doc.fields
  if (!life.warn || idle < life.warn.value || (typeof warned === 'number' && warned >= since)) return false
  const what = { event: 'dormant', by: `policy ${life.warn.policy}`, why }
  await done(deps, found, mark(deps, found, { warned: now }, what), { about: 'dormant', why })
  return true
}

async function rotation(deps: ScheduleDeps, found: Known, life: Lifecycle, now: number): Promise<boolean> {
  const { due } = found.doc.fields
  const late = typeof due === 'number' && now >= due + (life.overlapMax?.value ?? OVERLAP_SECONDS)
  if (life.overdue !== undefined && late)
    return hold(deps, found, { by: `policy ${life.overdue}`, why: 'was due and is not rotated' })
  return askAndAct(deps, found, life, { event: 'api-token.scheduled' })
}

/** What a crash between two writes left: a child whose parent's line is dead. Verification refuses it already. */
async function orphaned(deps: ScheduleDeps, found: Known): Promise<boolean> {
  const { grant } = found.doc
  if (grant === null) return false
  const parent = await headOf(deps, grant)
  if (parent && parent.revokedAt === null && parent.state !== 'revoked') return false
  return end(deps, found, { by: 'schedule', why: 'its parent was revoked' })
}

/** What time makes of one token: the gravest first, one change a visit. */
async function visit(deps: ScheduleDeps, doc: Doc): Promise<void> {
  const found = { doc, record: await tokenOf(deps.seal, doc) }
  const now = seconds(deps.clock)
  const configuration = deps.settings()
  if (await orphaned(deps, found)) return
  const state = stateNow(doc, found.record, configuration, now)
  if (state === 'rotating' || state === 'rotated' || state === 'revoked') return
  if (await remind(deps, found, now)) return
  if (state === 'expired' || state === 'pending' || state === 'not_yet') return
  const life = lifecycleOf(found.record, configuration)
  if (await dormancy(deps, found, life, now)) return
  if (state === 'active') await rotation(deps, found, life, now)
}

/** Makes it. */
export function createTokenSchedule(deps: ScheduleDeps) {
  const { store, clock, random } = deps
  const holder = randomText(random, 9)
  let at = { state: 0, after: undefined as string | undefined }

  let mineUntil = 0

  /** Whether this node does it. Renewed before half of the lease is over, and not for every page. */
  async function isMine(): Promise<boolean> {
    const now = clock.now()
    if (now < mineUntil - LEASE_MS / 2) return true
    const until = now + LEASE_MS
    const isTaken = await store.lease({ name: LEASE, holder, until }, now)
    mineUntil = isTaken ? until : 0
    return isTaken
  }

  /** One page; true when it was the last of a whole round. */
  async function step(): Promise<{ readonly isOver: boolean; readonly seen: number }> {
    const by = { tenant: TENANT, by: { state: WALKED[at.state] ?? 'active' } }
    const page = await store.find(apiTokens.name, by, { limit: PAGE, ...(at.after ? { after: at.after } : {}) })
    for (const doc of page)
      await visit(deps, doc).catch((cause) => {
        // What a rival was first with is looked at again by the next round.
        if (!isConflict(cause)) deps.report({ id: publicId(doc.id), cause })
      })
    const isStateOver = page.length < PAGE
    const isOver = isStateOver && at.state === WALKED.length - 1
    at = isStateOver ? { state: (at.state + 1) % WALKED.length, after: undefined } : { ...at, after: page.at(-1)?.id }
    return { isOver, seen: page.length }
  }

  return {
    /** Looks after the tokens, a round or as many as fit; does nothing where another node does it. */
    async tick(): Promise<void> {
      for (let seen = 0; seen < TICK_MAX; ) {
        if (!(await isMine())) return
        await new Promise((next) => setImmediate(next))
        const page = await step()
        if (page.isOver) return
        seen += page.seen
      }
    },
    async release(): Promise<void> {
      mineUntil = 0
      await store.release(LEASE, holder)
    },
  }
}

export type TokenSchedule = ReturnType<typeof createTokenSchedule>
