/** Seals what a unit noted into one entry of the outbox: in clear stand only the types, in their order, and the time. */

import type { OutboxEvent } from '../../adapters/store.ts'
import { bound, type Clock, type Keep, type Unit } from '../base/index.ts'
import type { Sealed } from './bodies.ts'
import type { Seal } from './index.ts'

/** Who asked: part of every event's sealed body. */
export interface Actor {
  readonly request: string
  /** Network prefix of the caller, or 'local'. */
  readonly network: string
}

/** One of the events of an entry, opened. */
export interface Opened {
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
}

function columns(entry: Pick<OutboxEvent, 'id' | 'type' | 'tenant'>) {
  return bound({ tenant: entry.tenant, kind: `event ${entry.type}`, id: entry.id })
}

/** The types of an entry's events. */
export const typesOf = ({ type }: Pick<OutboxEvent, 'type'>): readonly string[] => type.split(' ')

/** Seals a unit's notes as one: a refresh notes three, and a seal each would cost more than all that is in them. */
export function sealEvents(
  seal: Seal,
  unit: Unit,
  input: { readonly clock: Clock; readonly actor: Actor; readonly tenant: string; readonly keep?: Keep },
): OutboxEvent[] {
  const told = unit.told(input.keep ?? 'all')
  if (told.length === 0) return []
  const entry = {
    id: unit.cid,
    type: told.map(({ type }) => type).join(' '),
    tenant: input.tenant,
    at: input.clock.now(),
  }
  const { request, network } = input.actor
  const plain = Buffer.from(JSON.stringify([{ request, network, cid: unit.cid }, ...told.map(({ data }) => data)]))
  return [{ ...entry, ...seal.seal(columns(entry), plain) }]
}

/** What a unit noted that wrote nothing: it is sealed with what others noted in the same millisecond. */
export interface Waiting extends Actor {
  readonly cid: string
  readonly tenant: string
  /** Unix milliseconds. */
  readonly at: number
  readonly told: readonly Opened[]
}

/** An entry's types stand in clear in one text. */
const TOGETHER_MAX = 64

/** Waiting notes of one moment, as one entry. Each event has what belongs to its own request. */
function sealTogether(seal: Seal, [first, ...more]: readonly [Waiting, ...Waiting[]]): OutboxEvent {
  const all = [first, ...more].flatMap(({ told, cid, request, network }) =>
    told.map(({ type, data }) => ({ type, data: { ...data, request, network, cid } })),
  )
  const { cid: id, tenant, at } = first
  const entry = { id, type: all.map(({ type }) => type).join(' '), tenant, at }
  return { ...entry, ...seal.seal(columns(entry), Buffer.from(JSON.stringify([{}, ...all.map(({ data }) => data)]))) }
}

/** Seals what waited, in its order, in as few entries as keep the time of each. */
export function sealWaiting(seal: Seal, waiting: readonly Waiting[]): OutboxEvent[] {
  const groups: [Waiting, ...Waiting[]][] = []
  for (const one of waiting) {
    const group = groups.at(-1)
    const isSame = group?.[0].at === one.at && group[0].tenant === one.tenant
    if (group && isSame && group.length < TOGETHER_MAX) group.push(one)
    else groups.push([one])
  }
  return groups.map((group) => sealTogether(seal, group))
}

/** An entry's body under this process's data key: for one that waited through a renewal. */
export async function resealEvent(
  seal: Seal,
  entry: Pick<OutboxEvent, 'id' | 'type' | 'tenant' | 'dk' | 'body'>,
): Promise<Sealed> {
  return seal.seal(columns(entry), await seal.open({ ...columns(entry), dk: entry.dk, body: entry.body }))
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? { ...value } : {}

/** Opens an entry of the outbox for a follower: its events in their order. */
export async function openEvents(
  seal: Seal,
  entry: Pick<OutboxEvent, 'id' | 'type' | 'tenant' | 'dk' | 'body'>,
): Promise<readonly Opened[]> {
  const plain = await seal.open({ ...columns(entry), dk: entry.dk, body: entry.body })
  const parsed: unknown = JSON.parse(plain.toString())
  // An entry of before held one event, with all that belongs to it.
  if (!Array.isArray(parsed)) return [{ type: entry.type, data: fieldsOf(parsed) }]
  const [common, ...told]: unknown[] = parsed
  return typesOf(entry).map((type, n) => ({ type, data: { ...fieldsOf(told[n]), ...fieldsOf(common) } }))
}
