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
