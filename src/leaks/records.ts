/** Collections of leak reports and of what was told when. No text of a token is in them: only keyed hashes, sealed. */

import type { Collection, Doc, NewDoc, Store } from '../../adapters/store.ts'
import { bound, type Clock, newDoc, seconds, TENANT, type Unit } from '../base/index.ts'
import type { OauthMark } from '../oidc/index.ts'
import type { Seal } from '../seal/index.ts'

export const leakReports: Collection = {
  name: 'leak-reports',
  indexes: [['state']],
  fields: {},
  expires: true,
  about:
    'Reports of leaked tokens that wait for the background. The body seals keyed hashes of what was reported and where it was seen; it is removed when it is worked off.',
}

export const leakMarks: Collection = {
  name: 'leak-marks',
  indexes: [],
  fields: { until: 'until when it is not told again, Unix milliseconds' },
  expires: true,
  about:
    'Which owner was told of which token, and which trap has alarmed, by keyed hash: nobody is told twice too soon.',
}

/** One reported text, as it is queued. */
export interface Reported {
  /** Ids that an API token's document of this text would have; of no use to who has only them. */
  readonly ids: readonly string[]
  /** What the protocol's side needs to end such an OAuth token; hashes too. */
  readonly oauth: OauthMark | null
  /** Where it was seen, where the reporter says so. */
  readonly seenAt: string | null
}

/** A report. */
export interface Report {
  /** 'leak report' or 'leak report by GitHub'. */
  readonly by: string
  readonly reported: readonly Reported[]
}

/** A report that nobody has worked off in a week is swept. */
const KEPT_SECONDS = 7 * 24 * 3600

/** The document of a report: one, whatever it holds. */
export function reportDoc(
  seal: Seal,
  input: { readonly id: string; readonly at: number; readonly report: Report },
): NewDoc {
  const columns = bound({ tenant: TENANT, kind: 'leak-report', id: input.id, iat: input.at })
  return newDoc(columns, {
    hk: seal.hk,
    ...seal.seal(columns, Buffer.from(JSON.stringify(input.report))),
    purgeAt: input.at + KEPT_SECONDS,
    state: 'waiting',
  })
}

/** Opens a report: these bytes were a Report when they were sealed. */
export async function reportOf(seal: Seal, doc: Doc): Promise<Report> {
  return JSON.parse((await seal.open(doc)).toString()) as Report
}

/** What marks are made with. */
export interface MarkDeps {
  readonly store: Pick<Store, 'get'>
  readonly seal: Pick<Seal, 'hash' | 'hk'>
  readonly clock: Clock
}

/**
 * Stages a mark in the unit: true where none stands for `what` and `key`. It stands for `lengthSeconds`. Of two units that stage
 * the same at once, one commits and the other meets a Conflict.
 */
export async function stageMark(
  { store, seal, clock }: MarkDeps,
  unit: Unit,
  mark: { readonly what: string; readonly key: string; readonly lengthSeconds: number },
): Promise<boolean> {
  const id = seal.hash('pointer', TENANT, `leak mark ${mark.what}`, mark.key)
  const stands = await store.get(leakMarks.name, id)
  if (stands && Number(stands.fields.until) > clock.now()) return false
  const set = {
    purgeAt: seconds(clock) + mark.lengthSeconds + 3600,
    fields: { until: clock.now() + mark.lengthSeconds * 1000 },
  }
  if (stands) unit.update(leakMarks.name, stands, set)
  else unit.insert(leakMarks.name, newDoc(bound({ tenant: TENANT, kind: 'leak-mark', id }), { hk: seal.hk, ...set }))
  return true
}
