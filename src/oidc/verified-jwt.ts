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

/** The claims of a JWT of ours; `isOver`: its end has come. */
export interface VerifiedJwt {
  readonly claims: JWTPayload
  readonly isOver: boolean
}

/** Resolves to undefined for whatever is no JWT access token of ours. The signature is checked before any claim. */
export type VerifyJwt = (jwt: string) => Promise<VerifiedJwt | undefined>

interface Known {
  readonly kid: string
  readonly claims: JWTPayload
}

/** As many as are kept, by their hashes; then the half that came first goes. */
const KEPT_MAX = 4000

const checked = async (
  { issuer, now }: VerifiedJwtDeps,
  jwt: string,
  key: Pick<ProviderKey, 'publicJwk' | 'alg'>,
): Promise<JWTPayload> => {
  const { payload } = await jwtVerify(jwt, await importJWK({ ...key.publicJwk }, key.alg), {
    issuer,
    typ: 'at+jwt',
    algorithms: [key.alg],
    currentDate: now(),
  })
  return payload
}

/** Makes the function (RFC 9068, 4). Its claims are shared: nobody may change them. */
export function createVerifyJwt(deps: VerifiedJwtDeps): VerifyJwt {
  const known = new Map<string, Known>()

  function keep(name: string, one: Known): void {
    if (known.size >= KEPT_MAX) for (const old of [...known.keys()].slice(0, KEPT_MAX / 2)) known.delete(old)
    known.set(name, one)
  }

  async function verified(jwt: string, name: string): Promise<VerifiedJwt | undefined> {
    try {
      const { kid } = decodeProtectedHeader(jwt)
      const key = kid === undefined ? undefined : deps.keyOf(kid)
      if (kid === undefined || !key) return undefined
      const claims = await checked(deps, jwt, key)
      // What may begin later, or has no end, is none of ours; it is looked at anew each time.
      if (claims.nbf === undefined && claims.exp !== undefined) keep(name, { kid, claims: Object.freeze(claims) })
      return { claims, isOver: false }
    } catch (cause) {
      return cause instanceof errors.JWTExpired ? { claims: cause.payload, isOver: true } : undefined
    }
  }

  return async (jwt) => {
    const name = hash('sha256', jwt, 'base64url')
    const before = known.get(name)
    if (!before) return verified(jwt, name)
    // Its key may have been withdrawn since, and its end may have come.
    if (!deps.keyOf(before.kid)) return undefined
    const { claims } = before
    return { claims, isOver: Number(claims.exp) <= Math.floor(deps.now().getTime() / 1000) }
  }
}
