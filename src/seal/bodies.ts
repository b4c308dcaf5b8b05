/** Sealed bodies: AES-256-GCM under this process's data key, with the document's immutable columns as associated data (DESIGN rule 6). */

import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import type { Doc } from '../../adapters/store.ts'
import { type Bound, type Clock, hkdf, type KeyedHash, keyedHash, type Random } from '../base/index.ts'
import type { LiveKey, WrappedKeys } from './keys.ts'

/** A data key is replaced after this many seals or this long, whichever comes first. */
const SEALS_MAX = 2 ** 30
const LIFE_MS = 24 * 3600 * 1000
/** The next key is made this early, so that no request waits for one. */
const EARLY = 0.9

/** A sealed body with the id of the data key that opens it. */
export interface Sealed {
  readonly dk: string
  readonly body: Buffer
}

/** What can be opened: a document, or its bound columns with its body. */
export type Openable = Doc | (Bound & { readonly dk: string; readonly body: Uint8Array | null })

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

/** A data key as the salt of receipts' keys, laid out once. */
const salts = new WeakMap<KeyObject, KeyedHash>()

function saltOf(data: KeyObject): KeyedHash {
  const known = salts.get(data)
  if (known) return known
  const salt = keyedHash(data.export())
  salts.set(data, salt)
  return salt
}

function under(secret: string, data: KeyObject, place: string): KeyObject {
  return createSecretKey(hkdf(saltOf(data), secret, `mintmark receipt ${place}`))
}

interface InUse extends LiveKey {
  readonly epoch: number
  readonly since: number
  seals: number
}

/** Sealing and opening. The data key is made by the first `turn`; `usable` throws when this node may not seal. */
export function createBodies(deps: {
  readonly keys: WrappedKeys
  readonly clock: Clock
  readonly random: Random
  readonly usable: () => void
}) {
  const { keys, clock, random, usable } = deps
  let data: InUse | undefined

  function current(): LiveKey {
    usable()
    if (!data || data.seals >= SEALS_MAX || clock.now() - data.since >= LIFE_MS * 2)
      throw new Error('the data key is used up and no new one could be stored')
    data.seals++
    return data
  }

  return {
    seal(columns: Bound, plain: Uint8Array): Sealed {
      const { id, key } = current()
      return { dk: id, body: encrypt(key, random.bytes(12), associated(columns, id), plain) }
    },
    async open(doc: Openable): Promise<Buffer> {
      if (!doc.body) throw new Error('the document has no sealed body')
      return decrypt(await keys.data(doc.dk), associated(doc, doc.dk), Buffer.from(doc.body))
    },
    sealUnder(text: string, place: string, plain: Uint8Array): Sealed {
      const { id, key } = current()
      return { dk: id, body: encrypt(under(text, key, place), random.bytes(12), Buffer.from(place), plain) }
    },
    async openUnder(
      text: string,
      place: string,
      sealed: { readonly dk: string; readonly body: Uint8Array },
    ): Promise<Buffer> {
      return decrypt(under(text, await keys.data(sealed.dk), place), Buffer.from(place), Buffer.from(sealed.body))
    },
    /** Replaces the data key by one of this epoch; what the one before has sealed stays readable. */
    async turn(epoch: number): Promise<void> {
      data = { ...(await keys.makeData(epoch)), epoch, since: clock.now(), seals: 0 }
    },
    /** The epoch of the key in use; none before the first turn. */
    epoch: (): number => data?.epoch ?? -1,
    isDue: (): boolean => !data || data.seals >= SEALS_MAX * EARLY || clock.now() - data.since >= LIFE_MS * EARLY,
  }
}

export type Bodies = ReturnType<typeof createBodies>
