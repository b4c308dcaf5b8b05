/** The record of a request: what it asked (as a hash), what it staged, and its answer sealed under the key that its caller chose. */

import { deserialize, serialize } from 'node:v8'
import type { Collection, Doc, NewDoc, Writes } from '../../adapters/store.ts'
import { bound, type Clock, newDoc, seconds, TENANT } from '../base/index.ts'
import type { Resealer, Seal } from '../seal/index.ts'

export const idempotentRequests: Collection = {
  name: 'idempotent-requests',
  indexes: [['family'], ['state']],
  fields: {
    answer: 'the answer, sealed under the Idempotency-Key and the data key',
    answerKey: 'data key of the answer',
  },
  expires: true,
  about:
    "Requests with an Idempotency-Key, by the keyed hash of caller, route and key. State `open` until all that the body's sealed writes say is done, then `done`, or `lost` to a rival.",
}

/** An answer as it is kept and given again. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** JSON. It may hold a token's text. */
  readonly body: unknown
}

/** What the body seals. */
interface Kept {
  /** Of the request's body. */
  readonly fingerprint: string
  /** Without the record itself: that is added again wherever they are committed. */
  readonly writes: Writes
}

export const LIFE_SECONDS = 24 * 3600
const MARGIN_SECONDS = 3600

/** A new record. `family` is its own id: the mark that ends it finds it by that index (see `whole`). */
export function recordOf(
  seal: Seal,
  input: Kept & { readonly id: string; readonly key: string; readonly answer: Answer; readonly now: number },
): NewDoc {
  const { id, now, fingerprint, writes } = input
  const columns = bound({ tenant: TENANT, kind: 'idempotent-request', id, family: id, iat: now })
  const answer = seal.sealUnder(input.key, id, Buffer.from(JSON.stringify(input.answer)))
  return newDoc(columns, {
    hk: seal.hk,
    ...seal.seal(columns, serialize({ fingerprint, writes } satisfies Kept)),
    state: 'open',
    exp: now + LIFE_SECONDS,
    purgeAt: now + LIFE_SECONDS + MARGIN_SECONDS,
    fields: { answer: answer.body, answerKey: answer.dk },
  })
}

/** Opens a record: these bytes were a Kept when they were sealed. */
export async function keptOf(seal: Seal, doc: Doc): Promise<Kept> {
  return deserialize(await seal.open(doc)) as Kept
}

/** Opens its answer; undefined where it was dropped. */
export async function answerOf(seal: Seal, doc: Doc, key: string): Promise<Answer | undefined> {
  const { answer, answerKey } = doc.fields
  if (!(answer instanceof Uint8Array) || typeof answerKey !== 'string') return undefined
  return JSON.parse((await seal.openUnder(key, doc.id, { dk: answerKey, body: answer })).toString()) as Answer
}

/**
 * What is committed: the record first, as a burn, so that it stands before anything else does; last the mark that all is done. The mark goes by
 * index, since those by id come earlier on MongoDB, and a record must not say "done" before the last tombstone stands.
 */
export function whole(writes: Writes, record: NewDoc | Doc): Writes {
  const { rev: _rev, cid: _cid, revokedAt: _revokedAt, ...doc } = { rev: 1, cid: '', revokedAt: null, ...record }
  const collection = idempotentRequests.name
  const target = { by: { tenant: record.tenant, by: { family: record.id } } }
  return {
    ...writes,
    burns: [{ collection, doc }, ...writes.burns],
    revocations: [...writes.revocations, { collection, target, at: record.iat ?? 0, mark: 'done' }],
  }
}

/** Sealing again after a renewal: the answer's key text is its caller's alone, so it can only be kept with its data key, or dropped when it is over. */
export function idempotencyResealer(seal: Seal, clock: Clock): Resealer {
  return {
    names: ({ dk, fields: { answerKey } }) => [dk, ...(typeof answerKey === 'string' ? [answerKey] : [])],
    async reseal(doc) {
      const { answerKey } = doc.fields
      const isOver = (doc.exp ?? 0) + MARGIN_SECONDS / 2 < seconds(clock)
      const drops = typeof answerKey === 'string' && seal.isOld(answerKey) && isOver
      return {
        ...(seal.isOld(doc.dk) ? seal.seal(doc, await seal.open(doc)) : {}),
        ...(drops ? { fields: { answer: null, answerKey: null } } : {}),
      }
    },
  }
}
