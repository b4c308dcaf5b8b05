/**
 * What happens here: the union of the events of floors 1 to 4, and the relay that numbers them out of the outbox and hands
 * them to followers (DESIGN rule 5). Followers hang here; no credential path imports one.
 */

import { type Collection, Conflict, type Fields, type OutboxEvent, type Store } from '../adapters/store.ts'
import { bound, type Clock, newDoc, type Random, randomText, seconds, TENANT, Unit } from './base/index.ts'
import { countOf, type Numbered, numberedOf, openEvents, pageOf, type Seal, typesOf } from './seal/index.ts'
import type { Logger } from './telemetry/index.ts'

/** Every event's type, by the room that notes it. A type that is not here does not pass the relay's types. */
export type EventType =
  | 'client.created'
  | 'client.registered'
  | 'client.registration_answered'
  | 'client.updated'
  | 'client.secret_rotated'
  | 'client.disabled'
  | 'client.enabled'
  | 'client.removed'
  | 'api.created'
  | 'api.removed'
  | 'signing_key.created'
  | 'signing_key.rotation_asked'
  | 'signing_key.promoted'
  | 'signing_key.stopped'
  | 'signing_key.retired'
  | 'signing_key.destroyed'
  | 'signing_key.compromised'
  | 'configuration.changed'
  | 'account.created'
  | 'account.disabled'
  | 'account.enabled'
  | 'account.password_set'
  | 'account.erased'
  | 'sign_in.succeeded'
  | 'sign_in.refused'
  | 'consent.given'
  | 'token.issued'
  | 'authorization.answered'
  | 'request.pushed'
  | 'device.asked'
  | 'device.wrong_code'
  | 'initial_access_token.issued'
  | 'rotation.decided'
  | 'refresh_token.rotated'
  | 'refresh_token.repeated'
  | 'refresh_token.repeat_refused'
  | 'refresh_token.late'
  | 'refresh_token.replayed'
  | 'family.revoked'
  | 'access_token.revoked'
  | 'family.held'
  | 'family.released'
  | 'family.rotation_asked'
  | 'client.secret_ended'
  | 'session.ended'
  | 'session.signed_out'
  | 'backchannel_logout.due'
  | 'inventory.query_saved'
  | 'inventory.query_removed'
  | 'organisation.created'
  | 'organisation.disabled'
  | 'organisation.enabled'
  | 'api_token.created'
  | 'api_token.imported'
  | 'api_token.approved'
  | 'api_token.quarantined'
  | 'api_token.released'
  | 'api_token.rotated'
  | 'api_token.revoked'
  | 'api_token.narrowed'
  | 'api_token.expired'
  | 'api_token.reminded'
  | 'api_token.dormant'
  | 'api_token.due'
  | 'api_token.shortened'
  | 'api_token.exchanged'
  | 'api_token.leaked'
  | 'api_token.canary_used'
  | 'wrapped.made'
  | 'wrapped.opened'
  | 'wrapped.opened_twice'
  | 'consent.revoked'

export const events: Collection = {
  name: 'events',
  indexes: [['kind']],
  fields: {
    first: 'pages: number of the first event',
    before: 'pages: number of the first event of the page before',
    contents: 'pages: id, types, time, data key and length of each sealed entry',
    last: 'counter only: number of the latest event',
    page: 'counter only: number of the first event of the latest page',
    ids: 'of before, counter only: ids of the latest batch',
    event: 'of before, when each event had a document: its id in its commit',
    type: 'of before: its type',
    at: 'of before: Unix milliseconds',
  },
  expires: true,
  about:
    'What happened, numbered, in pages of sealed entries; an entry holds all events of a commit. Kept for 90 days.',
}

/** An event as followers get it. */
export interface Happened {
  readonly seq: number
  readonly type: string
  readonly at: number
  readonly data: Readonly<Record<string, unknown>>
}

/** Follows the types that it names: called at least once for each event, in order. A rejection is logged and holds up nobody. */
export interface Follower {
  readonly types: readonly string[] | 'all'
  readonly follow: (event: Happened) => Promise<void>
}

/** Entries of a page: as many as the scan of a renewal may hold by the hundred. */
const BATCH = 256
const KEPT_SECONDS = 90 * 24 * 3600
const LEASE_MS = 15_000
const COUNTER = 'counter'

/** What the relay uses. */
export interface RelayDeps {
  readonly store: Store
  readonly seal: Seal
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly followers: readonly Follower[]
}

/** The id of event number `seq`: ids sort as numbers do. */
export const eventId = (seq: number): string => `e${String(seq).padStart(15, '0')}`

