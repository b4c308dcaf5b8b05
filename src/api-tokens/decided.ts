/**
 * What the rotation engine is asked of API tokens (on schedule, when one leaked, on a sign of risk), and what is done about its answer.
 * Verification asks nobody: it reads what a decision has left on the token.
 *
 * A rotation can hand its text to nobody here: it calls the token due (an event, a reminder), and leaves the rotating to its holder.
 */

import type { Change, Doc } from '../../adapters/store.ts'
import { inWords, overRivals, seconds, type Unit } from '../base/index.ts'
import type { RotationFacts, SeenFrom } from '../config/index.ts'
import type { Norm, Verdict } from '../rotation/index.ts'
import { decide, type Known, known, lineSince, type TokenDeps, tell } from './actions.ts'
import { quarantine, revoke } from './change.ts'
import { endOf, type Lifecycle, lifecycleOf, limitsFor, OVERLAP_SECONDS } from './limits.ts'
import { shownToken, stateNow } from './present.ts'
import { apiTokens, publicId, tokenScopes } from './records.ts'
import { idleSince } from './rules.ts'
import type { By, ShownToken } from './verbs.ts'

/** Something that owner and administrators should hear. Each is told once; who they are now, and where they read, the hearer finds out. */
export interface Reminder {
  readonly about: 'end' | 'expired' | 'dormant' | 'rotation' | 'quarantined' | 'revoked' | 'narrowed'
  readonly token: ShownToken
  /** Days before the end, for 'end'. */
  readonly days?: number
  readonly why: string
  readonly to: readonly ('owner' | 'administrators')[]
}

/** What is known of a token's uses. */
export interface SeenUses {
  /** Successes in its life. */
  readonly uses: number
  /** Where the last success came from. */
  readonly last: SeenFrom | undefined
}

/** What is used for it. */
export interface DecideDeps extends TokenDeps {
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
  /** The rotation policies. */
  readonly decide: (facts: RotationFacts) => Promise<Verdict>
  /** The uses of a token; undefined where no policy is there to ask. */
  readonly seen: (id: string) => Promise<SeenUses | undefined>
  /** Hears of what was written. The event of the same name is what survives a crash; this is for those who listen now. */
  readonly notify: (reminder: Reminder) => void | Promise<void>
}

/** Why the engine is asked. */
export type Question = Pick<RotationFacts, 'risk' | 'request'> & {
  readonly event: 'api-token.scheduled' | 'leak' | 'risk'
}

const BOTH = ['owner', 'administrators'] as const
const TRIES = 5

/**
 * What a token does when no policy has an opinion: it is due when the time between its rotations is over, and held when it leaked. A
 * policy can say more than that of a leak and never less: one that looks at ages only would call a stolen token young.
 */
export function apiTokenNorm({ event, credential }: RotationFacts): Norm {
  const held = { do: 'quarantine', why: 'it was reported as leaked' } as const
  if (event === 'leak') return { usual: held, least: held }
  const every = credential.rotateEverySeconds
  return {
    usual:
      event === 'api-token.scheduled' && every !== undefined && credential.ageSeconds >= every
        ? { do: 'rotate', why: `was not rotated for ${inWords(credential.ageSeconds)}` }
        : { do: 'keep', why: 'within its time' },
  }
}

