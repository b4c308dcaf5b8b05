/**
 * The ring in the store: read, and changed by one conditional write. New private parts are inserts of the same unit, so a crash at
 * any step leaves the ring before or the ring after, and never one that names a key that is not there.
 */

import { randomUUID } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import type { Doc, Store } from '../../adapters/store.ts'
import { type Clock, isConflict, type Random, randomText, seconds, type Unit } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import { refuse } from './errors.ts'
import { keysBeforeRing, ringBody, ringDoc, ringId, ringOf, secretDoc, secretId, signingKeys } from './records.ts'
import { added, EMPTY_RING, type Fresh, type Ring, type RingKey, type Slot } from './rules.ts'
import { ALGORITHMS, type Algorithm, type Signers } from './signers.ts'

/** What it uses. `signers`: the first makes new keys, each opens those that it made. */
export interface RingDeps {
  readonly store: Pick<Store, 'get' | 'find'>
  readonly seal: Seal
  readonly clock: Clock
  readonly random: Random
  readonly signers: readonly [Signers, ...Signers[]]
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
}

/** The ring as it was read. */
export interface ReadRing {
  readonly doc: Doc
  readonly ring: Ring
}

/** What a change stages: the ring after it, what is told, and what the unit also holds. */
export interface Change {
  readonly ring: Ring
  stage(unit: Unit): void
}

const TRIES = 6
const COOKIE_BYTES = 32

const isAlgorithm = (slot: Slot): slot is Algorithm => ALGORITHMS.some((alg) => alg === slot)

/** Keys from before there was a ring come into it as they are: what they signed must go on to verify. */
async function adopted({ store, seal, clock }: RingDeps, unit: Unit): Promise<Ring> {
  let ring = EMPTY_RING
  const now = seconds(clock)
  for (const { doc, jwk } of await keysBeforeRing(store, seal)) {
    const { kid = randomUUID(), alg, d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, use: _use, ...publicJwk } = jwk
    const slot = ALGORITHMS.find((one) => one === alg)
    if (!slot) continue
    ring = added(ring, { kid, slot, signer: 'software', publicJwk }, 'current', doc.iat ?? now)
    unit.insert(signingKeys.name, secretDoc(seal, kid, Buffer.from(JSON.stringify(jwk)), doc.iat ?? now))
    unit.cleanup(signingKeys.name, doc.id)
  }
  return ring
}

/** A fresh key pair with its private part; nothing is stored yet. */
async function makePair(
  { random, signers: [maker] }: RingDeps,
  slot: Slot,
): Promise<{ readonly fresh: Fresh; readonly secret: Uint8Array }> {
  if (!isAlgorithm(slot))
    return {
      fresh: { kid: `cookie-${randomText(random, 9)}`, slot, signer: 'store' },
      secret: random.bytes(COOKIE_BYTES),
    }
  if (!maker.algorithms.includes(slot)) throw refuse('algorithm_not_offered', { alg: slot, signer: maker.name })
  const { publicJwk, secret } = await maker.make(slot)
  // A kid is the thumbprint of RFC 7638; two algorithms with one key type get two keys.
  const kid = await calculateJwkThumbprint(publicJwk)
  return { fresh: { kid, slot, signer: maker.name, publicJwk }, secret }
}

/** Makes it. */
export function createRing(deps: RingDeps) {
  const { store, seal, clock } = deps
  const make = (slot: Slot) => makePair(deps, slot)

  async function read(): Promise<ReadRing | undefined> {
    const doc = await store.get(signingKeys.name, ringId(seal))
    return doc && { doc, ring: await ringOf(seal, doc) }
  }

  /** Stages a private part. */
  function keep(unit: Unit, { fresh, secret }: Awaited<ReturnType<typeof make>>): void {
    unit.insert(signingKeys.name, secretDoc(seal, fresh.kid, secret, seconds(clock)))
    unit.note('signing_key.created', { kid: fresh.kid, alg: fresh.slot, signer: fresh.signer })
  }

  async function founded(unit: Unit, wanted: readonly Slot[]): Promise<Ring> {
    const now = seconds(clock)
    let ring = await adopted(deps, unit)
    for (const slot of wanted) {
      if (ring.keys.some((key) => key.slot === slot)) continue
      const made = await make(slot)
      keep(unit, made)
      ring = added(ring, made.fresh, 'current', now)
    }
    return ring
  }

  return {
    read,
    make,
    keep,
    /** The ring; made with a current key for each wanted slot where there is none. Of two nodes that start at once one makes it. */
    async open(wanted: readonly Slot[]): Promise<ReadRing> {
      const before = await read()
      if (before) return before
      const unit = deps.unit()
      unit.insert(signingKeys.name, ringDoc(seal, await founded(unit, wanted)))
      await deps.commit(unit).catch((cause) => {
        if (!isConflict(cause)) throw cause
      })
      const made = await read()
      if (!made) throw new Error("the keyring was stored and can't be read")
      return made
    },
    /**
     * Changes the ring: `of` says what it is after, or undefined where nothing is to be done. On conflict it is asked again with
     * the winner's ring. Resolves to whether anything changed. Refuses with `ring_busy` after six lost tries.
     */
    async change(of: (read: ReadRing) => Promise<Change | undefined>): Promise<boolean> {
      for (let n = 0; n < TRIES; n++) {
        const before = await read()
        const change = before && (await of(before))
        if (!before || !change) return false
        const unit = deps.unit()
        change.stage(unit)
        const set = ringBody(seal, before.doc, change.ring)
        unit.decide({ collection: signingKeys.name, id: before.doc.id, if: { rev: before.doc.rev }, set }, before.doc)
        try {
          await deps.commit(unit)
          return true
        } catch (cause) {
          if (!isConflict(cause)) throw cause
        }
      }
      throw refuse('ring_busy')
    },
    /** Stages the end of a private part in the store. */
    forget(unit: Unit, { kid }: Pick<RingKey, 'kid'>): void {
      unit.cleanup(signingKeys.name, secretId(seal, kid))
    },
  }
}

export type RingStore = ReturnType<typeof createRing>
