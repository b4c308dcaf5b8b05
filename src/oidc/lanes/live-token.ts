/** A live access token with all that it stands on: its family, its Grant. */

import { seconds, type Unit } from '../../base/index.ts'
import type { Families } from '../family.ts'
import { type IntrospectDeps, type StandIn, standInOf } from '../introspect.ts'
import { artefacts, type Kind, type Payload } from '../records.ts'
import { type GrantDeps, liveGrant } from './grant.ts'

/** What it uses. */
export interface LiveTokenDeps extends GrantDeps {
  readonly families: Pick<Families, 'lives'>
}

/** What finding a JWT uses. */
export interface LiveJwtDeps extends GrantDeps, Pick<IntrospectDeps, 'verifyJwt' | 'verifier'> {}

/** A token's payload, and its Grant's where it has one. */
export interface LiveToken {
  readonly payload: Payload
  readonly grant: Payload | undefined
}

/** Finds one by a text that is well formed; undefined where it is dead, or lives only as long as a session does (which is the library's to see). */
export type LivePayload = (unit: Unit, kind: Kind, text: string) => Promise<LiveToken | undefined>

/** A live JWT as what it stands for, and its `jti`. */
export interface LiveJwtFound extends StandIn {
  readonly jti: string | undefined
}

/** Finds what a JWT of ours stands for; undefined where it is dead or none of ours, or was exchanged for an API token. */
export type LiveJwt = (unit: Unit, text: string) => Promise<LiveJwtFound | undefined>

/** Makes the function for JWTs. */
export function createLiveJwt(deps: LiveJwtDeps): LiveJwt {
  return async (unit, text) => {
    const verified = await deps.verifyJwt(text)
    if (!verified || verified.isOver || verified.claims.tok !== undefined) return undefined
    const { claims } = verified
    const found = await standInOf(deps, unit, claims)
    if (!found || typeof found.payload.clientId !== 'string') return undefined
    if (found.kind === 'AccessToken' && !(await liveGrant(deps, unit, found.payload))) return undefined
    return { ...found, jti: typeof claims.jti === 'string' ? claims.jti : undefined }
  }
}

/** Makes the function for opaque tokens. */
export function createLivePayload(deps: LiveTokenDeps): LivePayload {
  const { records, opened, clock, families } = deps
  const isOver = (exp: unknown): boolean => !(Number(exp) > seconds(clock))

  return async (unit, kind, text) => {
    const doc = await unit.get(artefacts.name, records.id(kind, text))
    if (!doc || doc.revokedAt !== null || doc.state !== 'live' || !(await families.lives({ unit }, doc)))
      return undefined
    const payload = await opened.of(doc)
    if (isOver(payload.exp) || payload.expiresWithSession || typeof payload.clientId !== 'string') return undefined
    const grant = await liveGrant(deps, unit, payload)
    const needsNone = typeof payload.grantId !== 'string' && payload.accountId === undefined
    return grant || needsNone ? { payload, grant } : undefined
  }
}
