/** A JWS by hand: what a signer signs and what a verifier that knows nothing of it (jose) says to the result. */

import { calculateJwkThumbprint, compactVerify, importJWK } from 'jose'
import type { Algorithm, KeptKey, Sign, Signers } from '../../src/index.ts'

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A key that a signer made, with the name that the keyring gives it. */
export async function madeKey(signers: Signers, alg: Algorithm): Promise<KeptKey> {
  const made = await signers.make(alg)
  return { ...made, alg, kid: await calculateJwkThumbprint(made.publicJwk) }
}

/** A compact JWS with these claims. */
export async function signed({ kid, alg }: KeptKey, sign: Sign, claims: object = { sub: 'someone' }): Promise<string> {
  const input = `${part({ alg, kid })}.${part(claims)}`
  return `${input}.${Buffer.from(await sign(Buffer.from(input))).toString('base64url')}`
}

/** Verifies with the published key; throws when it does not hold. */
export async function verified(jws: string, { publicJwk, alg }: KeptKey): Promise<unknown> {
  const { payload } = await compactVerify(jws, await importJWK(publicJwk, alg))
  return JSON.parse(Buffer.from(payload).toString())
}

/** The members of a JWK that nobody else may see (RFC 7518, 6; AKP: `priv`). */
export const PRIVATE_MEMBERS: readonly string[] = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']
