/** One turn of the ring: what the policies say of each current key, what is due, and the change that does it in one commit. */

import { seconds, type Unit } from '../base/index.ts'
import type { RotationFacts } from '../config/index.ts'
import type { Verdict } from '../rotation/index.ts'
import { factsOf, meaning } from './decide.ts'
import type { ViewDeps } from './keyring.ts'
import { useOf } from './records.ts'
import type { Change, ReadRing } from './ring.ts'
import {
  added,
  applied,
  type Due,
  dropped,
  due,
  inState,
  type KeyUse,
  type Ring,
  type RingFacts,
  type Slot,
  wanting,
} from './rules.ts'

/** What a turn uses. */
export interface TurnDeps extends ViewDeps {
  readonly decide: (facts: RotationFacts) => Promise<Verdict>
  /** What was recorded last of each key, so that a decision that stands for days is recorded once. */
  readonly said: Map<string, string>
}

/** No policy drops keys faster than this: one that always says "revoke" must not leave a server without a verifiable key. */
const EMERGENCY_PAUSE_SECONDS = 3600
const UNUSED: KeyUse = { signatures: 0, lastSignedAt: null, signedUntil: null }

export type Made = Awaited<ReturnType<ViewDeps['ringStore']['make']>>

const EVENT = {
  promote: 'signing_key.promoted',
  stop: 'signing_key.stopped',
  retire: 'signing_key.retired',
  destroy: 'signing_key.destroyed',
} as const

/** What each key has signed, of those that have signed or may. */
export async function usesOf({ store, seal }: ViewDeps, ring: Ring): Promise<ReadonlyMap<string, KeyUse>> {
  const live = ring.keys.filter(({ state, slot }) => state !== 'destroyed' && state !== 'next' && slot !== 'cookie')
  return new Map(await Promise.all(live.map(async ({ kid }) => [kid, await useOf(store, seal, kid)] as const)))
}

/** What the policies say of each current key. Noted in `unit` when it is more than "keep" and new. */
async function verdictsOf(
  deps: TurnDeps,
  ring: Ring,
  input: { readonly now: number; readonly uses: RingFacts['uses']; readonly unit: Unit },
): Promise<RingFacts['verdicts']> {
  const { now, uses, unit } = input
  const paused = ring.emergencyAt !== undefined && now < ring.emergencyAt + EMERGENCY_PAUSE_SECONDS
  const verdicts = new Map<string, { do: 'keep' | 'rotate' | 'compromised'; why: string }>()
  for (const key of ring.keys.filter(({ state }) => state === 'current')) {
    const rotations = ring.keys.filter(({ slot, currentAt }) => slot === key.slot && currentAt !== undefined).length - 1
    const facts = factsOf(key, { now, use: uses.get(key.kid) ?? UNUSED, settings: deps.settings(), rotations })
    const verdict = await deps.decide(facts)
    const what = meaning(verdict)
    verdicts.set(key.kid, { do: what === 'compromised' && paused ? 'keep' : what, why: verdict.why })
    const heard = `${verdict.do} ${verdict.shadow?.do ?? ''}`
    if (deps.said.get(key.kid) !== heard && (verdict.do !== 'keep' || verdict.shadow))
      unit.note('rotation.decided', { kid: key.kid, alg: key.slot, ...verdict, facts })
    deps.said.set(key.kid, heard)
  }
  return verdicts
}

/** Key pairs for what is due; where the signer is away the rest of the ring still turns. */
async function pairsFor({ ringStore, logger }: TurnDeps, dues: readonly Due[]): Promise<ReadonlyMap<Due, Made>> {
  const made = new Map<Due, Made>()
  for (const one of dues) {
    if (one.do !== 'make' && one.do !== 'compromised') continue
    try {
      made.set(one, await ringStore.make(one.slot))
    } catch (cause) {
      // Whatever it is, it is this slot's: the others turn.
      logger.error({ err: cause, alg: one.slot }, 'no key could be made')
    }
  }
  return made
}

function after(ring: Ring, one: Due, made: Made | undefined, now: number): Ring {
  if (one.do === 'make') return made ? added(ring, made.fresh, one.as, now) : ring
  if (one.do === 'compromised') return made ? dropped(ring, { ...one, fresh: made.fresh }, now) : ring
  return applied(ring, one, now)
}

/** Notes what becomes of a key. */
export function tell(unit: Unit, ring: Ring, one: Due): void {
  if (one.do === 'make') return
  const kid = 'kid' in one ? one.kid : inState(ring, one.slot, 'current')?.kid
  const type = one.do === 'compromised' ? 'signing_key.compromised' : EVENT[one.do]
  unit.note(type, { kid, alg: ring.keys.find((key) => key.kid === kid)?.slot, why: 'why' in one ? one.why : undefined })
}

/** What is due in a ring as one change; undefined when nothing is. */
export async function turned(
  deps: TurnDeps,
  { ring }: Pick<ReadRing, 'ring'>,
  wanted: readonly Slot[],
): Promise<Change | undefined> {
  const now = seconds(deps.clock)
  const notes = deps.unit()
  const uses = await usesOf(deps, ring)
  const verdicts = await verdictsOf(deps, ring, { now, uses, unit: notes })
  const { publishSeconds, sessionSeconds } = deps.settings()
  const [maker] = deps.signers
  const offered: readonly Slot[] = [...maker.algorithms, 'cookie']
  const facts = { now, wanted, offered, publishSeconds, sessionSeconds, signer: maker.name, uses, verdicts }
  const said = wanting(ring, wanted, now)
  const dues = due(ring, facts)
  const made = await pairsFor(deps, dues)
  const doable = dues.filter((one) => (one.do !== 'make' && one.do !== 'compromised') || made.has(one))
  if (doable.length === 0 && notes.noted.length === 0 && !said) return undefined
  return {
    ring: doable.reduce((so, one) => after(so, one, made.get(one), now), said ?? ring),
    stage(unit) {
      for (const { type, data } of notes.noted) unit.note(type, data)
      for (const pair of made.values()) deps.ringStore.keep(unit, pair)
      for (const one of doable) tell(unit, ring, one)
    },
  }
}
