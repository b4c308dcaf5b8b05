/**
 * The seal: hashing and sealing at rest (DESIGN rule 6).
 *
 * Owns the wrapped keys, keyed hashes (look-up keys, secrets), sealed bodies and the text of opaque tokens.
 * It refuses to know what it seals: bytes in, bytes out.
 */

import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto'
import type { Doc, Store } from '../../adapters/store.ts'
import { type Bound, type Clock, type Random, Secret } from '../base/index.ts'
import { createKeyRing, type LiveKey } from './keys.ts'
import { mintToken, readToken, type TokenKind } from './token.ts'

export { isCredential, mintCredential } from './credential.ts'
export { sealKeys, WrongMasterKey } from './keys.ts'
export { type Actor, openEvent, sealEvents } from './outbox.ts'
export { FAMILY_TEXT_LENGTH, type TokenKind } from './token.ts'

/** A data key is replaced after this many seals or this long, whichever comes first. */
const SEALS_MAX = 2 ** 30
const LIFE_MS = 24 * 3600 * 1000
/** The next key is made this early, so that no request waits for one. */
const EARLY = 0.9

/** Which key hashes: look-up ids, replay ids (a key that never turns while a `jti` lives), typed words, secrets. */
export type HashPurpose = 'lookup' | 'replay' | 'pointer' | 'secret'

/** A sealed body with the id of the data key that opens it. */
export interface Sealed {
  readonly dk: string
  readonly body: Buffer
}

/** Everything the rooms may do with keys; none of them ever holds one. */
export interface Seal {
  /** Keyed hash as base64url: tenant and kind keep equal texts apart. */
  hash(purpose: HashPurpose, tenant: string, kind: string, text: string): string
  /** Version of the hash key, for the envelope. */
  readonly hk: string
  /** Constant-time comparison of a keyed hash. */
  matches(
    purpose: HashPurpose,
    place: { readonly tenant: string; readonly kind: string; readonly text: string },
    hash: string,
  ): boolean
  /** Seals bytes, bound to the document's immutable columns. */
  seal(columns: Bound, plain: Uint8Array): Sealed
  /** Opens a document's body; throws when it or its clear columns were changed. */
  open(doc: Doc | (Bound & { readonly dk: string; readonly body: Uint8Array | null })): Promise<Buffer>
  /** Seals under HKDF(secret text, data key): neither a copy of the store nor the text alone opens it. */
  sealUnder(secret: string, place: string, plain: Uint8Array): Sealed
  openUnder(secret: string, place: string, sealed: { readonly dk: string; readonly body: Uint8Array }): Promise<Buffer>
  mint(kind: TokenKind, family?: string): string
  read(kind: TokenKind, text: string): { readonly family: string } | undefined
  /** 32 bytes that every node shares and that survive restarts, for the library's own secrets. */
  sharedSecret(purpose: 'dpop' | 'cookie'): Promise<Secret>
  /** Replaces the data key now; what the one before has sealed stays readable. */
  turn(): Promise<void>
  /** Replaces the data key when its time has come; called by a timer and at start. */
  refresh(): Promise<void>
}

function associated(columns: Bound, dk: string): Buffer {
  const { tenant, kind, id, v, family, grant, account, owner, client, session, api, scopes, iat } = columns
  return Buffer.from(
    JSON.stringify([tenant, kind, id, v, dk, family, grant, account, owner, client, session, api, scopes, iat]),
  )
}

function encrypt(key: KeyObject, nonce: Buffer, aad: Buffer, plain: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(aad)
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function decrypt(key: KeyObject, aad: Buffer, body: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, body.subarray(0, 12))
  decipher.setAAD(aad)
  decipher.setAuthTag(body.subarray(-16))
  return Buffer.concat([decipher.update(body.subarray(12, -16)), decipher.final()])
}

function under(secret: string, data: KeyObject, place: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, data.export(), `mintmark receipt ${place}`, 32)))
}

/**
 * Opens the seal over a store: loads or makes the shared keys and makes this process's first data key.
 * Throws `WrongMasterKey` when the master key is not the store's.
 */
export async function createSeal(deps: {
  readonly store: Pick<Store, 'get' | 'commit'>
  readonly master: KeyObject
  readonly clock: Clock
  readonly random: Random
}): Promise<Seal> {
  const { clock, random } = deps
  const ring = createKeyRing(deps)
  const lookup = await ring.shared('lookup')
  const replay = await ring.shared('replay')
  const pointer = await ring.shared('pointer')
  const secret = await ring.shared('secret')
  const mac = await ring.shared('mac')
  const keys: Readonly<Record<HashPurpose, LiveKey>> = { lookup, replay, pointer, secret }
  let data = { ...(await ring.makeData()), since: clock.now(), seals: 0 }

  function current(): LiveKey {
    if (data.seals >= SEALS_MAX || clock.now() - data.since >= LIFE_MS * 2)
      throw new Error('the data key is used up and no new one could be stored')
    data.seals++
    return data
  }

  async function turn(): Promise<void> {
    data = { ...(await ring.makeData()), since: clock.now(), seals: 0 }
  }

  function hash(purpose: HashPurpose, tenant: string, kind: string, text: string): string {
    return createHmac('sha256', keys[purpose].key).update(`${tenant}\0${kind}\0${text}`).digest('base64url')
  }

  return {
    hk: '1',
    hash,
    matches(purpose, place, given64) {
      const right = Buffer.from(hash(purpose, place.tenant, place.kind, place.text))
      const given = Buffer.from(given64)
      return right.length === given.length && timingSafeEqual(right, given)
    },
    seal(columns, plain) {
      const { id, key } = current()
      return { dk: id, body: encrypt(key, random.bytes(12), associated(columns, id), plain) }
    },
    async open(doc) {
      if (!doc.body) throw new Error('the document has no sealed body')
      return decrypt(await ring.data(doc.dk), associated(doc, doc.dk), Buffer.from(doc.body))
    },
    sealUnder(text, place, plain) {
      const { id, key } = current()
      return { dk: id, body: encrypt(under(text, key, place), random.bytes(12), Buffer.from(place), plain) }
    },
    async openUnder(text, place, sealed) {
      return decrypt(under(text, await ring.data(sealed.dk), place), Buffer.from(place), Buffer.from(sealed.body))
    },
    mint: (kind, family) => mintToken(mac.key, random, kind, family),
    read: (kind, text) => readToken(mac.key, kind, text),
    async sharedSecret(purpose) {
      const { key } = await ring.shared(purpose)
      return new Secret(key.export().toString('base64url'))
    },
    turn,
    async refresh() {
      if (data.seals >= SEALS_MAX * EARLY || clock.now() - data.since >= LIFE_MS * EARLY) await turn()
    },
  }
}
