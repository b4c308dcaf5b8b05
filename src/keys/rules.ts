/**
 * The keyring's rules: which state a key is in, what is due, and what the ring is after it. Facts in, ring out; nothing here
 * reads a clock, a store or a signer. Times are Unix seconds.
 */

import type { JWK } from 'jose'
import type { Algorithm } from './signers.ts'

/** What a place in the ring is for: an algorithm that tokens are signed with, or the secret that signs cookies. */
export type Slot = Algorithm | 'cookie'

/**
 * next: published, not signing. current: signs. previous: published, signs no more. retired: not published, verifies
 * `id_token_hint` (OpenID Connect RP-Initiated Logout, 2). destroyed: verifies nothing.
 */
export type KeyState = 'next' | 'current' | 'previous' | 'retired' | 'destroyed'

/** A key as the ring knows it. The private part stands in a document of its own, or in the signer. */
export interface RingKey {
  /** RFC 7638 thumbprint; of a cookie secret a random name. */
  readonly kid: string
  readonly slot: Slot
  readonly state: KeyState
  /** Which signers made it. */
  readonly signer: string
  /** Members of the key type alone; absent for the cookie secret. */
  readonly publicJwk?: JWK
  /** Published since. */
  readonly madeAt: number
  readonly currentAt?: number
  readonly previousAt?: number
  readonly retiredAt?: number
  readonly destroyedAt?: number
  /** Why it stopped signing, in words. */
  readonly why?: string
  /** The private part is erased wherever it was. */
  readonly erased?: boolean
}

/** A rotation that somebody asked for and that waits until the next key has been published long enough. */
export interface Asked {
  readonly at: number
  readonly why: string
}

/** The whole ring: one document, so that every change of it is one conditional write. */
export interface Ring {
  readonly keys: readonly RingKey[]
  readonly asked: Readonly<Partial<Record<Slot, Asked>>>
  /** The last time a key was dropped at once. */
  readonly emergencyAt?: number
  /** When a node last said that it wants a slot: nodes may have different files, and one that knows less must not stop another's key. */
  readonly wanted?: Readonly<Partial<Record<Slot, number>>>
}

export const EMPTY_RING: Ring = { keys: [], asked: {} }

/** What a key has signed so far. */
export interface KeyUse {
  readonly signatures: number
  readonly lastSignedAt: number | null
  /** The latest `exp` of anything it signed. */
  readonly signedUntil: number | null
}

/** What the rules need to know besides the ring. */
export interface RingFacts {
  readonly now: number
  /** Slots that this node wants a key for; those that another said it wants count too. */
  readonly wanted: readonly Slot[]
  /** Slots that the signer can make a key for. */
  readonly offered: readonly Slot[]
  /** How long a key is published before it signs. */
  readonly publishSeconds: number
  /** The longest session: so long an expired ID token may still come back as a hint, and a cookie live. */
  readonly sessionSeconds: number
  /** Which signers make new keys. */
  readonly signer: string
  readonly uses: ReadonlyMap<string, KeyUse>
  /** What the policies decided about each current key. */
  readonly verdicts: ReadonlyMap<string, { readonly do: 'keep' | 'rotate' | 'compromised'; readonly why: string }>
}

/** One thing that is due. `make` needs a key pair before it can be applied. */
export type Due =
  | { readonly do: 'make'; readonly slot: Slot; readonly as: 'next' | 'current' }
  | { readonly do: 'promote'; readonly slot: Slot; readonly kid: string; readonly why: string }
  | { readonly do: 'compromised'; readonly slot: Slot; readonly why: string }
  | { readonly do: 'stop'; readonly kid: string; readonly why: string }
  | { readonly do: 'retire'; readonly kid: string }
  | { readonly do: 'destroy'; readonly kid: string; readonly why?: string }

/** A node says once an hour what it wants; a slot that nobody wanted for a day is given up. */
export const WANTED_EVERY_SECONDS = 3600
const WANTED_SECONDS = 24 * 3600

/** Nodes follow within two seconds, clocks differ by some more: nothing is withdrawn sooner than this after its last use. */
export const SKEW_SECONDS = 60
/** Destroyed keys stay in the ring's record this long. */
const RECORD_SECONDS = 400 * 24 * 3600

export const inState = (ring: Ring, slot: Slot, state: KeyState): RingKey | undefined =>
  ring.keys.find((key) => key.slot === slot && key.state === state)

/** Slots that some node wants, this one included. */
export function wantedSlots(ring: Ring, facts: Pick<RingFacts, 'wanted' | 'now'>): readonly Slot[] {
  const others = [...new Set(ring.keys.map(({ slot }) => slot))].filter(
    (slot) => facts.now < (ring.wanted?.[slot] ?? 0) + WANTED_SECONDS,
  )
  return [...new Set([...facts.wanted, ...others])]
}

