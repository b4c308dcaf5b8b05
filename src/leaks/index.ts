/**
 * Leaks: what happens when a token stands where it should not. Owns the intake of reports (anyone's, and GitHub's signed ones), the work
 * that follows them, the traps, and how a token is found in a text. It refuses to know how tokens are kept: it calls their verbs.
 */

import type Koa from 'koa'
import type { Store } from '../../adapters/store.ts'
import { createThrottle } from '../accounts/index.ts'
import type { ShownToken, TokenVerbs } from '../api-tokens/index.ts'
import type { Clock, Random, Unit } from '../base/index.ts'
import type { Outbound } from '../http/index.ts'
import type { OauthMark } from '../oidc/index.ts'
import type { Seal } from '../seal/index.ts'
import type { Logger } from '../telemetry/index.ts'
import { type Canary, type CanarySeen, type CanaryToken, createCanary } from './canary.ts'
import { refuse } from './errors.ts'
import { createReporter, type ReporterKeys } from './github.ts'
import type { LeakDecision, LeakNotice } from './react.ts'
import { leakMarks, leakReports } from './records.ts'
import { createRoutes } from './routes.ts'
import { createWork } from './work.ts'

export type { Canary, CanarySeen, CanaryToken } from './canary.ts'
export type { ReporterKeys } from './github.ts'
export { type Found, findTokens, isPrefix, KINDS, patternOf, redacted, TEXT_LENGTH_MAX } from './pattern.ts'
export type { LeakDecision, LeakNotice, Reaction } from './react.ts'
export { REPORT_PATH, SIGNED_REPORT_PATH } from './routes.ts'

/** What this room refuses. */
export const leakRefusals = refuse.table

/** This room's collections. */
export const leakCollections = [leakReports, leakMarks] as const

/** This room's events. */
export type LeakEvent = 'api_token.leaked' | 'api_token.canary_used'

/** What the protocol's side does about its tokens. `mark` hashes a text: total, asks no store; the other two take what is left of it. */
export interface OauthTokens {
  mark(text: string): Promise<OauthMark>
  isLive(mark: OauthMark): Promise<boolean>
  end(mark: OauthMark, by: string): Promise<boolean>
}

/** What the room is made from. */
export interface LeakDeps {
  readonly store: Pick<Store, 'get' | 'find' | 'lease' | 'release'>
  readonly seal: Seal
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
  readonly tokens: Pick<TokenVerbs, 'show' | 'quarantine' | 'revoke'>
  readonly outbound: Outbound
  /** Reports from one network in an hour; 60 unless given, as GitHub has it. */
  readonly reportsPerHour?: number | undefined
  /** Who may sign reports; none unless given: the route is not there. */
  readonly github?: ReporterKeys | undefined
  /** Ids that a token with this text would have: one of our own, an imported one. The same number for every text. */
  readonly idsOf: (text: string) => readonly string[]
  readonly oauth: OauthTokens
  /** What the rotation policies say of a live token that leaked. */
  readonly reaction: (token: ShownToken) => Promise<LeakDecision>
  /** Tells the owner, once a day at most for each token. */
  readonly tellOwner: (notice: LeakNotice) => Promise<void>
  /** Tells whoever watches that a trap was used, once a minute at most for each. */
  readonly alarm: (token: CanaryToken, seen: CanarySeen) => Promise<void>
}

const HOUR_SECONDS = 3600
const REPORTS_PER_HOUR = 60

/** The room. */
export interface Leaks {
  /** Answers the room's two addresses and reads their bodies itself (they are larger than others'); false for any other path. */
  answer(ctx: Koa.Context, address: string): Promise<boolean>
  /** Works off reports; a timer calls it, once a second. */
  work(): Promise<void>
  /** Verification calls it for every use of a trap. */
  readonly onCanary: Canary
}

/** Opens the room. */
export function createLeaks(deps: LeakDeps): Leaks {
  const { reportsPerHour = REPORTS_PER_HOUR, oauth } = deps
  // One more than the limit: it is counted before it is looked at.
  const reports = createThrottle(deps, { name: 'leak reports', points: reportsPerHour + 1, seconds: HOUR_SECONDS })
  const wrongSignatures = createThrottle(deps, {
    name: 'leak signatures',
    points: REPORTS_PER_HOUR,
    seconds: HOUR_SECONDS,
  })
  const { find, work } = createWork(deps)
  const answer = createRoutes({
    ...deps,
    reports,
    wrongSignatures,
    reporter: deps.github && createReporter({ ...deps, from: deps.github }),
    exists: async ({ ids, oauth: mark }) =>
      (await Promise.all(ids.map(find))).some((one) => one !== undefined) ||
      (mark !== null && (await oauth.isLive(mark))),
  })
  return { answer, work, onCanary: createCanary(deps) }
}
