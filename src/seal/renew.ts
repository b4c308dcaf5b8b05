/**
 * Renew: new data keys everywhere, and whatever older ones sealed is sealed again, in the background, document by document. Progress
 * stands in the ring, so whoever holds the lease goes on where the last one stopped. When a whole pass that began two minutes after
 * the new epoch finds no document naming an old key, that key is erased: by then no node seals with it (a node that lost sight of
 * the ring for one minute seals nothing).
 */

import { type Change, Conflict, type Doc, type Store } from '../../adapters/store.ts'
import { type Clock, type Random, randomText, seconds } from '../base/index.ts'
import type { Seal } from './index.ts'
import { emptyUnit, epochOf, sealKeys } from './keys.ts'
import { scrubbed, wrappedKeys } from './rewrap.ts'
import { type Renewal, type Ring, raised } from './ring.ts'

/** How a collection's documents are sealed again, where that is more than opening and sealing the body. */
export interface Resealer {
  /** The data keys that a document names. */
  names(doc: Doc): readonly string[]
  /** The change after which it names none that is old; what can't be sealed again stays, and keeps its key. Empty: nothing to do. */
  reseal(doc: Doc): Promise<Change>
}

/** What renewing uses. `resealers` by collection; the others' bodies are sealed under their own columns. */
export interface RenewDeps {
  readonly store: Pick<Store, 'get' | 'scan' | 'commit' | 'pending' | 'lease' | 'release' | 'scrub'>
  readonly seal: Seal
  readonly clock: Clock
  readonly random: Random
  readonly collections: readonly string[]
  readonly resealers: Readonly<Record<string, Resealer>>
  /** Hears of documents that could not be sealed again: their keys are kept. */
  readonly report: (failure: { readonly collection: string; readonly cause: unknown }) => void
}

const PAGE = 200
const AT_ONCE = 50
const TRIES = 50
const LEASE_MS = 30_000
const SAVE_MS = 1000
/** After this no node seals with a key of an earlier epoch, and what was sealed is committed. */
const SETTLED_SECONDS = 120
const AGAIN_SECONDS = 24 * 3600
const PENDING_MAX = 10_000

type Pass = NonNullable<Renewal['pass']>

/** Whether there is a pass to begin or to go on with. */
export function isPassDue({ renewal, epochAt }: Pick<Ring, 'renewal' | 'epochAt'>, now: number): boolean {
  if (!renewal) return false
  if (renewal.pass) return true
  if (renewal.finishedAt !== null) return renewal.left > 0 && now >= renewal.finishedAt + AGAIN_SECONDS
  return renewal.passes === 0 || now >= epochAt + SETTLED_SECONDS
}

/** What a change makes of a document. */
const changed = (doc: Doc, set: Change): Doc => ({ ...doc, ...set, fields: { ...doc.fields, ...set.fields } })

/** The renewal as its holder works on it. */
export class Renewer {
  readonly #deps: RenewDeps
  readonly #holder: string
  readonly #plain: Resealer
  #isStopping = false
  #working: Promise<unknown> = Promise.resolve()