/** Everything that a policy may know of a token. */
async function factsOf(deps: DecideDeps, found: Known, life: Lifecycle, question: Question): Promise<RotationFacts> {
  const { doc, record } = found
  const now = seconds(deps.clock)
  const age = Math.max(0, now - (doc.iat ?? now))
  const length = Math.max(1, (doc.exp ?? now) - (doc.iat ?? now))
  const [seen, since, standing] = await Promise.all([
    deps.seen(publicId(doc.id)),
    lineSince(deps, found),
    record.owner.type === 'service' ? deps.owner(record.owner) : undefined,
  ])
  return {
    ...question,
    now,
    credential: {
      kind: 'api_token',
      id: doc.family ?? doc.id,
      ageSeconds: age,
      chainAgeSeconds: Math.max(age, now - since),
      idleSeconds: Math.max(0, now - idleSince(doc)),
      lifetimeShare: Math.min(1, age / length),
      rotations: record.rotations,
      rotateEverySeconds: life.rotateEvery?.value,
      uses: seen?.uses,
      last: seen?.last,
      bound: 'none',
      scopes: record.scopes,
    },
    ...(standing?.client ? { client: standing.client } : {}),
    ...(record.owner.type === 'account' ? { subject: { id: record.owner.id } } : {}),
    limits: {
      neverRotate: false,
      lifetimeSecondsMax: life.lifetimeMax.value,
      graceSecondsMax: life.overlapMax?.value ?? OVERLAP_SECONDS,
    },
  }
}

/** One token, one change: staged, committed, told. Throws the `Conflict` of a rival that was first: whoever asks decides whether to look again. */
export async function done(
  deps: DecideDeps,
  { doc, record }: Known,
  change: (unit: Unit) => Promise<void> | void,
  reminder: Omit<Reminder, 'token' | 'to'>,
): Promise<boolean> {
  const unit = deps.unit()
  await change(unit)
  await deps.commit(unit)
  const after = unit.known(apiTokens.name, doc.id) ?? doc
  const token = shownToken(after, record, deps.settings(), seconds(deps.clock))
  await deps.notify({ ...reminder, token, to: BOTH })
  return true
}

type Also = (unit: Unit) => void
const nothing: Also = () => {}
interface Reason {
  readonly by: By
  readonly why: string
}

/** A verb that stops a token, with what else stands in the same commit. */
const stopping =
  (verb: typeof quarantine | typeof revoke, about: 'quarantined' | 'revoked') =>
  (deps: DecideDeps, found: Known, reason: Reason, also = nothing): Promise<boolean> =>
    done(
      deps,
      found,
      async (unit) => {
        await verb(deps, unit, publicId(found.doc.id), reason)
        also(unit)
      },
      { about, why: reason.why },
    )

/** Holds a token. */
export const hold = stopping(quarantine, 'quarantined')

/** Ends a token. */
export const end = stopping(revoke, 'revoked')

/** What a decision takes from a token without stopping it: scopes, time, and that it should be rotated. Nothing it can give. */
function mildOf(deps: DecideDeps, { doc, record }: Known, verdict: Verdict, now: number) {
  const last = endOf(doc, limitsFor(record, deps.settings()))
  const exp = now + verdict.lifetimeSeconds
  const left = verdict.scopes && record.scopes.filter((scope) => verdict.scopes?.includes(scope))
  const taken = left ? record.scopes.filter((scope) => !left.includes(scope)) : []
  // "Step up" and "deny" have nobody to ask here: like a rotation they are the holder's to answer.
  const isDue = verdict.do !== 'keep' && typeof doc.fields.due !== 'number'
  const set: Change = {
    ...(left && taken.length > 0 ? tokenScopes(deps.seal, doc, { ...record, scopes: left }) : {}),
    ...(exp < last ? { exp } : {}),
    ...(isDue ? { fields: { due: now } } : {}),
  }
  return { set, taken, ends: exp < last ? exp : undefined, isDue }
}

/** Applies what is milder than a hold, in one write. False where there is nothing to change. */
async function mild(deps: DecideDeps, found: Known, verdict: Verdict, { by, also }: { by: By; also: Also }) {
  const { set, taken, ends, isDue } = mildOf(deps, found, verdict, seconds(deps.clock))
  if (Object.keys(set).length === 0) return false
  const { why } = verdict
  const change = (unit: Unit): void => {
    decide(unit, found, set)
    if (taken.length > 0) tell(deps, unit, found, { event: 'narrowed', by, why, more: { taken, to: BOTH } })
    if (ends !== undefined) tell(deps, unit, found, { event: 'shortened', by, why, more: { ends, to: BOTH } })
    if (isDue) tell(deps, unit, found, { event: 'due', by, why, more: { to: BOTH } })
    also(unit)
  }
  return done(deps, found, change, { about: isDue ? 'rotation' : 'narrowed', why })
}

