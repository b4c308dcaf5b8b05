/**
 * Introspection and userinfo of JWT access tokens. The library refuses structured tokens at introspection; ours are verified
 * here, and a payload stands in for the token that is not stored, so that client authentication, policy and answer stay the library's.
 */

import { decodeProtectedHeader, importJWK, type JWTPayload, jwtVerify } from 'jose'
import { type Random, randomText } from '../base/index.ts'
import type { ProviderKey } from '../keys/index.ts'
import { artefacts, type Payload, type Records } from './records.ts'
import { currentWork } from './work.ts'

/** What it uses. */
export interface IntrospectDeps {
  readonly issuer: string
  /** The public key of a kid; undefined when it verifies nothing any more. */
  readonly verifier: (kid: string) => Pick<ProviderKey, 'publicJwk' | 'alg'> | undefined
  readonly records: Records
  readonly random: Random
  readonly now: () => Date
}

const known = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/** Makes the function that takes a JWT of a request and returns the text that stands in for it. */
export function createIntrospection(deps: IntrospectDeps) {
  const { records } = deps

  async function verified(jwt: string): Promise<JWTPayload | undefined> {
    try {
      const { kid } = decodeProtectedHeader(jwt)
      const key = kid === undefined ? undefined : deps.verifier(kid)
      if (!key) return undefined
      const { payload } = await jwtVerify(jwt, await importJWK({ ...key.publicJwk }, key.alg), {
        issuer: deps.issuer,
        typ: 'at+jwt',
        algorithms: [key.alg],
        currentDate: deps.now(),
      })
      return payload
    } catch {
      return undefined
    }
  }

  async function payloadOf(
    claims: JWTPayload,
  ): Promise<{ readonly kind: 'AccessToken' | 'ClientCredentials'; readonly payload: Payload } | undefined> {
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
    const fam = known(claims.fam)
    if (fam === undefined) return { kind: 'ClientCredentials', payload: common }
    const family = await currentWork().unit.get(artefacts.name, fam)
    if (!family || family.revokedAt !== null || family.state === 'quarantined') return undefined
    const { grantId, accountId } = await records.open(family)
    return { kind: 'AccessToken', payload: { ...common, grantId, accountId } }
  }

  /** The text that stands in for a live JWT access token of ours, with its `jti`; undefined for anything else. */
  return async (jwt: string): Promise<{ readonly text: string; readonly jti: string | undefined } | undefined> => {
    const claims = await verified(jwt)
    const found = claims && (await payloadOf(claims))
    if (!claims || !found) return undefined
    const text = `jwt ${randomText(deps.random, 16)}`
    currentWork().standIns.set(`${found.kind} ${text}`, { ...found.payload, jti: text, kind: found.kind })
    return { text, jti: known(claims.jti) }
  }
}

export type Introspection = ReturnType<typeof createIntrospection>
