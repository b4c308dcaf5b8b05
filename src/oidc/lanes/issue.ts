/** The tokens that a refresh answers with, made as the library makes them: the access token and the ID token. */

import type { Client } from 'oidc-provider'
import { type Clock, type Random, randomText, seconds } from '../../base/index.ts'
import type { ApiRecord } from '../../clients/index.ts'
import type { Configuration } from '../../config/index.ts'
import type { Seal } from '../../seal/index.ts'
import { claimsFor } from '../claims.ts'
import { artefacts, type Payload, type Records } from '../records.ts'
import { accessTokenSeconds } from '../resources.ts'
import type { Work } from '../work.ts'
import type { JwtSigner } from './jwt.ts'

/** What issuing uses. */
export interface IssueDeps {
  readonly records: Records
  readonly seal: Seal
  readonly clock: Clock
  readonly random: Random
  readonly signer: JwtSigner
  readonly issuer: string
  readonly lifetimes: Configuration['lifetimes']
}

/** Whom a token is for and what it stands on: what a refresh token says of it. */
export interface Standing {
  readonly client: Client
  /** What an ID token may say of the account. */
  readonly person: { readonly sub: string } & Readonly<Record<string, unknown>>
  /** The refresh token's payload. */
  readonly source: Payload
  /** Scopes of the request, or all of the refresh token's. */
  readonly scopes: readonly string[]
  readonly oidcScopes: readonly string[]
}

/** What an access token is for: an API with the scopes that are granted there, or none. */
export interface Target {
  readonly api: ApiRecord | undefined
  readonly scopes: readonly string[]
}

/** An access token's text and its lifetime in seconds. */
export interface Issued {
  readonly text: string
  readonly lifetime: number
}

/** As many as the library takes. */
export const JTI_BYTES = 32
const GTY = 'refresh_token'

/** The chain of grants that led to a token, as the library writes it: this one at its end, once. */
export const chainOf = (gty: unknown): unknown =>
  typeof gty === 'string' && !gty.endsWith(GTY) ? `${gty} ${GTY}` : gty

/** Whether the algorithms that are needed sign now, and none of the answer is encrypted or made for one client alone. */
export function isIssuable({ signer }: IssueDeps, client: Client, { api }: Target, wantsIdToken: boolean): boolean {
  if (client.subjectType === 'pairwise') return false
  if (api?.accessToken === 'jwt' && !signer.signs(api.algorithm)) return false
  return !wantsIdToken || (!client.idTokenEncryptedResponseEnc && signer.signs(String(client.idTokenSignedResponseAlg)))
}

function opaque({ records, seal }: IssueDeps, work: Work, { source, client }: Standing, members: Payload): string {
  const text = seal.mint('at')
  const { grantId, sessionUid, expiresWithSession, accountId, sid } = source
  const own = { jti: text, kind: 'AccessToken', grantId, sessionUid, expiresWithSession, accountId, sid }
  const payload = { ...members, ...own, clientId: client.clientId }
  const family = work.family?.id ?? null
  work.unit.insert(
    artefacts.name,
    records.document('AccessToken', records.id('AccessToken', text), payload, { family }),
  )
  return text
}

/** Stages an opaque access token, or signs a JWT (RFC 9068) with what a feed needs to revoke it. */
export async function issueAccessToken(
  deps: IssueDeps,
  work: Work,
  standing: Standing,
  { api, scopes }: Target,
): Promise<Issued> {
  const { lifetimes, clock, records } = deps
  const isJwt = api?.accessToken === 'jwt'
  const lifetime = accessTokenSeconds(api, lifetimes)
  const iat = seconds(clock)
  const times = { iat, exp: iat + lifetime }
  const scope = scopes.join(' ')
  const { source, client } = standing
  if (!isJwt)
    return { text: opaque(deps, work, standing, { ...times, gty: chainOf(source.gty), aud: api?.id, scope }), lifetime }
  const claims = {
    jti: randomText(deps.random, JTI_BYTES),
    sub: source.accountId,
    ...times,
    scope: scope || undefined,
    client_id: client.clientId,
    iss: deps.issuer,
    aud: api.id,
    fam: work.family?.id,
    sid: typeof source.sessionUid === 'string' ? records.hash('Session', source.sessionUid) : undefined,
    acr: source.acr,
    auth_time: source.authTime,
  }
  return { text: await deps.signer.sign(api.algorithm, claims, 'at+jwt'), lifetime }
}

/** Signs an ID token (OpenID Connect Core, 12.2). Beside an access token for userinfo it tells of the sign-in alone. */
export async function issueIdToken(
  { clock, lifetimes, issuer, signer }: IssueDeps,
  { client, person, source, oidcScopes }: Standing,
  { api }: Target,
): Promise<string> {
  const { acr, amr, authTime } = source
  const available = { ...person, acr, amr, auth_time: authTime }
  const iat = seconds(clock)
  const claims = {
    ...claimsFor(api ? oidcScopes : ['openid'], available),
    nonce: source.nonce,
    sid: source.sid,
    aud: client.clientId,
    exp: iat + lifetimes.idTokenSeconds,
    iat,
    iss: issuer,
    sub: person.sub,
  }
  return signer.sign(String(client.idTokenSignedResponseAlg), claims)
}
