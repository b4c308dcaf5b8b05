/**
 * What happens here: the union of the events of floors 1 to 4, and the relay that numbers them out of the outbox and hands
 * them to followers (DESIGN rule 5). Followers hang here; no credential path imports one.
 */

import { type Collection, Conflict, type OutboxEvent, type Store } from '../adapters/store.ts'
import { bound, type Clock, newDoc, type Random, randomText, seconds, TENANT, Unit } from './base/index.ts'
import { openEvent, type Resealer, resealEvent, type Seal } from './seal/index.ts'
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
    event: 'id of the event in its commit',
    type: 'type of the event',
    at: 'Unix milliseconds',
    last: 'counter only: number of the latest event',
    ids: 'counter only: ids of the latest batch',
  },
  expires: true,
  about: 'What happened, numbered, sealed. Kept for 90 days.',
}

/** An event as followers get it. */
export interface Happened {
  readonly seq: number
  readonly type: string
  readonly at: number
  readonly data: Readonly<Record<string, unknown>>
}

/** Follows events; called at least once for each, in order. A rejection is logged and does not hold up the others. */
export type Follower = (event: Happened) => Promise<void>

const BATCH = 200
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

  /** Numbers a batch in one commit. Only the latest batch can be numbered and not settled; its ids stand in the counter. */
  async function number(
    pending: readonly OutboxEvent[],
  ): Promise<readonly { readonly seq: number; readonly event: OutboxEvent }[]> {
    const doc = await counter()
    const before: unknown = JSON.parse(String(doc.fields.ids ?? '[]'))
    const done = new Set(Array.isArray(before) ? before.map(String) : [])
    const last = Number(doc.fields.last ?? 0)
    const repeated = pending
      .filter(({ id }) => done.has(id))
      .map((event) => ({ event, seq: last - done.size + 1 + [...done].indexOf(event.id) }))
    const fresh = pending.filter(({ id }) => !done.has(id)).map((event, n) => ({ event, seq: last + 1 + n }))
    if (repeated.length > 0 || fresh.length === 0) return repeated
    const unit = new Unit({ store, cid: randomText(random, 16), request: holder })
    for (const { seq, event } of fresh) {
      const columns = bound({ tenant: event.tenant, kind: 'event', id: eventId(seq) })
      unit.insert(
        events.name,
        newDoc(columns, {
          hk: '',
          dk: event.dk,
          body: event.body,
          purgeAt: seconds(clock) + KEPT_SECONDS,
          fields: { event: event.id, type: event.type, at: event.at },
        }),
      )
    }
    const set = { fields: { last: last + fresh.length, ids: JSON.stringify(fresh.map(({ event }) => event.id)) } }
    unit.decide({ collection: events.name, id: COUNTER, if: { fields: { last } }, set }, doc)
    await store.commit(unit.writes('all'))
    return fresh
  }

  async function deliver(seq: number, event: OutboxEvent): Promise<void> {
    const happened = { seq, type: event.type, at: event.at, data: await openEvent(seal, event) }
    for (const follower of deps.followers)
      await follower(happened).catch((cause) =>
        logger.error({ err: cause, type: event.type, seq }, 'a follower failed'),
      )
  }

  async function once(): Promise<void> {
    if (!(await store.lease({ name: 'relay', holder, until: clock.now() + LEASE_MS }, clock.now()))) return
    for (;;) {
      const pending = await store.pending(BATCH)
      if (pending.length === 0) return
      const numbered = await number(pending)
      for (const { seq, event } of numbered) await deliver(seq, event)
      await store.settle(numbered.map(({ event }) => event.id))
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

/** Events are sealed before they have a number: under the columns that the outbox gave them. */
export function eventResealer(seal: Seal): Resealer {
  return {
    names: ({ dk }) => [dk],
    async reseal({ tenant, dk, body, fields }) {
      if (!body) return { dk: '' }
      return resealEvent(seal, { id: String(fields.event), type: String(fields.type), tenant, dk, body })
    },
  }
}

const SCANNED_MAX = 1_000_000

/** Reads what happened, for people. */
export function createEventLog({ store, seal }: { readonly store: Pick<Store, 'get'>; readonly seal: Seal }) {
  return {
    /** The latest events of a type, in their order. */
    async latest(input: { readonly type: EventType; readonly last: number }): Promise<readonly object[]> {
      const counter = await store.get(events.name, COUNTER)
      const found: object[] = []
      const newest = Number(counter?.fields.last ?? 0)
      for (let seq = newest; seq > Math.max(0, newest - SCANNED_MAX) && found.length < input.last; seq--) {
        const doc = await store.get(events.name, eventId(seq))
        if (doc?.fields.type !== input.type || !doc.body) continue
        const event = { id: String(doc.fields.event), type: input.type, tenant: doc.tenant, dk: doc.dk, body: doc.body }
        const at = Number(doc.fields.at)
        found.push({ seq, at: new Date(at).toISOString(), ...(await openEvent(seal, { ...event, at })) })
      }
      return found.reverse()
    },
  }
}
