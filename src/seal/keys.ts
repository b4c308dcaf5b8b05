/**
 * The seal's keys: random, wrapped by the master key, never derived from it (DESIGN rule 6).
 * Hash keys turn rarely and offline; a data key serves one process for at most 2^30 seals or a day
 * (SP 800-38D 8.3: random nonces under one key stay below 2^32).
 */

import { createCipheriv, createDecipheriv, createHash, createSecretKey, type KeyObject } from 'node:crypto'
import type { Collection, Doc, Store } from '../../adapters/store.ts'
import { bound, type Clock, newDoc, type Random, randomText, seconds } from '../base/index.ts'

/** Wrapped keys. In clear stands which key it is and since when, never the key. */
export const sealKeys: Collection = {
  name: 'seal-keys',
  indexes: [['kind']],
  fields: { master: 'fingerprint of the master key that wraps this key' },
  expires: false,
  about: 'Data keys and hash keys, each wrapped by the master key (AES-256-GCM).',
}

/** What a key is for. `data` seals bodies, the rest are keys of keyed hashes or secrets that every node shares. */
export type KeyPurpose = 'data' | 'lookup' | 'replay' | 'pointer' | 'secret' | 'mac' | 'dpop' | 'cookie'

/** The tenant of what belongs to the whole deployment. */
const DEPLOYMENT = '-'

const aad = (id: string, purpose: string): Buffer => Buffer.from(JSON.stringify(['mintmark key', id, purpose]))

/** A name for a master key that says nothing about it. */
export function fingerprint(master: KeyObject): string {
  return createHash('sha256').update('mintmark master').update(master.export()).digest('base64url').slice(0, 12)
}

function wrap(master: KeyObject, random: Random, key: Buffer, id: string, purpose: string): Buffer {
  const nonce = random.bytes(12)
  const cipher = createCipheriv('aes-256-gcm', master, nonce)
  cipher.setAAD(aad(id, purpose))
  return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()])
}

function unwrap(master: KeyObject, doc: Doc): Buffer {
  const body = Buffer.from(doc.body ?? new Uint8Array())
  const decipher = createDecipheriv('aes-256-gcm', master, body.subarray(0, 12))
  decipher.setAAD(aad(doc.id, doc.kind))
  decipher.setAuthTag(body.subarray(-16))
  return Buffer.concat([decipher.update(body.subarray(12, -16)), decipher.final()])
}

/** A key in use: its id in documents and the key itself. */
export interface LiveKey {
  readonly id: string
  readonly key: KeyObject
}

/** The master key is not the one that wrapped this store's keys. */
export class WrongMasterKey extends Error {
  constructor() {
    super(
      'The master key does not open this store: it was set up with another one. Put the old key back, or start with an empty store.',
    )
    this.name = 'WrongMasterKey'
  }
}

/** Loads and makes keys. Every method that makes one stores it before anyone uses it. */
export interface KeyRing {
  /** The deployment-wide key of a purpose; the first node to ask makes it. */
  shared(purpose: Exclude<KeyPurpose, 'data'>): Promise<LiveKey>
  /** A fresh data key for this process. */
  makeData(): Promise<LiveKey>
  /** The data key with this id, from memory or the store. */
  data(id: string): Promise<KeyObject>
}

/**
 * Opens the ring over a store.
 * Throws `WrongMasterKey` when a wrapped key does not open.
 */
export function createKeyRing(deps: {
  readonly store: Pick<Store, 'get' | 'commit'>
  readonly master: KeyObject
  readonly clock: Clock
  readonly random: Random
}): KeyRing {
  const { store, master, clock, random } = deps
  const known = new Map<string, KeyObject>()

  function opened(doc: Doc): KeyObject {
    let raw: Buffer
    try {
      raw = unwrap(master, doc)
    } catch {
      throw new WrongMasterKey()
    }
    const key = createSecretKey(raw)
    known.set(doc.id, key)
    return key
  }

  async function insert(id: string, purpose: KeyPurpose): Promise<void> {
    const columns = bound({ tenant: DEPLOYMENT, kind: purpose, id, iat: seconds(clock) })
    const body = wrap(master, random, random.bytes(32), id, purpose)
    const doc = newDoc(columns, { hk: '', body, fields: { master: fingerprint(master) } })
    const cid = randomText(random, 16)
    const empty = { updates: [], revocations: [], cleanups: [], events: [] }
    await store.commit({ cid, request: cid, burns: [], inserts: [{ collection: sealKeys.name, doc }], ...empty })
  }

  return {
    async shared(purpose) {
      const id = `${purpose}-1`
      let doc = await store.get(sealKeys.name, id)
      if (!doc) {
        // Two nodes may start at once: the loser's insert is refused, and the winner's key is read.
        await insert(id, purpose).catch((cause) => {
          if (!(cause instanceof Error && cause.name === 'Conflict')) throw cause
        })
        doc = await store.get(sealKeys.name, id)
      }
      if (!doc) throw new Error(`key ${id} was stored and can't be read`)
      return { id, key: opened(doc) }
    },
    async makeData() {
      const id = `data-${randomText(random, 9)}`
      await insert(id, 'data')
      return { id, key: await this.data(id) }
    },
    async data(id) {
      const key = known.get(id)
      if (key) return key
      const doc = await store.get(sealKeys.name, id)
      if (doc?.kind !== 'data') throw new Error('a document names a data key that the store does not have')
      return opened(doc)
    },
  }
}
