/** JWT access tokens of ours, verified: a resource server asks about the same one again and again, and a signature that was good stays good. */

import { hash } from 'node:crypto'
import { decodeProtectedHeader, errors, importJWK, type JWTPayload, jwtVerify } from 'jose'
import type { ProviderKey } from '../keys/index.ts'

/** What it uses. */
export interface VerifiedJwtDeps {
  readonly issuer: string
  /** The public key of a kid; undefined when it verifies nothing any more. */
  readonly keyOf: (kid: string) => Pick<ProviderKey, 'publicJwk' | 'alg'> | undefined
  readonly now: () => Date
}

/** A JWT of ours: the id of its key, its claims; `isOver`: its end has come. */
export interface VerifiedJwt {
  readonly kid: string
  readonly claims: JWTPayload
  readonly isOver: boolean
}

/** Resolves to undefined for whatever is no JWT access token of ours. The signature is checked before any claim. */
export type VerifyJwt = (jwt: string) => Promise<VerifiedJwt | undefined>

/** As many as are kept; then the one that came first goes. */
const KEPT_MAX = 4000

function kidOf(jwt: string): string | undefined {
  try {
    return decodeProtectedHeader(jwt).kid
  } catch {
    return undefined
  }
}

/** Verifies one (RFC 9068, 4), for who is asked about a text once; else as `VerifyJwt`. */
export async function verifiedJwt(
  { issuer, keyOf, now }: VerifiedJwtDeps,
  jwt: string,
): Promise<VerifiedJwt | undefined> {
  const kid = kidOf(jwt)
  const key = kid === undefined ? undefined : keyOf(kid)
  if (kid === undefined || !key) return undefined
  try {
    const expected = { issuer, typ: 'at+jwt', algorithms: [key.alg], currentDate: now() }
    const { payload } = await jwtVerify(jwt, await importJWK({ ...key.publicJwk }, key.alg), expected)
    return { kid, claims: payload, isOver: false }
  } catch (cause) {
    return cause instanceof errors.JWTExpired ? { kid, claims: cause.payload, isOver: true } : undefined
  }
}

/** Makes the function that remembers what it verified. Its claims are shared: nobody can change them. */
export function createVerifyJwt(deps: VerifiedJwtDeps): VerifyJwt {
  const kept = new Map<string, VerifiedJwt>()

  function keep(name: string, one: VerifiedJwt): void {
    kept.set(name, { ...one, claims: Object.freeze(one.claims) })
    const [oldest] = kept.keys()
    if (kept.size > KEPT_MAX && oldest !== undefined) kept.delete(oldest)
  }

  return async (jwt) => {
    const name = hash('sha256', jwt, 'base64url')
    const before = kept.get(name)
    if (!before) {
      const found = await verifiedJwt(deps, jwt)
      // What may begin later, or has no end, is none of ours; it is looked at anew each time.
      if (found && !found.isOver && found.claims.nbf === undefined && found.claims.exp !== undefined) keep(name, found)
      return found
    }
    // Its key may have been withdrawn since, and its end may have come.
    if (!deps.keyOf(before.kid)) return undefined
    return { ...before, isOver: Number(before.claims.exp) <= Math.floor(deps.now().getTime() / 1000) }
  }
}
