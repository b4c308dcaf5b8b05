/**
 * The ring: which versions of the hash keys are in use, and how old a data key may be. One document, sealed, that every node
 * follows (docs/decisions/010-seal-ring.md). Here stand its words and its rules; they are pure.
 */

import { CREDENTIAL_VERSION_MAX } from './credential.ts'
import { tokenVersion } from './token.ts'

/** `next`: made, and known to all nodes before anyone mints with it. `previous`: still read. `erased`: its key is gone. */
export type VersionState = 'next' | 'current' | 'previous' | 'erased'

/** A version of a hash key. Times in Unix seconds. */
export interface Version {
  readonly n: number
  readonly state: VersionState
  /** Since when it is in this state. */
  readonly since: number
  /** Previous ones: when nothing that names it can live any more; null: it is kept. */
  readonly until: number | null
}

/** How far the re-sealing is. Counts are of this renewal; times in Unix seconds. */
export interface Renewal {
  readonly startedAt: number
  readonly passes: number
  /** The pass that runs: since when, and where it is. Null between passes. */
  readonly pass: { readonly startedAt: number; readonly collection: string; readonly after: string } | null
  readonly seen: number
  readonly resealed: number
  /** Old data keys that documents of this pass still name, and how many documents. */
  readonly named: readonly string[]
  readonly left: number
  readonly erased: number
  readonly finishedAt: number | null
}

/** What the ring's body holds. */
export interface Ring {
  /** Counts the changes: a node that has seen a later ring refuses an earlier one. */
  readonly serial: number
  /** Data keys of earlier epochs seal nothing any more. */
  readonly epoch: number
  readonly epochAt: number
  /** The longest that anything named by a token's text may live, of all nodes that ever served. */
  readonly tokenSecondsMax: number
  readonly token: readonly Version[]
  readonly credential: readonly Version[]
  readonly renewal: Renewal | null
}

/** Which hash keys turn. */
export type Turning = 'token' | 'credential'

/** Nodes look at the ring once a second: by then every one of them reads what the others may mint. */
export const KNOWN_SECONDS = 10
const ERASED_KEPT = 24

/** The ring of a store that has none. */
export function firstRing(now: number, tokenSecondsMax: number): Ring {
  const first: Version = { n: 1, state: 'current', since: now, until: null }
  return { serial: 1, epoch: 0, epochAt: now, tokenSecondsMax, token: [first], credential: [first], renewal: null }
}

const inState = (versions: readonly Version[], state: VersionState): Version | undefined =>
  versions.find((version) => version.state === state)

/** The version to mint with. */
export function currentOf(versions: readonly Version[]): Version {
  const current = inState(versions, 'current')
  if (!current) throw new Error('the ring has no current version of a hash key')
  return current
}

/** The number of the version to introduce, when it is time for one. */
export function dueVersion(versions: readonly Version[], now: number, turnSeconds: number): number | undefined {
  if (inState(versions, 'next') || currentOf(versions).since + turnSeconds > now) return undefined
  return nextNumber(versions)
}

/** The number after the latest. */
export function nextNumber(versions: readonly Version[]): number {
  return Math.max(...versions.map(({ n }) => n)) + 1
}

/** With a new version that waits for everyone to know it. One at a time: undefined where one waits already. */
export function introduced(ring: Ring, which: Turning, n: number, now: number): Ring | undefined {
  const versions = ring[which]
  if (inState(versions, 'next') || nextNumber(versions) !== n) return undefined
  // Texts name a version by a letter that comes back: not while an older one is read by it.
  const isTaken = versions.some((v) => v.state !== 'erased' && tokenVersion(v.n) === tokenVersion(n))
  if (which === 'token' ? isTaken : n > CREDENTIAL_VERSION_MAX) return undefined
  return { ...ring, [which]: [...versions, { n, state: 'next', since: now, until: null }] }
}

function promotedVersions(versions: readonly Version[], now: number, until: number | null): readonly Version[] {
  const next = inState(versions, 'next')
  if (!next || next.since + KNOWN_SECONDS > now) return versions
  return versions.map((version) => {
    if (version === next) return { ...version, state: 'current', since: now }
    // The first version of tokens is for ever: registration access tokens have no end.
    if (version.state === 'current')
      return { ...version, state: 'previous', since: now, until: version.n === 1 ? null : until }
    return version
  })
}

function erasedVersions(versions: readonly Version[], now: number): readonly Version[] {
  const out = versions.map(
    (version): Version =>
      version.state === 'previous' && version.until !== null && version.until <= now
        ? { ...version, state: 'erased', since: now }
        : version,
  )
  const gone = out.filter(({ state }) => state === 'erased').slice(0, -ERASED_KEPT)
  return out.filter((version) => !gone.includes(version))
}

/** What time alone changes: next becomes current, previous becomes erased. Undefined when nothing does. */
export function advanced(ring: Ring, now: number): Ring | undefined {
  const token = erasedVersions(promotedVersions(ring.token, now, now + ring.tokenSecondsMax), now)
  // Client secrets have no end, so neither have the versions that they name.
  const credential = promotedVersions(ring.credential, now, null)
  const same = [token, credential].every((list, n) => {
    const before = n === 0 ? ring.token : ring.credential
    return list.length === before.length && list.every((version, at) => version.state === before[at]?.state)
  })
  return same ? undefined : { ...ring, token, credential }
}

/** With a new epoch: data keys of before seal nothing from now on, and what they sealed is to be re-sealed. */
export function raised(ring: Ring, now: number): Ring {
  const renewal: Renewal = {
    startedAt: now,
    passes: 0,
    pass: null,
    seen: 0,
    resealed: 0,
    named: [],
    left: 0,
    erased: 0,
    finishedAt: null,
  }
  return { ...ring, epoch: ring.epoch + 1, epochAt: now, renewal }
}