/** Makes the relay. `drain` numbers and delivers what is there; one process at a time holds the lease. */
export function createRelay(deps: RelayDeps) {
  const { store, seal, clock, random, logger } = deps
  const holder = randomText(random, 9)
  let running: Promise<void> | undefined
  let again = false
  /** What this relay numbered last. */
  let numbered: { readonly first: number; readonly all: readonly Numbered[] } | undefined

  async function counter() {
    const doc = await store.get(events.name, COUNTER)
    if (doc) return doc
    const unit = new Unit({ store, cid: randomText(random, 16), request: holder })
    unit.insert(
      events.name,
      newDoc(bound({ tenant: TENANT, kind: 'counter', id: COUNTER }), { hk: '', fields: { last: 0, ids: '[]' } }),
    )
    await store.commit(unit.writes('all')).catch((cause) => {
      if (!(cause instanceof Conflict)) throw cause
    })
    const made = await store.get(events.name, COUNTER)
    if (!made) throw new Error("the events' counter was stored and can't be read")
    return made
  }

  /** What the latest batch numbered: only that can be numbered and not settled. `ids`: as a counter of before named it. */
  async function latest(fields: Fields): Promise<ReadonlyMap<string, number>> {
    const own = numbered?.first === fields.page ? numbered?.all : undefined
    const page = own || !fields.page ? undefined : await store.get(events.name, eventId(Number(fields.page)))
    const all = own ?? (page && numberedOf(page))
    if (all) return new Map(all.map(({ seq, entry }) => [entry.id, seq]))
    const ids: unknown = JSON.parse(String(fields.ids ?? '[]'))
    const first = Number(fields.last ?? 0) + 1
    return new Map(Array.isArray(ids) ? ids.map((id, n) => [String(id), first - ids.length + n]) : [])
  }

  /** Numbers a batch in one commit; or gives the numbers that it has. */
  async function number(pending: readonly OutboxEvent[]): Promise<readonly Numbered[]> {
    const { fields, ...doc } = await counter()
    const known = await latest(fields)
    const repeated = pending.flatMap((entry) => {
      const seq = known.get(entry.id)
      return seq === undefined ? [] : [{ seq, entry }]
    })
    if (repeated.length > 0) return repeated
    const last = Number(fields.last ?? 0)
    const first = last + 1
    const unit = new Unit({ store, cid: randomText(random, 16), request: holder })
    const page = pageOf(pending, {
      id: eventId(first),
      tenant: TENANT,
      first,
      before: Number(fields.page ?? 0),
      purgeAt: seconds(clock) + KEPT_SECONDS,
    })
    unit.insert(events.name, page)
    const set = { fields: { last: last + countOf(pending), page: first, ids: null } }
    unit.decide({ collection: events.name, id: COUNTER, if: { fields: { last } }, set }, { ...doc, fields })
    await store.commit(unit.writes('all'))
    numbered = { first, all: numberedOf(page) }
    return numbered.all
  }

  async function deliver({ seq, entry }: Numbered): Promise<void> {
    const types = typesOf(entry)
    const asked = deps.followers.filter((one) => one.types === 'all' || types.some((type) => one.types.includes(type)))
    if (asked.length === 0) return
    for (const [n, { type, data }] of (await openEvents(seal, entry)).entries()) {
      const happened = { seq: seq + n, type, at: entry.at, data }
      for (const follower of asked.filter((one) => one.types === 'all' || one.types.includes(type)))
        await follower
          .follow(happened)
          .catch((cause) => logger.error({ err: cause, type, seq: happened.seq }, 'a follower failed'))
    }
  }

  const lease = (): Promise<boolean> =>
    store.lease({ name: 'relay', holder, until: clock.now() + LEASE_MS }, clock.now())

  async function once(): Promise<void> {
    let leased = clock.now()
    if (!(await lease())) return
    for (;;) {
      const pending = await store.pending(BATCH)
      if (pending.length === 0) return
      const batch = await number(pending)
      for (const one of batch) await deliver(one)
      await store.settle(batch.map(({ entry }) => entry.id))
      if (clock.now() - leased < LEASE_MS / 3) continue
      leased = clock.now()
      if (!(await lease())) return
    }
  }

  return {
    /** Delivers what is there. Calls while it runs make it look once more, and resolve when that is done. */
    async drain(): Promise<void> {
      if (running) {
        again = true
        return running
      }
      running = (async () => {
        do {
          again = false
          await once()
        } while (again)
      })()
      try {
        await running
      } finally {
        running = undefined
      }
    },
    release: () => store.release('relay', holder),
  }
}

export type Relay = ReturnType<typeof createRelay>

const SCANNED_MAX = 1_000_000

/** Reads what happened, for people. */
export function createEventLog({ store, seal }: { readonly store: Pick<Store, 'get'>; readonly seal: Seal }) {
  /** The events of a type among entries, the latest first. */
  async function among(numbered: readonly Numbered[], type: EventType): Promise<readonly object[]> {
    const found: object[] = []
    for (const { seq, entry } of numbered.filter((one) => typesOf(one.entry).includes(type)))
      for (const [n, event] of (await openEvents(seal, entry)).entries())
        if (event.type === type) found.push({ seq: seq + n, at: new Date(entry.at).toISOString(), ...event.data })
    return found.reverse()
  }

  /** A page, or a document of before: its entries, and the number of the document before it. */
  async function read(first: number) {
    const doc = await store.get(events.name, eventId(first))
    if (doc?.kind === 'page') {
      const before = Number(doc.fields.before)
      return { numbered: numberedOf(doc), before: before > 0 ? before : first - 1 }
    }
    if (!doc?.body) return undefined
    const { tenant, dk, body, fields } = doc
    const entry = { id: String(fields.event), type: String(fields.type), tenant, at: Number(fields.at), dk, body }
    return { numbered: [{ seq: first, entry }], before: first - 1 }
  }

  return {
    /** The latest events of a type, in their order. */
    async latest(input: { readonly type: EventType; readonly last: number }): Promise<readonly object[]> {
      const fields: Fields = (await store.get(events.name, COUNTER))?.fields ?? {}
      const found: object[] = []
      const newest = Number(fields.last ?? 0)
      let next = Number(fields.page ?? newest)
      while (next > Math.max(0, newest - SCANNED_MAX) && found.length < input.last) {
        const page = await read(next)
        if (!page) break
        found.push(...(await among(page.numbered, input.type)))
        next = page.before
      }
      return found.slice(0, input.last).reverse()
    },
  }
}
