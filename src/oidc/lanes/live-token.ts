/** A live opaque access token with all that it stands on: its family, its Grant. */

import { seconds, type Unit } from '../../base/index.ts'
import type { Families } from '../family.ts'
import { artefacts, type Kind, type Payload } from '../records.ts'
import { type GrantDeps, liveGrant } from './grant.ts'

/** What it uses. */
export interface LiveTokenDeps extends GrantDeps {
  readonly families: Pick<Families, 'lives'>
}

/** A token's payload, and its Grant's where it has one. */
export interface LiveToken {
  readonly payload: Payload
  readonly grant: Payload | undefined
}

/** Finds one by a text that is well formed; undefined where it is dead, or lives only as long as a session does (which is the library's to see). */
export type LivePayload = (unit: Unit, kind: Kind, text: string) => Promise<LiveToken | undefined>

/** Makes the function. */
export function createLivePayload(deps: LiveTokenDeps): LivePayload {
  const { records, clock, families } = deps
  const isOver = (exp: unknown): boolean => !(Number(exp) > seconds(clock))

  return async (unit, kind, text) => {
    const doc = await unit.get(artefacts.name, records.id(kind, text))
    if (!doc || doc.revokedAt !== null || doc.state !== 'live' || !(await families.lives({ unit }, doc)))
      return undefined
    const payload = await records.open(doc)
    if (isOver(payload.exp) || payload.expiresWithSession || typeof payload.clientId !== 'string') return undefined
    const grant = await liveGrant(deps, unit, payload)
    const needsNone = typeof payload.grantId !== 'string' && payload.accountId === undefined
    return grant || needsNone ? { payload, grant } : undefined
  }
}
