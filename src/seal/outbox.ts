/** Seals what a unit noted into events of the outbox: in clear stand only their type and time. */

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

function columns(event: Pick<OutboxEvent, 'id' | 'type' | 'tenant'>) {
  return bound({ tenant: event.tenant, kind: `event ${event.type}`, id: event.id })
}

/** Seals a unit's notes. */
export function sealEvents(
  seal: Seal,
  unit: Unit,
  input: { readonly clock: Clock; readonly actor: Actor; readonly tenant: string; readonly keep?: Keep },
): OutboxEvent[] {
  return unit.told(input.keep ?? 'all').map(({ type, data }, n) => {
    const event = { id: `${unit.cid}.${n}`, type, tenant: input.tenant, at: input.clock.now() }
    const plain = Buffer.from(JSON.stringify({ ...data, ...input.actor, cid: unit.cid }))
    return { ...event, ...seal.seal(columns(event), plain) }
  })
}

/** An event's body under this process's data key: for one that waited through a renewal. */
export async function resealEvent(
  seal: Seal,
  event: Pick<OutboxEvent, 'id' | 'type' | 'tenant' | 'dk' | 'body'>,
): Promise<Sealed> {
  return seal.seal(columns(event), await seal.open({ ...columns(event), dk: event.dk, body: event.body }))
}

/** Opens an event of the outbox for a follower. */
export async function openEvent(seal: Seal, event: OutboxEvent): Promise<Readonly<Record<string, unknown>>> {
  const plain = await seal.open({ ...columns(event), dk: event.dk, body: event.body })
  const parsed: unknown = JSON.parse(plain.toString())
  return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {}
}