/** The decision about a token, with what is kept of it. */
async function asked(deps: DecideDeps, found: Known, life: Lifecycle, question: Question) {
  const facts = await factsOf(deps, found, life, question)
  const verdict = await deps.decide(facts)
  return { verdict, record: { token: publicId(found.doc.id), ...verdict, facts } }
}

/** Asks the engine and does what it says. False where nothing was changed. */
export async function askAndAct(deps: DecideDeps, found: Known, life: Lifecycle, question: Question): Promise<boolean> {
  const { verdict, record } = await asked(deps, found, life, question)
  const { why } = verdict
  const also: Also = (unit) => unit.note('rotation.decided', record, 'written')
  const reason = { by: 'rotation policy', why }
  const isEmptied = verdict.scopes?.length === 0 && found.record.scopes.length > 0
  switch (verdict.do) {
    case 'revoke':
    case 'revokeFamily':
      return end(deps, found, reason, also)
    case 'quarantine':
      return hold(deps, found, reason, also)
    case 'keep':
    case 'rotate':
    case 'stepUp':
    case 'deny': {
      // A token is never without a scope: what may do nothing any more is held.
      if (isEmptied) return hold(deps, found, reason, also)
      const isOwn = verdict.do === 'rotate' && life.rotateEvery !== undefined
      return mild(deps, found, verdict, { by: isOwn ? `policy ${life.rotateEvery?.policy}` : reason.by, also })
    }
    default:
      return verdict.do satisfies never
  }
}

/** The two questions that no timer asks. */
export function createTokenDecisions(deps: DecideDeps) {
  return {
    /** What a leak leads to, for whoever takes the token out of use: the hold at least. `record`: for the event `rotation.decided`. */
    async onLeak(id: string): Promise<{
      readonly do: 'quarantine' | 'revoke'
      readonly why: string
      readonly record: Readonly<Record<string, unknown>>
    }> {
      const found = await known(deps, deps.store, id)
      const life = lifecycleOf(found.record, deps.settings())
      const { verdict, record } = await asked(deps, found, life, { event: 'leak' })
      const isEnd = verdict.do === 'revoke' || verdict.do === 'revokeFamily'
      return { do: isEnd ? 'revoke' : 'quarantine', why: verdict.why, record }
    },
    /** A sign that somebody else has a token: asks, and does what the policies say. Without one nothing happens. True where it changed. */
    onRisk: (id: string, seen: Pick<Question, 'risk' | 'request'>): Promise<boolean> =>
      // The use that showed it is written at the same moment, on the same document.
      overRivals(TRIES, async () => {
        const found = await known(deps, deps.store, id)
        const configuration = deps.settings()
        if (stateNow(found.doc, found.record, configuration, seconds(deps.clock)) !== 'active') return false
        return askAndAct(deps, found, lifecycleOf(found.record, configuration), { event: 'risk', ...seen })
      }),
  }
}

export type TokenDecisions = ReturnType<typeof createTokenDecisions>

/**
 * Marks a token and tells, in one write. The event says who is to hear of it, by what they are to the token: whoever carries it on (mail, a
 * webhook) finds the owner by the token's id and the administrators' addresses at that moment, not as they were.
 */
export function mark(
  deps: DecideDeps,
  found: Known,
  fields: Doc['fields'],
  what: Reason & { readonly event: string; readonly more?: Readonly<Record<string, unknown>> },
): Also {
  return (unit) => {
    decide(unit, found, { fields })
    tell(deps, unit, found, { ...what, more: { ...what.more, to: BOTH } })
  }
}