  constructor(deps: RenewDeps) {
    this.#deps = deps
    this.#holder = randomText(deps.random, 9)
    const { seal } = deps
    this.#plain = {
      names: ({ dk }) => [dk],
      reseal: async (doc) => (doc.body ? seal.seal(doc, await seal.open(doc)) : { dk: '' }),
    }
  }

  /** New versions of the hash keys, and a new epoch: every node makes a new data key within two seconds. */
  async start(): Promise<Ring> {
    const { seal, clock } = this.#deps
    await seal.introduce('token')
    await seal.introduce('credential')
    return seal.changeRing((ring) => raised(ring, seconds(clock)))
  }

  /** Goes on with what there is to do; called by a timer. One process at a time works. Resolves to whether it did. */
  work(): Promise<boolean> {
    const done = this.#work()
    this.#working = done.catch(() => undefined)
    return done
  }

  /** Stops after the page that is at hand, with its progress kept. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#working
  }

  async #work(): Promise<boolean> {
    const { seal, clock, store } = this.#deps
    const isDue = (ring: Ring): boolean => !this.#isStopping && isPassDue(ring, seconds(clock))
    if (!isDue(seal.ring()) || !isDue(await seal.poll())) return false
    if (!(await this.#lease())) return false
    try {
      await this.#pass(await this.#begun())
    } finally {
      await store.release('renew', this.#holder)
    }
    return true
  }

  #lease(): Promise<boolean> {
    const { store, clock } = this.#deps
    return store.lease({ name: 'renew', holder: this.#holder, until: clock.now() + LEASE_MS }, clock.now())
  }

  /** The pass to go on with, or a new one. Events that wait in the outbox name keys too: what they name is kept this time. */
  async #begun(): Promise<Ring> {
    const { seal, clock, store, collections } = this.#deps
    const startedAt = seconds(clock)
    const waiting = await store.pending(PENDING_MAX)
    const old = waiting.filter(({ dk }) => seal.isOld(dk)).map(({ dk }) => dk)
    // More than can be looked at: then this is no pass that may erase.
    const tooMany = waiting.length === PENDING_MAX
    return seal.changeRing((ring) => {
      if (!ring.renewal || ring.renewal.pass) return undefined
      const pass: Pass = { startedAt: tooMany ? 0 : startedAt, collection: collections[0] ?? '', after: '' }
      const renewal = { ...ring.renewal, passes: ring.renewal.passes + 1, pass, seen: 0 }
      return { ...ring, renewal: { ...renewal, named: [...new Set(old)], left: old.length, finishedAt: null } }
    })
  }

  async #pass(begun: Ring): Promise<void> {
    const { clock, store, collections } = this.#deps
    if (!begun.renewal?.pass) return
    let renewal: Renewal = begun.renewal
    let saved = clock.now()
    const from = collections.indexOf(begun.renewal.pass.collection)
    for (const collection of collections.slice(Math.max(0, from))) {
      let after = collection === begun.renewal.pass.collection ? begun.renewal.pass.after : ''
      for (;;) {
        const page = await store.scan(collection, { limit: PAGE, after })
        renewal = await this.#page(collection, page, renewal)
        after = page.at(-1)?.id ?? after
        renewal = { ...renewal, pass: { ...begun.renewal.pass, collection, after } }
        const isSaved = clock.now() - saved < SAVE_MS || (await this.#save(begun, renewal))
        if (!isSaved || !(await this.#lease())) return
        if (clock.now() - saved >= SAVE_MS) saved = clock.now()
        if (this.#isStopping) {
          await this.#save(begun, renewal)
          return
        }
        if (page.length < PAGE) break
        await new Promise((next) => setImmediate(next))
      }
    }
    await this.#end(begun, renewal)
  }

  /** False when another renewal has begun meanwhile. */
  async #save(begun: Ring, renewal: Renewal): Promise<boolean> {
    let isMine = false
    await this.#deps.seal.changeRing((ring) => {
      isMine = ring.epoch === begun.epoch && ring.renewal?.pass?.startedAt === begun.renewal?.pass?.startedAt
      return isMine ? { ...ring, renewal } : undefined
    })
    return isMine
  }

  async #page(collection: string, page: readonly Doc[], before: Renewal): Promise<Renewal> {
    const named = new Set(before.named)
    let { resealed, left } = before
    for (let at = 0; at < page.length; at += AT_ONCE) {
      // Together, since the embedded store commits as one transaction what comes at once.
      const outcomes = await Promise.all(page.slice(at, at + AT_ONCE).map((doc) => this.#one(collection, doc)))
      for (const outcome of outcomes) {
        if (outcome.isResealed) resealed++
        if (outcome.named.length > 0) left++
        for (const dk of outcome.named) named.add(dk)
      }
    }
    return { ...before, seen: before.seen + page.length, resealed, left, named: [...named] }
  }

  async #one(
    collection: string,
    first: Doc,
  ): Promise<{ readonly isResealed: boolean; readonly named: readonly string[] }> {
    const { store, seal, random, resealers, report } = this.#deps
    const resealer = resealers[collection] ?? this.#plain
    const old = (doc: Doc): readonly string[] => resealer.names(doc).filter((dk) => seal.isOld(dk))
    let doc: Doc | undefined = first
    for (let n = 0; n < TRIES; n++) {
      if (!doc || old(doc).length === 0) return { isResealed: false, named: [] }
      try {
        const set = await resealer.reseal(doc)
        if (Object.keys(set).length === 0) return { isResealed: false, named: old(doc) }
        await store.commit({ ...emptyUnit(random), updates: [{ collection, id: doc.id, rev: doc.rev, set }] })
        return { isResealed: true, named: old(changed(doc, set)) }
      } catch (cause) {
        if (!(cause instanceof Conflict)) {
          report({ collection, cause })
          return { isResealed: false, named: old(doc) }
        }
        doc = await store.get(collection, doc.id)
      }
    }
    return { isResealed: false, named: doc ? old(doc) : [] }
  }

  async #end(begun: Ring, renewal: Renewal): Promise<void> {
    const { store, seal, random, clock } = this.#deps
    const startedAt = begun.renewal?.pass?.startedAt ?? 0
    if (startedAt < begun.epochAt + SETTLED_SECONDS) {
      await this.#save(begun, { ...renewal, pass: null })
      return
    }
    // Saved first: the ring itself must name a key of this epoch before any other goes.
    if (!(await this.#save(begun, renewal))) return
    const ring = await store.get(sealKeys.name, 'ring')
    const kept = new Set([...renewal.named, ring?.dk])
    let { erased } = renewal
    for await (const { id, kind } of wrappedKeys(store)) {
      if (kind !== 'data' || epochOf(id) >= begun.epoch || kept.has(id)) continue
      await store.commit({ ...emptyUnit(random), cleanups: [{ collection: sealKeys.name, id }] })
      erased++
    }
    await scrubbed(store)
    await this.#save(begun, { ...renewal, pass: null, erased, finishedAt: seconds(clock) })
    await seal.poll()
  }
}