/** Notes what a node wants; undefined where that was noted within the hour. */
export function wanting(ring: Ring, slots: readonly Slot[], now: number): Ring | undefined {
  const late = slots.filter((slot) => now >= (ring.wanted?.[slot] ?? 0) + WANTED_EVERY_SECONDS)
  if (late.length === 0) return undefined
  return { ...ring, wanted: { ...ring.wanted, ...Object.fromEntries(slots.map((slot) => [slot, now])) } }
}

/** From when on a next key may sign: verifiers that cache have seen it by then. */
export const ripeAt = (next: RingKey, { publishSeconds }: Pick<RingFacts, 'publishSeconds'>): number =>
  // Nobody but this server checks a cookie; it needs only that every node has followed.
  next.madeAt + (next.slot === 'cookie' ? Math.min(publishSeconds, SKEW_SECONDS) : publishSeconds)

/** When a previous key leaves /jwks: the longest-lived thing that it signed has expired. */
export function retiresAt(key: RingKey, use: KeyUse | undefined, facts: Pick<RingFacts, 'sessionSeconds'>): number {
  const stopped = key.previousAt ?? key.madeAt
  if (key.slot === 'cookie') return stopped + facts.sessionSeconds + SKEW_SECONDS
  return Math.max(stopped, use?.signedUntil ?? 0) + SKEW_SECONDS
}

/** When a retired key is destroyed: no session is left whose ID token could come back as a hint. */
export function destroysAt(key: RingKey, use: KeyUse | undefined, facts: Pick<RingFacts, 'sessionSeconds'>): number {
  return Math.max(key.previousAt ?? key.madeAt, use?.lastSignedAt ?? 0) + facts.sessionSeconds + SKEW_SECONDS
}

function dueOfSlot(ring: Ring, slot: Slot, facts: RingFacts): readonly Due[] {
  const current = inState(ring, slot, 'current')
  const next = inState(ring, slot, 'next')
  const isOffered = facts.offered.includes(slot)
  // The very first key of a slot has nobody who cached a set without it.
  if (!current) {
    if (next) return [promote(next, 'there was no other')]
    return isOffered ? [{ do: 'make', slot, as: 'current' }] : []
  }
  // A slot that the present signer can't make keys for goes on with those that another made.
  const foreign = (key: RingKey): string | undefined =>
    !isOffered || key.slot === 'cookie' || key.signer === facts.signer
      ? undefined
      : `made by ${key.signer}, not by ${facts.signer}`
  const wrong = next && foreign(next)
  if (next && wrong !== undefined) return [{ do: 'destroy', kid: next.kid, why: wrong }]
  if (!next) return isOffered ? [{ do: 'make', slot, as: 'next' }] : []
  const verdict = facts.verdicts.get(current.kid)
  if (verdict?.do === 'compromised') return [{ do: 'compromised', slot, why: verdict.why }]
  const why = ring.asked[slot]?.why ?? foreign(current) ?? (verdict?.do === 'rotate' ? verdict.why : undefined)
  // Its successor comes with the same write: there is always a key that verifiers know and that has signed nothing yet.
  return why !== undefined && facts.now >= ripeAt(next, facts)
    ? [promote(next, why), ...(isOffered ? [{ do: 'make', slot, as: 'next' } as const] : [])]
    : []
}

const promote = ({ slot, kid }: RingKey, why: string): Due => ({ do: 'promote', slot, kid, why })

function dueOfKey(key: RingKey, facts: RingFacts, wanted: readonly Slot[]): readonly Due[] {
  const use = facts.uses.get(key.kid)
  const unwanted = !wanted.includes(key.slot)
  switch (key.state) {
    case 'next':
      return unwanted ? [{ do: 'destroy', kid: key.kid, why: 'its algorithm is not used any more' }] : []
    case 'current':
      return unwanted ? [{ do: 'stop', kid: key.kid, why: 'its algorithm is not used any more' }] : []
    case 'previous':
      return facts.now >= retiresAt(key, use, facts) ? [{ do: 'retire', kid: key.kid }] : []
    case 'retired':
      return facts.now >= destroysAt(key, use, facts) ? [{ do: 'destroy', kid: key.kid }] : []
    case 'destroyed':
      return []
    default:
      return key.state satisfies never
  }
}

/** What is due now. An empty list: the ring is as it should be. */
export function due(ring: Ring, facts: RingFacts): readonly Due[] {
  const wanted = wantedSlots(ring, facts)
  return [
    ...wanted.flatMap((slot) => dueOfSlot(ring, slot, facts)),
    ...ring.keys.flatMap((key) => dueOfKey(key, facts, wanted)),
  ]
}

