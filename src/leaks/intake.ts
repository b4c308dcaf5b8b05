/**
 * What happens to a report before it is answered. Nothing here asks whether a token exists: each text is hashed in the same way, known or
 * not, and the hashes are queued as one document. So neither content nor time of the answer says anything (hazards.md 4.8).
 */

import { z } from 'zod'
import { type Clock, type Random, randomText, seconds, type Unit } from '../base/index.ts'
import type { OauthMark } from '../oidc/index.ts'
import type { Seal } from '../seal/index.ts'
import { refuse } from './errors.ts'
import { leakReports, type Report, type Reported, reportDoc } from './records.ts'

/** GitHub's own limit (`POST /credentials/revoke`). */
export const TOKENS_MAX = 1000
/** As long as any text that is verified: a JWT access token of ours has some 700 characters. */
const TEXT_LENGTH_MAX = 4096
/** 1,000 texts of the longest kind, in characters of one byte. */
export const REPORT_BYTES_MAX = 4 * 1024 * 1024

const report = z.object({ tokens: z.array(z.unknown()).min(1).max(TOKENS_MAX) })
const signedEntry = z.object({
  token: z.string(),
  type: z.string().max(200),
  url: z.string().max(2048).nullish(),
  source: z.string().max(100).nullish(),
})
const signedReport = z.array(z.unknown()).max(TOKENS_MAX)

/** One entry of GitHub's format. */
export type SignedEntry = z.output<typeof signedEntry>

function json(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
}

/** The texts of an unsigned report, one for each entry. Throws `bad_report` for another shape. */
export function parseReport(body: Buffer): readonly string[] {
  const parsed = report.safeParse(json(body))
  if (!parsed.success) throw refuse('bad_report')
  // One that is no text is nobody's token: it must not spoil what stands beside it.
  return parsed.data.tokens.map((one) => (typeof one === 'string' ? one : ''))
}

/** The entries of a signed report; those that can't be read are passed over. Throws `bad_signed_report` for what is no list. */
export function parseSignedReport(body: Buffer): readonly SignedEntry[] {
  const parsed = signedReport.safeParse(json(body))
  if (!parsed.success) throw refuse('bad_signed_report')
  return parsed.data.flatMap((one) => signedEntry.safeParse(one).data ?? [])
}

/** What the intake uses. */
export interface IntakeDeps {
  readonly seal: Seal
  readonly clock: Clock
  readonly random: Random
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
  /** Ids that a token with this text would have. Its work depends on the text alone. */
  readonly idsOf: (text: string) => readonly string[]
  /** The same for OAuth tokens: hashes; total, and of the same work for junk. */
  readonly oauth: { mark(text: string): Promise<OauthMark> }
}

/** Hashes reported texts: the same work for each, in order, no store. */
export async function hashed(
  { idsOf, oauth }: Pick<IntakeDeps, 'idsOf' | 'oauth'>,
  entries: readonly { readonly token: string; readonly seenAt: string | null }[],
): Promise<readonly Reported[]> {
  const reported: Reported[] = []
  // One after the other: a report must not take the whole process.
  for (const { token: text, seenAt } of entries) {
    // Longer than any token can be: what names nobody is hashed in its place.
    const token = text.length <= TEXT_LENGTH_MAX ? text : ''
    reported.push({ ids: idsOf(token), oauth: await oauth.mark(token), seenAt })
  }
  return reported
}

/** Queues a report durably: one insert, one commit. */
export async function queue(deps: IntakeDeps, entry: Report): Promise<void> {
  const unit = deps.unit()
  const id = randomText(deps.random, 18)
  unit.insert(leakReports.name, reportDoc(deps.seal, { id, at: seconds(deps.clock), report: entry }))
  await deps.commit(unit)
}
