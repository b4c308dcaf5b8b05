/**
 * Time, applied: reminders before the end and at it, dormancy, rotations that are due, and what a crash left of a revocation. One
 * node at a time does it. What was done stands on the token itself, in the write that did it: whoever goes on after a crash does
 * again what was not written, and nothing twice.
 *
 * A rotation by schedule can hand its text to nobody: it calls the token due (an event, a reminder), and leaves the rotating to
 * its holder. A policy with `overdue: 'quarantine'` holds a token that is not rotated when its overlap after the due day is over.
 * Refused: rotating with a text that nobody gets (the holder would stand without a token after the overlap), and sending it
 * anywhere by itself (a secret that travels unasked).
 */

import type { Doc, Store } from '../../adapters/store.ts'
import { isConflict, randomText, seconds, TENANT, type Unit } from '../base/index.ts'
import type { RotationFacts } from '../config/index.ts'
import type { Norm, Verdict } from '../rotation/index.ts'
import { decide, headOf, type Known, type TokenDeps, tell } from './actions.ts'
import { quarantine, revoke } from './change.ts'
import { endOf, type Lifecycle, lifecycleOf, limitsFor } from './limits.ts'
import { shownToken, stateNow } from './present.ts'
import { apiTokens, publicId, type StoredState, tokenOf } from './records.ts'
import { idleSince } from './rules.ts'
import type { ShownToken } from './verbs.ts'

/** Something that owner and administrators should hear. Each is told once; who they are now, and where they read, the hearer finds out. */
export interface Reminder {
  readonly about: 'end' | 'expired' | 'dormant' | 'rotation' | 'quarantined' | 'revoked'
  readonly token: ShownToken
  /** Days before the end, for 'end'. */
  readonly days?: number
  readonly why: string
  readonly to: readonly ('owner' | 'administrators')[]
}

/** What the schedule uses. */
export interface ScheduleDeps extends TokenDeps {
  readonly store: Pick<Store, 'get' | 'find' | 'count' | 'lease' | 'release'>
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
  /** The rotation policies. */
  readonly decide: (facts: RotationFacts) => Promise<Verdict>
  /** Hears of what was written. The event of the same name is what survives a crash; this is for those who listen now. */
  readonly notify: (reminder: Reminder) => void | Promise<void>
  /** Hears of a token that could not be looked after; the others are. */
  readonly report: (failure: { readonly id: string; readonly cause: unknown }) => void
}

const DAY = 86_400
const STEPS: readonly number[] = [0, 1, 7, 30]
const OVERLAP_SECONDS = 7 * DAY
const LEASE = 'api-token-schedule'
const LEASE_MS = 120_000
/** Small: between two pages requests are answered. */
const PAGE = 100
/** Tokens that one tick looks at; the next goes on from there. */
const TICK_MAX = 20_000
const WALKED: readonly StoredState[] = ['active', 'quarantined', 'pending', 'rotated']

/** What a token does when no policy has an opinion: it is due when the time between its rotations is over. */
export function apiTokenNorm({ credential, limits }: RotationFacts): Norm {
  return {
    usual:
      credential.ageSeconds >= limits.lifetimeSecondsMax
        ? { do: 'rotate', why: `was not rotated for ${Math.floor(credential.ageSeconds / DAY)} days` }
        : { do: 'keep', why: 'within its time' },
  }
}

/** The reminder that a token has come to: days before its end, 0 at it; undefined while there is none or it was told. */
export function stepOf(token: Pick<Doc, 'iat' | 'fields'>, end: number, now: number): number | undefined {
  const told = token.fields.reminded
  // A token that lives for a week is not announced a month ahead.
  const step = STEPS.find((days) => end - now <= days * DAY && (days === 0 || end - (token.iat ?? 0) > days * DAY))
  return step === undefined || (typeof told === 'number' && told <= step) ? undefined : step
}

function factsOf({ doc, record }: Known, life: Lifecycle, now: number): RotationFacts {
  const age = Math.max(0, now - (doc.iat ?? now))
  const length = Math.max(1, (doc.exp ?? now) - (doc.iat ?? now))
  return {
    event: 'api-token.scheduled',
    now,
    credential: {
      kind: 'api_token',
      id: doc.family ?? doc.id,
      ageSeconds: age,
      chainAgeSeconds: age,
      idleSeconds: Math.max(0, now - idleSince(doc)),
      lifetimeShare: Math.min(1, age / length),
      rotations: record.rotations,
      bound: 'none',
      scopes: record.scopes,
    },
    ...(record.owner.type === 'account' ? { subject: { id: record.owner.id } } : {}),
    limits: {
      neverRotate: false,
      lifetimeSecondsMax: life.rotateEvery?.value ?? life.lifetimeMax.value,
      graceSecondsMax: life.overlapMax?.value ?? OVERLAP_SECONDS,
    },
  }
}

