/** Lanes that are wrong in one way each: the suite must find every one of them. */

import type { Writes } from '../../../../adapters/store.ts'
import type { LaneAnswer, LaneRequest } from '../../../../src/oidc/index.ts'
import type { LaneName } from './lanes.ts'
import type { Side } from './rig.ts'
import { isRecord } from './told.ts'

/** A wrong lane. */
export interface Mutant {
  readonly name: string
  readonly lane: LaneName
  readonly bend: (side: Side) => void
}

const answering =
  (change: (answer: LaneAnswer) => LaneAnswer) =>
  ({ spy }: Side): void => {
    spy.bent = { answer: change }
  }

const saying = (change: (body: Readonly<Record<string, unknown>>) => unknown) =>
  answering((answer) => {
    const body: unknown = JSON.parse(answer.body)
    return { ...answer, body: JSON.stringify(isRecord(body) ? change(body) : body) }
  })

/** Of the lane's own commits, not of those that the library makes beside it. */
const writing =
  (change: (writes: Writes) => Writes) =>
  ({ ledger, spy }: Side): void => {
    ledger.bend = (writes) => (spy.busy ? change(writes) : writes)
  }

const asking =
  (change: (request: LaneRequest) => LaneRequest) =>
  ({ spy }: Side): void => {
    spy.bent = { request: change }
  }

/** Takes whoever is disabled for his enabled neighbour. */
function forgiving({ app }: Side): void {
  const { find } = app.clients
  // The lanes ask without a reader, the library with its unit of work.
  app.clients.find = async (id, reader) => {
    if (reader) return find(id, reader)
    const record = await app.clients.show(id).catch(() => undefined)
    return record && { ...record, disabled: false }
  }
}

const withoutHeader = (name: string) =>
  answering(({ body, headers }) => ({
    body,
    headers: headers.filter((_, n) => headers[n - (n % 2)] !== name),
  }))

export const MUTANTS: readonly Mutant[] = [
  { name: 'drops Cache-Control', lane: 'client credentials', bend: withoutHeader('Cache-Control') },
  { name: 'drops Vary', lane: 'userinfo', bend: withoutHeader('Vary') },
  {
    name: 'forgets the event',
    lane: 'client credentials',
    bend: writing((writes) => ({ ...writes, events: [] })),
  },
  {
    name: 'forgets one event of three',
    lane: 'refresh',
    bend: writing((writes) => ({ ...writes, events: writes.events.slice(1) })),
  },
  {
    name: 'leaves the API out of the index',
    lane: 'client credentials',
    bend: writing((writes) => ({
      ...writes,
      inserts: writes.inserts.map(({ collection, doc }) => ({ collection, doc: { ...doc, scopes: [] } })),
    })),
  },
  {
    name: 'rotates whatever the state of the family',
    lane: 'refresh',
    bend: writing((writes) =>
      writes.decider ? { ...writes, decider: { ...writes.decider, if: { revokedAt: null } } } : writes,
    ),
  },
  {
    name: 'keeps no receipt',
    lane: 'refresh',
    bend: writing((writes) => {
      const { decider } = writes
      if (!decider) return writes
      const { receipt: _r, receiptKey: _k, ...fields } = decider.set.fields ?? {}
      return { ...writes, decider: { ...decider, set: { ...decider.set, fields } } }
    }),
  },
  {
    name: 'gives a token a second more',
    lane: 'client credentials',
    bend: saying((body) => ({ ...body, expires_in: Number(body.expires_in) + 1 })),
  },
  { name: 'tells no reason', lane: 'introspection', bend: saying(({ reason: _, ...body }) => body) },
  { name: 'does not say who issued', lane: 'introspection', bend: saying((body) => ({ ...body, iss: undefined })) },
  { name: 'tells of one claim less', lane: 'userinfo', bend: saying(({ email: _, ...body }) => body) },
  { name: 'lets disabled clients learn', lane: 'introspection', bend: forgiving },
  {
    name: 'does not see where a request comes from',
    lane: 'refresh',
    bend: asking((request) => ({ ...request, seen: { network: 'unknown' } })),
  },
  {
    name: 'does not see a proof',
    lane: 'client credentials',
    bend: asking((request) => {
      const { dpop: _, ...headers } = request.headers
      return { ...request, headers }
    }),
  },
  {
    name: 'publishes under another lifetime',
    lane: 'keys and discovery',
    bend: ({ app }) => {
      const { jwks } = app.keyring
      app.keyring.jwks = () => ({ ...jwks(), cacheControl: 'public, max-age=1' })
    },
  },
]

/** Makes a side wrong. */
export function bend(side: Side, name: string): void {
  MUTANTS.find((mutant) => mutant.name === name)?.bend(side)
}
