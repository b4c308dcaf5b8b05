/**
 * The keyring: the keys that sign tokens, sealed in the store.
 * Owns making and reading them. It refuses to know what is signed.
 */

import { generateKeyPairSync } from 'node:crypto'
import { calculateJwkThumbprint, type JWK } from 'jose'
import type { Collection, Doc, Store } from '../../adapters/store.ts'
import { bound, type Clock, newDoc, seconds, TENANT, type Unit } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'

const signingKeys: Collection = {
  name: 'signing-keys',
  indexes: [['kind']],
  fields: {},
  expires: false,
  about: 'Signing keys. The private JWK is sealed; in clear stand its use and state.',
}

/** This room's collections. */
export const keyCollections = [signingKeys] as const

/** A private signing key. */
export interface SigningKey extends JWK {
  readonly kid: string
  readonly alg: string
  readonly use: 'sig'
}

/** What the keyring uses. */
export interface KeyringDeps {
  readonly store: Pick<Store, 'get' | 'find'>
  readonly seal: Seal
  readonly clock: Clock
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
}

/** ES256 first: it signs ten times as fast. RS256 since OpenID Connect requires it (Core, 15.1). The rest are there for profiles. */
const ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const

async function generate(alg: (typeof ALGORITHMS)[number]): Promise<SigningKey> {
  const pair =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : alg === 'EdDSA'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = pair.privateKey.export({ format: 'jwk' }) as JWK
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg, use: 'sig' }
}

async function opened(seal: Seal, doc: Doc): Promise<SigningKey> {
  // Sealed by this room: these bytes were a SigningKey.
  return JSON.parse((await seal.open(doc)).toString()) as SigningKey
}

/** Opens the keyring: reads the store's keys, and makes those that are missing. The first node to make one wins. */
export async function openKeyring(deps: KeyringDeps): Promise<readonly SigningKey[]> {
  const keys: SigningKey[] = []
  for (const alg of ALGORITHMS) {
    const id = deps.seal.hash('lookup', TENANT, 'signing-key', `${alg} 1`)
    let doc = await deps.store.get(signingKeys.name, id)
    if (!doc) {
      const columns = bound({ tenant: TENANT, kind: 'signing-key', id, iat: seconds(deps.clock) })
      const unit = deps.unit()
      const key = await generate(alg)
      unit.insert(
        signingKeys.name,
        newDoc(columns, {
          hk: deps.seal.hk,
          state: 'current',
          ...deps.seal.seal(columns, Buffer.from(JSON.stringify(key))),
        }),
      )
      unit.note('signing_key.created', { kid: key.kid, alg })
      await deps.commit(unit).catch((cause) => {
        if (!(cause instanceof Error && cause.name === 'Conflict')) throw cause
      })
      doc = await deps.store.get(signingKeys.name, id)
    }
    if (!doc) throw new Error("a signing key was stored and can't be read")
    keys.push(await opened(deps.seal, doc))
  }
  return keys
}
