/** Collections of the keyring: the ring itself, the private parts, and what each key has signed. */

import type { JWK } from 'jose'
import type { Collection, Doc, NewDoc, Store } from '../../adapters/store.ts'
import { bound, newDoc, TENANT } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import type { KeyUse, Ring, RingKey } from './rules.ts'

export const signingKeys: Collection = {
  name: 'signing-keys',
  indexes: [['kind']],
  fields: {},
  expires: false,
  about:
    'The keyring: one document with the state of every key, and one for each private part (of a hardware key a reference that opens nothing). Sealed.',
}

export const keyUses: Collection = {
  name: 'signing-key-uses',
  indexes: [],
  fields: { signatures: 'how many it made', signedUntil: 'latest `exp` of what it signed, Unix seconds' },
  expires: false,
  about: 'What each signing key has signed so far; `lastUse` is when it last did.',
}

/** The ring's document. */
export const ringId = (seal: Seal): string => seal.hash('lookup', TENANT, 'keyring', 'ring')
const secretId = (seal: Seal, kid: string): string => seal.hash('lookup', TENANT, 'signing-key', kid)
const useId = (seal: Seal, kid: string): string => seal.hash('lookup', TENANT, 'signing-key-use', kid)

/** A new ring's document. */
export function ringDoc(seal: Seal, ring: Ring): NewDoc {
  const columns = bound({ tenant: TENANT, kind: 'keyring', id: ringId(seal) })
  return newDoc(columns, { hk: seal.hk, ...seal.seal(columns, Buffer.from(JSON.stringify(ring))) })
}

/** The ring anew, for its one conditional write. */
export function ringBody(seal: Seal, doc: Doc, ring: Ring): { readonly dk: string; readonly body: Uint8Array } {
  return seal.seal(doc, Buffer.from(JSON.stringify(ring)))
}

/** Opens a ring. `as` stands at the edge where sealed bytes become a record: they were a Ring when they were sealed. */
export async function ringOf(seal: Seal, doc: Doc): Promise<Ring> {
  return JSON.parse((await seal.open(doc)).toString()) as Ring
}

/** A private part's document. */
export function secretDoc(seal: Seal, kid: string, secret: Uint8Array, iat: number): NewDoc {
  const columns = bound({ tenant: TENANT, kind: 'signing-key', id: secretId(seal, kid), iat })
  return newDoc(columns, { hk: seal.hk, ...seal.seal(columns, secret) })
}

/** A key's private part; undefined when it was erased. */
export async function secretOf(
  store: Pick<Store, 'get'>,
  seal: Seal,
  key: Pick<RingKey, 'kid'>,
): Promise<Buffer | undefined> {
  const doc = await store.get(signingKeys.name, secretId(seal, key.kid))
  return doc && seal.open(doc)
}

export { secretId, useId }

/** What a key has signed, as the store knows it. */
export async function useOf(store: Pick<Store, 'get'>, seal: Seal, kid: string): Promise<KeyUse> {
  const doc = await store.get(keyUses.name, useId(seal, kid))
  const number = (value: unknown): number | null => (typeof value === 'number' ? value : null)
  return {
    signatures: number(doc?.fields.signatures) ?? 0,
    lastSignedAt: doc?.lastUse ?? null,
    signedUntil: number(doc?.fields.signedUntil),
  }
}

/** Keys as they lay before there was a ring: one document an algorithm, its body a private JWK. */
export async function keysBeforeRing(
  store: Pick<Store, 'find'>,
  seal: Seal,
): Promise<readonly { readonly doc: Doc; readonly jwk: JWK }[]> {
  const docs = await store.find(signingKeys.name, { tenant: TENANT, by: { kind: 'signing-key' } }, { limit: 100 })
  return Promise.all(
    docs
      .filter(({ body, state }) => body !== null && state === 'current')
      .map(async (doc) => ({ doc, jwk: JSON.parse((await seal.open(doc)).toString()) as JWK })),
  )
}
