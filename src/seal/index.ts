/**
 * The seal: hashing and sealing at rest (DESIGN rule 6).
 *
 * Owns the wrapped keys, the ring that says which are in use, keyed hashes (look-up keys, secrets), sealed bodies and the text of
 * opaque tokens. It refuses to know what it seals: bytes in, bytes out.
 */

import type { Store } from '../../adapters/store.ts'
import { type Bound, type Clock, isSameText, type Random, Secret, seconds } from '../base/index.ts'
import { createBodies, type Openable, type Sealed } from './bodies.ts'
import { createWatch, RingFollower, STALE_SECONDS, type Stopwatch } from './follow.ts'
import { createHashes, type HashPurpose } from './hashes.ts'
import { createWrappedKeys, epochOf } from './keys.ts'
import type { Masters } from './master.ts'
import type { Ring, Turning } from './ring.ts'
import type { TokenKind } from './token.ts'

export type { Sealed } from './bodies.ts'
export { isCredential, mintCredential } from './credential.ts'
export { fenced } from './fence.ts'
export { SealStale } from './follow.ts'
export type { HashPurpose } from './hashes.ts'
export { sealKeys } from './keys.ts'
export { fixedMasters, type Master, type Masters, softwareMaster, WrongMasterKey } from './master.ts'
export { OpenedOnce } from './opened.ts'
export {
  type Actor,
  type Opened,
  openEvents,
  resealEvent,
  sealEvents,
  sealWaiting,
  typesOf,
  type Waiting,
} from './outbox.ts'
export { countOf, eventResealer, type Numbered, numberedOf, pageOf } from './pages.ts'
export { Renewer, type Resealer } from './renew.ts'
export { type Rewrapped, rewrap, scrubbed } from './rewrap.ts'
export type { Renewal, Ring, Version } from './ring.ts'
export { keyStatus, shownRenewal } from './status.ts'
export { FAMILY_TEXT_LENGTH, type TokenKind } from './token.ts'

/** Everything the rooms may do with keys; none of them ever holds one. */
export interface Seal {
  /** Keyed hash as base64url: tenant and kind keep equal texts apart. */
  hash(purpose: HashPurpose, tenant: string, kind: string, text: string): string
  /** Version of the hash keys that turn only offline, for the envelope. */
  readonly hk: string
  /** Version of the hash key that a token's text names, for the envelope. */
  hkOf(text: string): string
  /** Constant-time comparison of a keyed hash. */
  matches(
    purpose: HashPurpose,
    place: { readonly tenant: string; readonly kind: string; readonly text: string },
    hash: string,
  ): boolean
  /** Seals bytes, bound to the document's immutable columns. Throws `SealStale` when this node lost sight of the ring. */
  seal(columns: Bound, plain: Uint8Array): Sealed
  /** Opens a document's body; throws when it or its clear columns were changed. */
  open(doc: Openable): Promise<Buffer>
  /** Seals under HKDF(secret text, data key): neither a copy of the store nor the text alone opens it. */
  sealUnder(secret: string, place: string, plain: Uint8Array): Sealed
  openUnder(secret: string, place: string, sealed: { readonly dk: string; readonly body: Uint8Array }): Promise<Buffer>
  mint(kind: TokenKind, family?: string): string
  /** What a token's text says of itself; undefined for forged ones, at no read. Throws `SealStale` when this node can't know. */
  read(kind: TokenKind, text: string): { readonly family: string } | undefined
  /** The text of a new client secret ('cs') or API token ('pat', 'svc'). `prefix`: 'mm' unless given. */
  mintCredential(kind: string, prefix?: string): string
  /** Whether a data key is of an earlier epoch: what names it is to be sealed again. */
  isOld(dk: string): boolean
  /** Whether by now no node seals with it any more: what is sealed under it and not yet committed must not be. */
  isExpired(dk: string): boolean
  /** 32 bytes that every node shares and that survive restarts, for the library's own secrets. */
  sharedSecret(purpose: 'dpop'): Promise<Secret>
  /** Replaces the data key now; what the one before has sealed stays readable. */
  turn(): Promise<void>
  /** What time brings: a new data key, new versions of the hash keys; called by a timer, once a minute or oftener. */
  refresh(): Promise<void>
  /** Looks at the ring and takes over what changed; called by a timer, once a second. */
  poll(): Promise<Ring>
  /** Looks when nobody has for a while. Throws `SealStale` when this node has lost sight of the ring: before a request is served. */
  fresh(): Promise<void>
  /** The ring as this node last saw it. */
  ring(): Ring
  /** Changes the ring; the change may be asked again, of a later ring. Undefined leaves it as it is. */
  changeRing(make: (ring: Ring) => Ring | undefined): Promise<Ring>
  /** Makes the next version of a hash key; it is used when every node knows it. */
  introduce(which: Turning): Promise<void>
}

/** What the seal is made from. */
export interface SealDeps {
  readonly store: Pick<Store, 'get' | 'commit'>
  readonly masters: Masters
  readonly clock: Clock
  readonly random: Random
  /** The longest that anything named by an opaque token's text may live: 400 days unless given. */
  readonly tokenSecondsMax?: number
  /** How long a version of the hash keys of tokens and client secrets is current: 30 days unless given. */
  readonly turnSeconds?: number
  /** Milliseconds that only go forward. */
  readonly stopwatch?: Stopwatch
}

const DAY_SECONDS = 24 * 3600

/**
 * Opens the seal over a store: loads or makes the shared keys and makes this process's first data key.
 * Throws `WrongMasterKey`, before anything is written, when no master key at hand is the store's.
 */
export async function createSeal(deps: SealDeps): Promise<Seal> {
  const { clock, random } = deps
  const stopwatch = deps.stopwatch ?? (() => performance.now())
  const watch = createWatch(stopwatch)
  const keys = createWrappedKeys(deps)
  const hashes = await createHashes({ keys, random, unsure: watch.unsure })
  const bodies = createBodies({ keys, clock, random, usable: watch.usable })
  const follower = await RingFollower.open(
    {
      ...deps,
      stopwatch,
      tokenSecondsMax: deps.tokenSecondsMax ?? 400 * DAY_SECONDS,
      turnSeconds: deps.turnSeconds ?? 30 * DAY_SECONDS,
    },
    { keys, bodies, hashes, watch },
  )
  const { seal, open, sealUnder, openUnder } = bodies
  const isOld = (dk: string): boolean => dk !== '' && epochOf(dk) < follower.ring().epoch
  const turn = (): Promise<void> => bodies.turn(follower.ring().epoch)
  return {
    hk: '1',
    hash: hashes.hash,
    hkOf: hashes.versionOf,
    matches: (purpose, { tenant, kind, text }, given) => isSameText(given, hashes.hash(purpose, tenant, kind, text)),
    seal,
    open,
    sealUnder,
    openUnder,
    mint(kind, family) {
      watch.usable()
      return hashes.mint(kind, family)
    },
    read: hashes.read,
    mintCredential: hashes.mintCredential,
    async sharedSecret(purpose) {
      const { key } = await keys.shared(purpose)
      return new Secret(key.export().toString('base64url'))
    },
    isOld,
    isExpired: (dk) => isOld(dk) && follower.ring().epochAt + STALE_SECONDS < seconds(clock),
    turn,
    async refresh() {
      if (bodies.isDue()) await turn()
      await follower.advance()
    },
    poll: () => follower.poll(),
    fresh: () => follower.fresh(),
    ring: () => follower.ring(),
    changeRing: (make) => follower.change(make),
    introduce: (which) => follower.introduce(which),
  }
}
