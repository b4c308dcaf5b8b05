/** A live opaque access token with all that it stands on: its family, its Grant. */

import { type Clock, seconds, type Unit } from '../../base/index.ts'
import type { Families } from '../family.ts'
import { artefacts, type Kind, type Payload, type Records } from '../records.ts'

/** What it uses. */
export interface LiveTokenDeps {
  readonly records: Records
  readonly clock: Clock
  readonly families: Pick<Families, 'lives'>
  readonly wellFormed: (kind: Kind, text: string) => boolean
}

/** A token's payload, and its Grant's where it has one. */
export interface LiveToken {
  readonly payload: Payload
  readonly grant: Payload | undefined
}

/** Finds one; undefined where it is dead, or lives only as long as a session does (which is the library's to see). */
export type LivePayload = (unit: Unit, kind: Kind, text: string) => Promise<LiveToken | undefined>

/** Makes the function. */
export function createLivePayload({ records, clock, families, wellFormed }: LiveTokenDeps): LivePayload {
  const isOver = (exp: unknown): boolean => !(Number(exp) > seconds(clock))

  /** The Grant that a token names; false where it does not live or is another's. */
  async function grantOf(unit: Unit, { grantId, clientId, accountId }: Payload): Promise<Payload | undefined | false> {
    if (typeof grantId !== 'string') return accountId === undefined ? undefined : false
    const doc = await unit.get(artefacts.name, records.id('Grant', grantId))
    if (!doc || doc.revokedAt !== null) return false
    const grant = await records.open(doc)
    return grant.clientId === clientId && grant.accountId === accountId && !isOver(grant.exp) && grant
  }

  return async (unit, kind, text) => {
    if (!wellFormed(kind, text)) return undefined
    const doc = await unit.get(artefacts.name, records.id(kind, text))
    if (!doc || doc.revokedAt !== null || doc.state !== 'live' || !(await families.lives({ unit }, doc)))
      return undefined
    const payload = await records.open(doc)
    if (isOver(payload.exp) || payload.expiresWithSession || typeof payload.clientId !== 'string') return undefined
    const grant = await grantOf(unit, payload)
    return grant === false ? undefined : { payload, grant }
  }
}
