/**
 * The seal's keys at rest: random, wrapped by a master key, never derived from it (DESIGN rule 6).
 * A data key serves one process for at most 2^30 seals or a day (SP 800-38D 8.3: random nonces under one key stay below 2^32).
 */

import { createSecretKey, type KeyObject } from 'node:crypto'
import type { Collection, Doc, Store } from '../../adapters/store.ts'
import { bound, type Clock, isConflict, newDoc, type Random, randomText, seconds } from '../base/index.ts'
import { type Masters, WrongMasterKey } from './master.ts'

/** Wrapped keys. In clear stands which key it is and since when, never the key. */
export const sealKeys: Collection = {
  name: 'seal-keys',
  indexes: [['kind']],
  fields: { master: 'id of the master key that wraps this key' },
  expires: false,
  about:
    'Data keys and hash keys, each wrapped by the master key (AES-256-GCM), and the ring: which versions of them are in use, sealed.',
}

/** What a key is for. `data` seals bodies, the rest are keys of keyed hashes or secrets that every node shares. */
export type KeyPurpose = 'data' | 'lookup' | 'replay' | 'pointer' | 'secret' | 'mac' | 'dpop' | 'token' | 'credential'

/** The tenant of what belongs to the whole deployment. */
export const DEPLOYMENT = '-'

/** What a wrap is bound to: the key's id and its purpose. */
export const wrapAad = (doc: Pick<Doc, 'id' | 'kind'>): Buffer =>
  Buffer.from(JSON.stringify(['mintmark key', doc.id, doc.kind]))

/** The epoch of a data key stands in its id, which its wrap is bound to: nothing need be read to tell old from new. */
export function epochOf(dk: string): number {
  return Number(/^data-(\d+)\./.exec(dk)?.[1] ?? 0)
}

const dataId = (epoch: number, random: Random): string =>
  `data-${epoch === 0 ? '' : `${epoch}.`}${randomText(random, 9)}`

/** A key in use: its id in documents and the key itself. */
export interface LiveKey {
  readonly id: string
  readonly key: KeyObject
}

/** Loads and makes keys. Every method that makes one stores it before anyone uses it. */
export interface WrappedKeys {
  /** Version `n` (1 unless given) of a deployment-wide key; the first node to ask makes it. */
  shared(purpose: Exclude<KeyPurpose, 'data'>, n?: number): Promise<LiveKey>
  /** Version `n` of a hash key that the ring names: it was stored before. Throws when it is gone. */
  version(purpose: 'token' | 'credential', n: number): Promise<KeyObject>
  /** A fresh data key for this process. */
  makeData(epoch: number): Promise<LiveKey>
  /** The data key with this id, from memory or the store. */
  data(id: string): Promise<KeyObject>
  /** Removes a key for good. */
  erase(id: string): Promise<void>
}

/** What the keys use. */
export interface KeysDeps {
  readonly store: Pick<Store, 'get' | 'commit'>
  readonly masters: Masters
  readonly clock: Clock
  readonly random: Random
}

/** Opens one wrapped key. Throws `WrongMasterKey` when no master at hand opens it. */
export async function unwrapped(masters: Masters, doc: Doc): Promise<Uint8Array> {
  const master = await masters.find(String(doc.fields.master))
  if (!master || !doc.body) throw new WrongMasterKey()
  return master.unwrap(doc.body, wrapAad(doc))
}

const nothing = { burns: [], inserts: [], updates: [], revocations: [], cleanups: [], events: [] } as const

/** A unit of nothing, under a fresh commit id. */
export function emptyUnit(random: Random) {
  const cid = randomText(random, 16)
  return { cid, request: cid, ...nothing }
}

/** Opens the wrapped keys of a store. */
export function createWrappedKeys({ store, masters, clock, random }: KeysDeps): WrappedKeys {
  const known = new Map<string, KeyObject>()

  async function opened(doc: Doc): Promise<KeyObject> {
    const key = createSecretKey(await unwrapped(masters, doc))
    known.set(doc.id, key)
    return key
  }

  async function insert(id: string, kind: KeyPurpose): Promise<void> {
    // By what the source says now: after a rewrap no node may go on wrapping with the master of before.
    await masters.reload()
    const master = masters.current()
    const columns = bound({ tenant: DEPLOYMENT, kind, id, iat: seconds(clock) })
    const body = await master.wrap(random.bytes(32), wrapAad({ id, kind }))
    const doc = newDoc(columns, { hk: '', body, fields: { master: master.id } })
    await store.commit({ ...emptyUnit(random), inserts: [{ collection: sealKeys.name, doc }] })
  }

  return {
    async shared(purpose, n = 1) {
      const id = `${purpose}-${n}`
      let doc = await store.get(sealKeys.name, id)
      if (!doc) {
        // Two nodes may start at once: the loser's insert is refused, and the winner's key is read.
        await insert(id, purpose).catch((cause) => {
          if (!isConflict(cause)) throw cause
        })
        doc = await store.get(sealKeys.name, id)
      }
      if (!doc) throw new Error(`key ${id} was stored and can't be read`)
      return { id, key: known.get(id) ?? (await opened(doc)) }
    },
    async version(purpose, n) {
      const id = `${purpose}-${n}`
      const doc = known.has(id) ? undefined : await store.get(sealKeys.name, id)
      const key = known.get(id) ?? (doc && (await opened(doc)))
      // Never made here: a ring that was read a moment ago may name what another node has erased since.
      if (!key) throw new Error(`the ring names the key ${id}, and the store does not have it`)
      return key
    },
    async makeData(epoch) {
      const id = dataId(epoch, random)
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
    async erase(id) {
      known.delete(id)
      await store.commit({ ...emptyUnit(random), cleanups: [{ collection: sealKeys.name, id }] })
    },
  }
}
