/** The verbs on the keyring: the tick that turns it, and what people may ask of it. Each change is one commit of the ring. */

import { seconds, type Unit } from '../base/index.ts'
import { refuse } from './errors.ts'
import type { KeyView } from './keyring.ts'
import { secretOf, useOf } from './records.ts'
import {
  added,
  applied,
  asking,
  cleaned,
  type Due,
  dropped,
  erasable,
  inState,
  isLost,
  type KeyState,
  type KeyUse,
  type Ring,
  type RingKey,
  retiresAt,
  ripeAt,
  type Slot,
  wanting,
} from './rules.ts'
import { type Made, type TurnDeps, tell, turned } from './turn.ts'

/** What the verbs use beyond a turn's own. */
export interface ActionDeps extends TurnDeps {
  readonly view: KeyView
  readonly wanted: () => Promise<readonly Slot[]>
}

/** A key with what it has signed. */
export interface UsedKey {
  readonly key: RingKey
  readonly use: KeyUse
}

/** Erases private parts that nothing needs any more; what can't be erased now is tried at the next tick. */
async function erase({ store, seal, clock, signers, logger, ringStore, view }: ActionDeps): Promise<void> {
  const gone: RingKey[] = []
  for (const key of erasable(view.ring)) {
    const maker = signers.find(({ name }) => name === key.signer)
    const secret = await secretOf(store, seal, key)
    try {
      // What only an absent signer can destroy is not destroyed: it is tried again when that one is back.
      if (!maker && key.slot !== 'cookie') continue
      if (maker && secret && key.publicJwk && key.slot !== 'cookie')
        await maker.destroy({ kid: key.kid, alg: key.slot, publicJwk: key.publicJwk, secret })
      gone.push(key)
    } catch (cause) {
      logger.error({ err: cause, kid: key.kid }, "a key's private part could not be destroyed yet")
    }
  }
  if (gone.length === 0) return
  const kids = gone.map(({ kid }) => kid)
  await ringStore.change(async ({ ring }) => ({
    ring: cleaned(ring, kids, seconds(clock)),
    stage(unit) {
      for (const key of gone) ringStore.forget(unit, key)
    },
  }))
  await view.again()
}

/** Says that this node wants its slots, once an hour: whoever turns the ring must not stop them. */
export async function announce({ ringStore, view, clock, wanted }: ActionDeps): Promise<void> {
  const slots = await wanted()
  const now = seconds(clock)
  if (!wanting(view.ring, slots, now)) return
  await ringStore.change(async ({ ring }) => {
    const said = wanting(ring, slots, now)
    return said && { ring: said, stage() {} }
  })
  await view.again()
}

/** What is due, done: keys made, promoted, retired, destroyed. One node at a time does it (the caller holds the lease). */
export async function tick(deps: ActionDeps): Promise<void> {
  const wanted = await deps.wanted()
  await deps.ringStore.change((read) => turned(deps, read, wanted))
  await deps.view.again()
  await erase(deps)
}

/** Makes sure that a slot has a key that signs now. Refuses an algorithm that the signer does not offer. */
export async function ensure({ ringStore, view, clock }: ActionDeps, slot: Slot): Promise<void> {
  if (inState(view.ring, slot, 'current')) return
  await ringStore.change(async ({ ring }) => {
    if (inState(ring, slot, 'current')) return undefined
    const made = await ringStore.make(slot)
    const now = seconds(clock)
    const wanted = { ...ring, wanted: { ...ring.wanted, [slot]: now } }
    return { ring: added(wanted, made.fresh, 'current', now), stage: (unit) => ringStore.keep(unit, made) }
  })
  await view.again()
}

/** Which slots a person means: one algorithm, or all that tokens are signed with. */
export function named({ view }: Pick<ActionDeps, 'view'>, alg: string | undefined): readonly Slot[] {
  const slots = [...new Set(view.ring.keys.filter(({ state }) => state === 'current').map(({ slot }) => slot))]
  if (alg === undefined) return slots.filter((slot) => slot !== 'cookie')
  const found = slots.filter((slot) => slot === alg)
  if (found.length === 0) throw refuse('algorithm_unknown', { alg })
  return found
}

/** The key of a kid. */
export function keyOf({ view }: Pick<ActionDeps, 'view'>, kid: string): RingKey {
  const key = view.ring.keys.find((one) => one.kid === kid)
  if (!key) throw refuse('key_unknown', { kid })
  return key
}

/** A rotation that is planned: which key gives way to which, and from when (Unix seconds). */
export interface Planned {
  readonly slot: Slot
  readonly from: string | undefined
  readonly to: string | undefined
  readonly at: number
}

