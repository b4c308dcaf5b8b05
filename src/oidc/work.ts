/**
 * What one run of one request carries besides its unit: the family that it deals with, how its refresh token stands,
 * payloads that stand in for tokens that are not stored. AsyncLocalStorage carries it to the models, since the library's
 * adapter signature leaves no other way (DESIGN rule 1); nothing outside `src/oidc` reads it.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import type { Doc } from '../../adapters/store.ts'
import type { Unit } from '../base/index.ts'
import type { ClientRecord } from '../clients/index.ts'
import type { RotationFacts, SeenFrom } from '../config/index.ts'
import type { Verdict } from '../rotation/index.ts'
import type { Payload } from './records.ts'

/** The family of the credential that a request presents or creates. `text` is its id as refresh tokens name it. */
export interface WorkFamily {
  readonly text: string
  readonly id: string
}

/** How the presented refresh token stands to its family. */
export interface PresentedRefresh {
  readonly doc: Doc
  readonly text: string
  /** Keyed hash of the text. */
  readonly head: string
  readonly standing: 'head' | 'grace' | 'late' | 'replay'
  readonly payload: Payload
  /** Where its last use came from. */
  readonly seen: SeenFrom | undefined
}

/** What the policies decided, of which facts. `rev`: the family's when they were asked. */
export interface Decided {
  readonly rev: number
  readonly facts: RotationFacts
  readonly verdict: Verdict
}

/** A session's payload as it was read, for the merge. */
export interface ReadSession {
  readonly base: Payload
  ours: Payload
}

/** One run. */
export interface Work {
  readonly unit: Unit
  /** 'token', 'authorization', ... as the library names its routes; set when it is known. */
  readonly route: string
  /** Where the request comes from. */
  readonly seen: SeenFrom
  /** What a refresh asked for, in the client's own words. */
  asked?: { readonly scope: string | null; readonly resource: string | null }
  /** What was decided about the refresh; `untilUsed`: its window ends only with the successor's first use. */
  verdict?: Verdict & { readonly untilUsed: boolean }
  /** That decision as it was made, for whoever runs the request again on the same state of the family. */
  decided?: Decided
  family?: WorkFamily
  presented?: PresentedRefresh
  initialAccessToken?: Doc
  /** Why nothing could be signed, where that is so. */
  signerAway?: Error
  readonly sessions: Map<string, ReadSession>
  readonly standIns: Map<string, Payload>
  /** Clients that the library has read in this run, for its synchronous questions about them. */
  readonly clients: Map<string, ClientRecord>
}

/** The work of a fresh run. */
export function newWork(input: Pick<Work, 'unit' | 'route' | 'seen'>): Work {
  return { ...input, sessions: new Map(), standIns: new Map(), clients: new Map() }
}

const carried = new AsyncLocalStorage<Work>()

/** Runs `run` with this work as the current one. */
export function withWork<T>(work: Work, run: () => Promise<T>): Promise<T> {
  return carried.run(work, run)
}

/** The current work. Throws outside of one: the models never write by themselves. */
export function currentWork(): Work {
  const work = carried.getStore()
  if (!work) throw new Error('a model was used outside a unit of work')
  return work
}

/** The current work, or undefined: for listeners, which must not throw. */
export function maybeWork(): Work | undefined {
  return carried.getStore()
}