const BOTH = ['owner', 'administrators'] as const

/** One token, one change: staged, committed, told. What a rival was first with is looked at again by the next tick. */
async function done(
  deps: ScheduleDeps,
  { doc, record }: Known,
  change: (unit: Unit) => Promise<void> | void,
  reminder: Omit<Reminder, 'token' | 'to'>,
): Promise<void> {
  const unit = deps.unit()
  await change(unit)
  try {
    await deps.commit(unit)
  } catch (cause) {
    if (isConflict(cause)) return
    throw cause
  }
  const after = unit.known(apiTokens.name, doc.id) ?? doc
  const token = shownToken(after, record, deps.settings(), seconds(deps.clock))
  await deps.notify({ ...reminder, token, to: BOTH })
}

/**
 * Marks a token and tells, in one write. The event says who is to hear of it, by what they are to the token: whoever carries it on (mail, a
 * webhook) finds the owner by the token's id and the administrators' addresses at that moment, not as they were.
 */
function mark(
  deps: ScheduleDeps,
  found: Known,
  fields: Doc['fields'],
  what: {
    readonly event: string
    readonly by: string
    readonly why: string
    readonly more?: Readonly<Record<string, unknown>>
  },
) {
  return (unit: Unit): void => {
    decide(unit, found, { fields })
    tell(deps, unit, found, { ...what, more: { ...what.more, to: BOTH } })
  }
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

async function hold(deps: ScheduleDeps, found: Known, by: string, why: string): Promise<boolean> {
  const { id } = found.doc
  const change = async (unit: Unit) => void (await quarantine(deps, unit, publicId(id), { by, why }))
  await done(deps, found, change, { about: 'quarantined', why })
  return true
}

async function end(deps: ScheduleDeps, found: Known, by: string, why: string): Promise<boolean> {
  const { id } = found.doc
  const change = async (unit: Unit) => void (await revoke(deps, unit, publicId(id), { by, why }))
  await done(deps, found, change, { about: 'revoked', why })
  return true
}

async function dormancy(deps: ScheduleDeps, found: Known, life: Lifecycle, now: number): Promise<boolean> {
  const { doc } = found
  const since = idleSince(doc)
  const idle = now - since
  const why = `was not used for ${Math.floor(idle / DAY)} days`
  if (life.revoke && idle >= life.revoke.value) return end(deps, found, `policy ${life.revoke.policy}`, why)
  if (doc.state === 'quarantined') return false
  if (life.quarantine && idle >= life.quarantine.value)
    return hold(deps, found, `policy ${life.quarantine.policy}`, why)
  const { warned } = doc.fields
  if (!life.warn || idle < life.warn.value || (typeof warned === 'number' && warned >= since)) return false
  const what = { event: 'dormant', by: `policy ${life.warn.policy}`, why }
  await done(deps, found, mark(deps, found, { warned: now }, what), { about: 'dormant', why })
  return true
}

async function rotation(deps: ScheduleDeps, found: Known, life: Lifecycle, now: number): Promise<boolean> {
  const { due } = found.doc.fields
  if (typeof due === 'number') {
    const late = now >= due + (life.overlapMax?.value ?? OVERLAP_SECONDS)
    return life.overdue !== undefined && late
      ? hold(deps, found, `policy ${life.overdue}`, 'was due and is not rotated')
      : false
  }
  const facts = factsOf(found, life, now)
  const verdict = await deps.decide(facts)
  if (verdict.do === 'keep') return false
  const { why } = verdict
  if (verdict.do === 'quarantine') return hold(deps, found, 'rotation policy', why)
  if (verdict.do === 'revoke' || verdict.do === 'revokeFamily') return end(deps, found, 'rotation policy', why)
  // "Step up" and "deny" have nobody to ask here: like a rotation they are the holder's to answer.
  const by = life.rotateEvery ? `policy ${life.rotateEvery.policy}` : 'rotation policy'
  const stage = mark(deps, found, { due: now }, { event: 'due', by, why })
  const record = (unit: Unit): void => {
    stage(unit)
    unit.note('rotation.decided', { token: publicId(found.doc.id), ...verdict, facts }, 'written')
  }
  await done(deps, found, record, { about: 'rotation', why })
  return true
}

/** What a crash between two writes left: a child whose parent's line is dead. Verification refuses it already. */
async function orphaned(deps: ScheduleDeps, found: Known): Promise<boolean> {
  const { grant } = found.doc
  if (grant === null) return false
  const parent = await headOf(deps, grant)
  if (parent && parent.revokedAt === null && parent.state !== 'revoked') return false
  return end(deps, found, 'schedule', 'its parent was revoked')
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
    for (const doc of page) await visit(deps, doc).catch((cause) => deps.report({ id: publicId(doc.id), cause }))
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