/** Asks for a rotation as soon as the next key may sign; says when that is, by slot. `dryRun` changes nothing. */
export async function rotate(
  deps: ActionDeps,
  input: { readonly alg: string | undefined; readonly why: string; readonly dryRun: boolean },
): Promise<readonly Planned[]> {
  const { view, clock, settings } = deps
  const slots = named(deps, input.alg)
  const now = seconds(clock)
  const plan = slots.map((slot) => {
    const next = inState(view.ring, slot, 'next')
    const at = next ? ripeAt(next, settings()) : now + settings().publishSeconds
    return { slot, from: inState(view.ring, slot, 'current')?.kid, to: next?.kid, at: Math.max(now, at) }
  })
  if (input.dryRun) return plan
  const wanted = await deps.wanted()
  await deps.ringStore.change(async (read) => {
    const ring = slots.reduce((so, slot) => asking(so, slot, { at: now, why: input.why }), read.ring)
    const change = await turned(deps, { ring }, wanted)
    const stage = (unit: Unit): void => {
      unit.note('signing_key.rotation_asked', { slots, why: input.why })
      change?.stage(unit)
    }
    return { ring: change?.ring ?? ring, stage }
  })
  await view.again()
  return plan
}

/** A fresh pair for a slot whose key is dropped. A leaked key goes even where its signer can make no other. */
async function replacement({ ringStore, logger }: ActionDeps, slot: Slot): Promise<Made | undefined> {
  try {
    return await ringStore.make(slot)
  } catch (cause) {
    logger.error(
      { err: cause, alg: slot },
      'a key is dropped and no other could be made: nothing signs with this algorithm',
    )
    return undefined
  }
}

/**
 * Signs with fresh keys at once and drops the current ones (and with `kid` that one). What they signed is worth nothing here from
 * now on. Returns the dropped keys with what they had signed.
 */
export async function drop(
  deps: ActionDeps,
  input: { readonly slots: readonly Slot[]; readonly kid?: string; readonly why: string; readonly dryRun: boolean },
): Promise<readonly UsedKey[]> {
  const { store, seal, clock, ringStore, view } = deps
  const { slots, why } = input
  const lost = (ring: Ring): readonly RingKey[] =>
    ring.keys.filter((key) => slots.includes(key.slot) && isLost(key, input.kid))
  const used = await Promise.all(lost(view.ring).map(async (key) => ({ key, use: await useOf(store, seal, key.kid) })))
  if (input.dryRun) return used
  const made = new Map<Slot, Made | undefined>()
  for (const slot of slots) made.set(slot, await replacement(deps, slot))
  const kid = input.kid === undefined ? {} : { kid: input.kid }
  await ringStore.change(async ({ ring }) => ({
    ring: [...made].reduce(
      (so, [slot, pair]) => dropped(so, { slot, fresh: pair?.fresh, why, ...kid }, seconds(clock)),
      ring,
    ),
    stage(unit) {
      for (const pair of made.values()) if (pair) ringStore.keep(unit, pair)
      for (const key of lost(ring))
        unit.note('signing_key.compromised', { kid: key.kid, alg: key.slot, state: key.state, why })
    },
  }))
  await view.again()
  await erase(deps)
  return used
}

/** One change of one key, if it still is what it was: a rival may have dropped or promoted it meanwhile. */
async function single(
  deps: ActionDeps,
  one: Extract<Due, { do: 'retire' | 'destroy' }>,
  from: readonly KeyState[],
): Promise<void> {
  await deps.ringStore.change(async ({ ring }) => {
    const key = ring.keys.find(({ kid }) => kid === one.kid)
    if (!key || !from.includes(key.state))
      throw refuse(one.do === 'retire' ? 'key_not_previous' : 'key_not_retired', { kid: one.kid, state: key?.state })
    return { ring: applied(ring, one, seconds(deps.clock)), stage: (unit) => tell(unit, ring, one) }
  })
  await deps.view.again()
  await erase(deps)
}

/** Takes a previous key off /jwks before its time. Refuses while something that it signed is alive, unless forced. */
export async function retire(
  deps: ActionDeps,
  kid: string,
  input: { readonly force: boolean; readonly dryRun: boolean },
): Promise<KeyUse> {
  const key = keyOf(deps, kid)
  if (key.state !== 'previous') throw refuse('key_not_previous', { kid, state: key.state })
  await deps.uses.flush()
  const use = await useOf(deps.store, deps.seal, kid)
  // Also what another node signed a moment ago and has not counted yet, and cookies that live as long as a session.
  if (!input.force && seconds(deps.clock) < retiresAt(key, use, deps.settings())) throw refuse('key_needed', { kid })
  if (!input.dryRun) await single(deps, { do: 'retire', kid }, ['previous'])
  return use
}

/** Destroys a retired key, or a next one that never signed. */
export async function destroy(deps: ActionDeps, kid: string, input: { readonly dryRun: boolean }): Promise<KeyUse> {
  const key = keyOf(deps, kid)
  if (key.state !== 'retired' && key.state !== 'next') throw refuse('key_not_retired', { kid, state: key.state })
  const use = await useOf(deps.store, deps.seal, kid)
  if (!input.dryRun) await single(deps, { do: 'destroy', kid, why: 'asked for' }, ['retired', 'next'])
  return use
}
