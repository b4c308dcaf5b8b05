/**
 * What the laws stand on: the world a store is proved in, the collections the laws write to, and builders of documents and units.
 * Every law works under a tenant of its own, so that it may run on a database that others use.
 */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  type Collection,
  Conflict,
  type Doc,
  type NewDoc,
  type OutboxEvent,
  type Store,
  type Writes,
} from '../store.ts'

/** Where a law is proved. The laws close nothing: whoever made the world does. */
export interface World {
  /** A store on a fresh or a shared database that knows `lawCollections`. May be the same object each time. */
  open(): Promise<Store>
  /** Closes the store and opens it again on the same database; `open` gives the new one from then on. */
  reopen?(): Promise<Store>
}

/** A sentence about stores, and the function that throws when a store doesn't obey it. */
export interface Law {
  readonly name: string
  /** Small, quick and clean enough to run against a production database at start. */
  readonly probe: boolean
  readonly proof: (world: World) => Promise<void>
}

/** The scratch collection of the laws. */
export const lawThings: Collection = {
  name: 'law-things',
  indexes: [
    ['kind'],
    ['family'],
    ['client', 'state'],
    ['client', 'state', 'exp'],
    ['state', 'lastUse'],
    ['client', 'fields.weight'],
    ['scopes', 'state'],
    ['scopes', 'exp'],
    ['kind', 'lastUse'],
  ],
  only: { 'kind lastUse': ['law-listed', 'law-else'] },
  fields: {
    head: 'what a decider competes for',
    predecessor: 'the head before',
    uses: 'a number that rivals increment',
    weight: 'any other number',
    blob: 'bytes in the clear',
  },
  expires: true,
  about: 'Scratch documents of the laws; empty but for the moments of the probe at start.',
}

/** A second one, since a unit may reach more than one collection. */
export const lawOthers: Collection = {
  name: 'law-others',
  indexes: [['kind']],
  fields: {},
  expires: false,
  about: 'More scratch documents of the laws.',
}

/** Whoever opens a store for the laws declares these. */
export const lawCollections: readonly Collection[] = [lawThings, lawOthers]

/** Unix seconds: the laws' own present. No law looks at a clock. */
export const NOW = 1_700_000_000

/** A random word, never the same twice. */
export const fresh = (): string => randomBytes(12).toString('hex')

/** What a law works with. */
export interface Bench {
  readonly store: Store
  readonly tenant: string
  readonly world: World
}

async function removeAll(store: Store, { name }: Collection, tenant: string): Promise<void> {
  let left = await store.find(name, { tenant, by: { kind: 'law' } }, { limit: 200 })
  for (let page = 0; left.length > 0 && page < 100; page++) {
    await store.commit(unit({ cleanups: left.map(({ id }) => ({ collection: name, id })) }))
    left = await store.find(name, { tenant, by: { kind: 'law' } }, { limit: 200 })
  }
}

async function tidy({ store, tenant }: Bench): Promise<void> {
  const events = await store.pending(10_000)
  const own = events.filter((event) => event.tenant === tenant).map(({ id }) => id)
  if (own.length > 0) await store.settle(own)
  for (const collection of lawCollections) await removeAll(store, collection, tenant)
}

/** Makes a law of a sentence and a proof; what the proof leaves is removed, whether it held or not. */
export function law(
  name: string,
  prove: (bench: Bench) => Promise<void>,
  options: { readonly probe?: boolean } = {},
): Law {
  return {
    name,
    probe: options.probe ?? false,
    async proof(world) {
      const bench = { store: await world.open(), tenant: fresh(), world }
      try {
        await prove(bench)
      } catch (refuted) {
        // The refutation is the news, not what can't be tidied behind it.
        await tidy({ ...bench, store: await world.open() }).catch(() => undefined)
        throw refuted
      }
      await tidy({ ...bench, store: await world.open() })
    },
  }
}

/** A document of the laws' kind; `id` is fresh unless it is said. */
export function thing(tenant: string, more: Partial<NewDoc> = {}): NewDoc {
  return {
    id: fresh(),
    tenant,
    kind: 'law',
    v: 1,
    hk: 'h1',
    dk: 'd1',
    family: null,
    grant: null,
    account: null,
    owner: null,
    client: null,
    session: null,
    api: null,
    scopes: [],
    iat: NOW,
    exp: null,
    purgeAt: null,
    state: 'live',
    lastUse: null,
    fields: {},
    body: null,
    ...more,
  }
}

/** A unit with a fresh commit id and request id and nothing in it but what is said. */
export function unit(more: Partial<Writes> = {}): Writes {
  const cid = fresh()
  return {
    cid,
    request: fresh(),
    burns: [],
    inserts: [],
    updates: [],
    revocations: [],
    cleanups: [],
    events: [],
    ...more,
  }
}

/** Stores a thing and gives it back as it is read. */
export async function stored({ store, tenant }: Bench, more: Partial<NewDoc> = {}): Promise<Doc> {
  const doc = thing(tenant, more)
  await store.commit(unit({ inserts: [{ collection: lawThings.name, doc }] }))
  return read(store, doc.id)
}

/** Reads a thing that must be there. */
export async function read(store: Store, id: string, collection = lawThings.name): Promise<Doc> {
  const doc = await store.get(collection, id)
  assert.ok(doc, 'a document that was stored is there')
  return doc
}

/** An event of a tenant. */
export function event(tenant: string, more: Partial<OutboxEvent> = {}): OutboxEvent {
  return { id: fresh(), type: 'law.proved', tenant, at: NOW * 1000, dk: 'd1', body: new Uint8Array([1, 2, 3]), ...more }
}

/** The ids of a tenant's events that are pending, in the store's order. */
export async function pendingOf({ store, tenant }: Bench): Promise<readonly string[]> {
  return (await store.pending(10_000)).filter((e) => e.tenant === tenant).map((e) => e.id)
}

/** Requires that a commit is lost, and to what. */
export async function loses(commit: Promise<void>, kind: Conflict['kind'], why: string): Promise<void> {
  const outcome = await commit.then(
    () => 'won',
    (cause: unknown) => cause,
  )
  assert.ok(
    outcome instanceof Conflict,
    `${why}: a Conflict, not ${outcome instanceof Error ? outcome.stack : outcome}`,
  )
  assert.equal(outcome.kind, kind, `${why}: a Conflict of kind ${kind}`)
}

/** Commits all at once; gives the winners. Anything that is not a Conflict is thrown. */
export async function race(store: Store, units: readonly Writes[]): Promise<readonly Writes[]> {
  const outcomes = await Promise.allSettled(units.map((u) => store.commit(u)))
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected' && !(outcome.reason instanceof Conflict)) throw outcome.reason
  }
  return units.filter((_, at) => outcomes[at]?.status === 'fulfilled')
}
