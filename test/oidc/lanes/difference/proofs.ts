/** What clients with keys bring: proofs of possession (RFC 9449) and assertions (RFC 7523). */

import { createHash, generateKeyPairSync, type KeyPairKeyObjectResult, sign } from 'node:crypto'
import { seconds } from '../../../../src/base/index.ts'
import { clock } from './time.ts'

const pair = (): KeyPairKeyObjectResult => generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** The clients' own key, and two keys that tokens are bound to. */
export const CLIENT_KEY = pair()
export const PROOF_KEYS = [pair(), pair()] as const

let made = 0

function signed(key: KeyPairKeyObjectResult, header: object, claims: object): string {
  const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  const signature = sign('sha256', Buffer.from(text), { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signature.toString('base64url')}`
}

/** What a proof is for. `token`: the access token beside it. */
export interface ProofOf {
  readonly key: KeyPairKeyObjectResult
  readonly method: string
  readonly url: string
  readonly ath?: string | undefined
  readonly nonce?: string | undefined
}

const hashed = (token: string | undefined): { readonly ath?: string } =>
  token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') }

/** A fresh proof. */
export function proof({ key, method, url, ath, ...more }: ProofOf): string {
  const { kty, crv, x, y } = key.publicKey.export({ format: 'jwk' })
  const claims = { htm: method, htu: url, jti: `proof-${made++}`, iat: seconds(clock), ...hashed(ath), ...more }
  return signed(key, { alg: 'ES256', typ: 'dpop+jwt', jwk: { kty, crv, x, y } }, claims)
}

/** A fresh assertion of a client. */
export function assertion(clientId: string, issuer: string): string {
  const now = seconds(clock)
  const claims = { iss: clientId, sub: clientId, aud: issuer, jti: `assertion-${made++}`, iat: now, exp: now + 60 }
  return signed(CLIENT_KEY, { alg: 'ES256', kid: 'k' }, claims)
}

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