/** A key pair that was made for a slot. */
export type Fresh = Pick<RingKey, 'kid' | 'slot' | 'signer' | 'publicJwk'>

function changed(ring: Ring, kid: string, change: Partial<RingKey>): Ring {
  return { ...ring, keys: ring.keys.map((key) => (key.kid === kid ? { ...key, ...change } : key)) }
}

function without(asked: Ring['asked'], slot: Slot): Ring['asked'] {
  return Object.fromEntries(Object.entries(asked).filter(([name]) => name !== slot))
}

/** Takes a key pair into the ring. */
export function added(ring: Ring, fresh: Fresh, as: 'next' | 'current', now: number): Ring {
  const key: RingKey = { ...fresh, state: as, madeAt: now, ...(as === 'current' ? { currentAt: now } : {}) }
  return { ...ring, keys: [...ring.keys, key] }
}

function promoted(ring: Ring, due: Extract<Due, { do: 'promote' }>, now: number): Ring {
  const before = inState(ring, due.slot, 'current')
  const stopped = before ? changed(ring, before.kid, { state: 'previous', previousAt: now, why: due.why }) : ring
  return { ...changed(stopped, due.kid, { state: 'current', currentAt: now }), asked: without(ring.asked, due.slot) }
}

/** Whether dropping a slot's keys takes this one: what saw the current one may have seen the next; `kid` names one more. */
export const isLost = ({ state, kid }: RingKey, named: string | undefined): boolean =>
  state === 'current' || state === 'next' || (kid === named && state !== 'destroyed')

/**
 * Drops the current key at once, and the next one with it: what saw the one may have seen the other. The fresh pair signs from now
 * on although no verifier has heard of it; `kid` names another key than the current one where that was the one that leaked. Without a
 * fresh pair (the signer makes none for this slot) nothing signs: that is better than a key that leaked.
 */
export function dropped(
  ring: Ring,
  input: { readonly slot: Slot; readonly why: string; readonly fresh: Fresh | undefined; readonly kid?: string },
  now: number,
): Ring {
  const gone = { state: 'destroyed', destroyedAt: now, why: input.why } as const
  const lost = ring.keys.filter((key) => key.slot === input.slot && isLost(key, input.kid))
  const left = lost.reduce((so, { kid }) => changed(so, kid, gone), ring)
  const after = input.fresh ? added(left, input.fresh, 'current', now) : left
  return { ...after, asked: without(ring.asked, input.slot), emergencyAt: now }
}

/** The ring after something that needs no new key pair. */
export function applied(ring: Ring, one: Exclude<Due, { do: 'make' | 'compromised' }>, now: number): Ring {
  switch (one.do) {
    case 'promote':
      return promoted(ring, one, now)
    case 'stop':
      return changed(ring, one.kid, { state: 'previous', previousAt: now, why: one.why })
    case 'retire':
      return changed(ring, one.kid, { state: 'retired', retiredAt: now })
    case 'destroy':
      return changed(ring, one.kid, {
        state: 'destroyed',
        destroyedAt: now,
        ...(one.why === undefined ? {} : { why: one.why }),
      })
    default:
      return one satisfies never
  }
}

/** Notes that a rotation was asked for. */
export function asking(ring: Ring, slot: Slot, asked: Asked): Ring {
  return { ...ring, asked: { ...ring.asked, [slot]: asked } }
}

/** Notes that private parts are erased, and forgets keys that were destroyed long ago. */
export function cleaned(ring: Ring, erased: readonly string[], now: number): Ring {
  const keys = ring.keys
    .map((key) => (erased.includes(key.kid) ? { ...key, erased: true } : key))
    .filter((key) => !(key.state === 'destroyed' && key.erased && (key.destroyedAt ?? 0) + RECORD_SECONDS < now))
  return { ...ring, keys }
}

/** Keys whose private part nothing needs any more: it signs nothing again, and a public key verifies. */
export const erasable = (ring: Ring): readonly RingKey[] =>
  ring.keys.filter(
    ({ state, slot, erased }) => !erased && (state === 'destroyed' || (state === 'retired' && slot !== 'cookie')),
  )

/** How long after a key was dropped verifiers are told to ask often. */
const ALARM_SECONDS = 900

/** Whether a change of what verifiers should know is on its way: then they are told to ask again soon. */
export function isPending(ring: Ring, facts: Pick<RingFacts, 'now' | 'publishSeconds'>): boolean {
  return (
    (ring.emergencyAt !== undefined && facts.now < ring.emergencyAt + ALARM_SECONDS) ||
    ring.keys.some((key) => key.state === 'next' && key.slot !== 'cookie' && facts.now < ripeAt(key, facts))
  )
}
