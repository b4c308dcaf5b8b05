/** Grants as lanes read them: whether one lives and is a token's, and which of the scopes that are asked for it carries. */

import { type Clock, seconds, type Unit } from '../../base/index.ts'
import type { OpenedOnce } from '../../seal/index.ts'
import { artefacts, type Payload, type Records } from '../records.ts'

/** What reading uses. */
export interface GrantDeps {
  readonly records: Records
  /** Opens what is asked for again and again; what it gives is shared. */
  readonly opened: Pick<OpenedOnce<Payload>, 'of'>
  readonly clock: Clock
}

/** The words of a list that is one text (RFC 6749, 3.3); none of anything else. */
export const words = (text: unknown): readonly string[] =>
  typeof text === 'string' && text !== '' ? text.split(' ') : []

export const isRecord = (value: unknown): value is Payload => typeof value === 'object' && value !== null

/** The Grant that a token names, where it lives and is the token's; undefined where there is none such. */
export async function liveGrant(
  { records, opened, clock }: GrantDeps,
  unit: Unit,
  { grantId, clientId, accountId }: Payload,
): Promise<Payload | undefined> {
  if (typeof grantId !== 'string') return undefined
  const doc = await unit.get(artefacts.name, records.id('Grant', grantId))
  if (!doc || doc.revokedAt !== null) return undefined
  const grant = await opened.of(doc)
  const isTheirs = grant.clientId === clientId && grant.accountId === accountId
  return isTheirs && Number(grant.exp) > seconds(clock) ? grant : undefined
}

/** Of the scopes that are asked for, those of OpenID Connect that a Grant carries. */
export const grantedOidc = ({ openid }: Payload, scopes: readonly string[]): readonly string[] =>
  words(isRecord(openid) ? openid.scope : undefined).filter((scope) => scopes.includes(scope))
