/** A thief with a copy of the database: what it holds as bytes and as documents, and everything in it that might be a key or a credential. */

import { createSecretKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Doc, Store } from '../../adapters/store.ts'
import { collections } from '../../src/app.ts'
import { systemClock, systemRandom } from '../../src/base/index.ts'
import { createBodies } from '../../src/seal/bodies.ts'
import { softwareMaster } from '../../src/seal/index.ts'
import { wrapAad } from '../../src/seal/keys.ts'
import { dumpOf } from './search.ts'
import { placeOf, type StoreKind } from './world.ts'

/** A copy, as it was at one moment. */
export interface Copy {
  readonly bytes: Buffer
  readonly docs: ReadonlyMap<string, readonly Doc[]>
}

/** Copies the files of the embedded store, or every document of a MongoDB. */
export async function copyOf(kind: StoreKind, store: Store): Promise<Copy> {
  const place = placeOf(store)
  const bytes =
    kind === 'mongodb'
      ? Buffer.concat((await dumpOf(place)).map(([, part]) => part))
      : Buffer.concat(['', '-wal', '-shm'].map((end) => readFileSync(place + end)))
  const docs = new Map<string, readonly Doc[]>()
  for (const { name } of collections) docs.set(name, await store.scan(name, { limit: 100_000 }))
  return { bytes, docs }
}

const TEXT = /[\w+/=-]{16,}/g

/** Every text in the copy that could be a credential: words of its bytes, and each text field of each document. */
export function textsOf({ bytes, docs }: Copy): readonly string[] {
  const fields = [...docs.values()].flat().flatMap((doc) => {
    const { fields: own, scopes, ...rest } = doc
    return [...Object.values(rest), ...Object.values(own), ...scopes].filter((value) => typeof value === 'string')
  })
  const words = [...bytes.toString('latin1').matchAll(TEXT), ...fields.flatMap((text) => [...text.matchAll(TEXT)])]
  return [...new Set([...words.map(([word]) => word), ...fields])].filter((text) => text.length >= 16)
}

/** Every 32 bytes in a row, and every 32 bytes of what words of the copy decode to. */
export function* keysIn({ bytes }: Pick<Copy, 'bytes'>): Generator<Buffer> {
  const seen = new Set<string>()
  function* windows(from: Buffer): Generator<Buffer> {
    for (let at = 0; at + 32 <= from.length; at++) {
      const window = from.subarray(at, at + 32)
      // Pages are mostly nothing: no key has eight zeros in a row.
      if (window.readBigUInt64LE(0) === 0n || window.readBigUInt64LE(24) === 0n) continue
      yield window
    }
  }
  yield* windows(bytes)
  for (const [word] of bytes.toString('latin1').matchAll(/[\w+/-]{43,}={0,2}/g)) {
    if (seen.has(word)) continue
    seen.add(word)
    for (let shift = 0; shift < 4; shift++) yield* windows(Buffer.from(word.slice(shift), 'base64'))
    if (/^[0-9a-f]{64,}$/i.test(word)) yield* windows(Buffer.from(word, 'hex'))
  }
}

/** Whether 32 bytes are the master key of a wrapped key. */
export function isMasterOf(bytes: Buffer, wrapped: Doc): Promise<boolean> {
  return softwareMaster(createSecretKey(bytes))
    .unwrap(wrapped.body ?? new Uint8Array(), wrapAad(wrapped))
    .then(
      () => true,
      () => false,
    )
}

/** Whether 32 bytes are the data key of a document, by the server's own code. */
export function isDataKeyOf(key: Uint8Array, doc: Doc): Promise<boolean> {
  const never = async (): Promise<never> => Promise.reject(new Error('a thief stores nothing'))
  const data = async () => createSecretKey(key)
  const keys = { shared: never, version: never, makeData: never, erase: never, data }
  const { open } = createBodies({ keys, clock: systemClock, random: systemRandom, usable() {} })
  return open(doc).then(
    () => true,
    () => false,
  )
}
