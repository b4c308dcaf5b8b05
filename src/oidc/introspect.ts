/**
 * Introspection and userinfo of JWT access tokens. The library refuses structured tokens at introspection; ours are verified
 * here, and a payload stands in for the token that is not stored, so that client authentication, policy and answer stay the library's.
 */

import type { JWTPayload } from 'jose'
import type { Verifier } from '../api-tokens/index.ts'
import { type Random, randomText, type Unit } from '../base/index.ts'
import { artefacts, type Payload, type Records } from './records.ts'
import type { VerifyJwt } from './verified-jwt.ts'
import { currentWork } from './work.ts'

/** What it uses. */
export interface IntrospectDeps {
  readonly verifyJwt: VerifyJwt
  readonly records: Records
  readonly random: Random
  readonly verifier: Pick<Verifier, 'carries'>
}

/** What a JWT stands for: as the library's models would hold it, were it stored. */
export interface StandIn {
  readonly kind: 'AccessToken' | 'ClientCredentials'
  readonly payload: Payload
}

/** What a JWT access token of ours is: alive with the text that stands in for it, or dead and why. */
export type IntrospectedJwt =
  | { readonly text: string; readonly jti: string | undefined; readonly aud: string | undefined }
  | { readonly dead: 'EXPIRED' | 'REVOKED'; readonly aud: string | undefined }

const known = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/** What a live JWT with these claims stands for, as a unit sees it; undefined where what it stands on is gone. */
export async function standInOf(
  { records, verifier }: Pick<IntrospectDeps, 'records' | 'verifier'>,
  unit: Pick<Unit, 'get'>,
  claims: JWTPayload,
): Promise<StandIn | undefined> {
  const { cnf } = claims
  const binding = typeof cnf === 'object' && cnf !== null ? { ...cnf } : {}
  const common = {
    iat: claims.iat,
    exp: claims.exp,
    aud: known(claims.aud),
    scope: known(claims.scope),
    clientId: known(claims.client_id),
    ...binding,
  }
  const tok = known(claims.tok)
  if (tok !== undefined) {
    // Exchanged for an API token: there is no family, and it lives as long as that.
    const source = await verifier.carries(tok, common.scope?.split(' ') ?? [])
    if (!source) return undefined
    return source.record.owner.type === 'account'
      ? { kind: 'AccessToken', payload: { ...common, accountId: source.record.owner.id, extra: { tok } } }
      : { kind: 'ClientCredentials', payload: { ...common, extra: { tok, sub: claims.sub } } }
  }
  const fam = known(claims.fam)
  if (fam === undefined) return { kind: 'ClientCredentials', payload: common }
  const family = await unit.get(artefacts.name, fam)
  if (!family || family.revokedAt !== null || family.state === 'quarantined') return undefined
  const { grantId, accountId } = await records.open(family)
  return { kind: 'AccessToken', payload: { ...common, grantId, accountId } }
}

/** Makes the function that takes a JWT of a request and returns the text that stands in for it. */
export function createIntrospection(deps: IntrospectDeps) {
  /** What a JWT access token of ours is; undefined for anything else. */
  return async (jwt: string): Promise<IntrospectedJwt | undefined> => {
    const checked = await deps.verifyJwt(jwt)
    if (!checked) return undefined
    const { claims, isOver } = checked
    const aud = known(claims.aud)
    if (isOver) return { dead: 'EXPIRED', aud }
    const found = await standInOf(deps, currentWork().unit, claims)
    if (!found) return { dead: 'REVOKED', aud }
    const text = `jwt ${randomText(deps.random, 16)}`
    currentWork().standIns.set(`${found.kind} ${text}`, { ...found.payload, jti: text, kind: found.kind })
    return { text, jti: known(claims.jti), aud }
  }
}

export type Introspection = ReturnType<typeof createIntrospection>
