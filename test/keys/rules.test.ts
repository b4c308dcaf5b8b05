/** Laws of the keyring: whatever is asked, in whatever order and however late, verifiers know a key before it signs and after. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  added,
  applied,
  asking,
  dropped,
  due,
  EMPTY_RING,
  inState,
  isPending,
  type KeyUse,
  type Ring,
  type RingFacts,
  SKEW_SECONDS,
  type Slot,
} from '../../src/keys/rules.ts'

const PUBLISH = 1800
const SESSION = 86_400
const LIFE = 300
const SLOTS: readonly Slot[] = ['ES256', 'RS256', 'cookie']
const STATES = ['next', 'current', 'previous', 'retired', 'destroyed']

type Step =
  | { readonly do: 'wait'; readonly seconds: number }
  | { readonly do: 'tick' }
  | { readonly do: 'ask'; readonly slot: Slot }
  | { readonly do: 'sign'; readonly slot: Slot }
  | { readonly do: 'drop'; readonly slot: Slot }
  | { readonly do: 'verdict'; readonly slot: Slot }

const slot = fc.constantFrom(...SLOTS)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.nat({ max: 4000 }) }) },
  { weight: 4, arbitrary: fc.constant({ do: 'tick' as const }) },
  fc.record({ do: fc.constantFrom('ask' as const, 'sign' as const, 'verdict' as const), slot }),
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), slot }) },
)

/** A ring with its clock, driven by hand. */
class Driven {
  ring: Ring = EMPTY_RING
  now = 1_000_000
  n = 0
  readonly uses = new Map<string, KeyUse>()
  readonly verdicts = new Map<string, { do: 'keep' | 'rotate' | 'compromised'; why: string }>()
  wanted: readonly Slot[] = SLOTS

  get facts(): RingFacts {
    const { now, uses, verdicts, wanted } = this
    return {
      now,
      wanted,
      offered: SLOTS,
      publishSeconds: PUBLISH,
      sessionSeconds: SESSION,
      signer: 'software',
      uses,
      verdicts,
    }
  }
  fresh(slot: Slot) {
    const signer = slot === 'cookie' ? 'store' : 'software'
    return { kid: `k${++this.n}`, slot, signer, publicJwk: { kty: 'EC' } }
  }
  tick(): void {
    for (const one of due(this.ring, this.facts)) {
      if (one.do === 'make') this.ring = added(this.ring, this.fresh(one.slot), one.as, this.now)
      else if (one.do === 'compromised') this.drop(one.slot)
      else this.ring = applied(this.ring, one, this.now)
    }
  }
  drop(slot: Slot): void {
    this.ring = dropped(this.ring, { slot, why: 'test', fresh: this.fresh(slot) }, this.now)
  }
  play(one: Step): void {
    if (one.do === 'wait') this.now += one.seconds
    else if (one.do === 'tick') this.tick()
    else if (one.do === 'ask') this.ring = asking(this.ring, one.slot, { at: this.now, why: 'test' })
    else if (one.do === 'drop') this.drop(one.slot)
    else {
      const key = inState(this.ring, one.slot, 'current')
      if (key && one.do === 'verdict') this.verdicts.set(key.kid, { do: 'rotate', why: 'test' })
      else if (key) {
        const signatures = (this.uses.get(key.kid)?.signatures ?? 0) + 1
        this.uses.set(key.kid, { signatures, lastSignedAt: this.now, signedUntil: this.now + LIFE })
      }
    }
  }
}

/** What must hold between one state of the ring and the next. */
function refuseFaults(before: Ring, after: Ring, driven: Driven, one: Step): void {
  for (const of of SLOTS) {
    const count = (state: string) => after.keys.filter((key) => key.slot === of && key.state === state).length
    if (after.keys.some((key) => key.slot === of)) assert.equal(count('current'), 1, `${of} has one current key`)
    assert.ok(count('next') <= 1, `${of} has at most one next key`)
  }
  for (const key of after.keys) {
    const was = before.keys.find(({ kid }) => kid === key.kid)
    if (!was) continue
    assert.ok(STATES.indexOf(key.state) >= STATES.indexOf(was.state), `${was.state} became ${key.state}`)
    const use = driven.uses.get(key.kid)
    if (was.state === 'next' && key.state === 'current' && key.slot !== 'cookie')
      assert.ok(driven.now - key.madeAt >= PUBLISH, 'it was published before it signs')
    if (was.state === 'previous' && key.state !== 'previous' && one.do !== 'drop' && key.slot !== 'cookie')
      assert.ok(driven.now >= (use?.signedUntil ?? 0) + SKEW_SECONDS, 'all that it signed has expired')
    if (was.state === 'retired' && key.state === 'destroyed')
      assert.ok(driven.now >= (use?.lastSignedAt ?? 0) + SESSION, 'no session is left whose hint it verifies')
    if (was.state === 'current' && key.state === 'destroyed')
      assert.equal(one.do, 'drop', 'a current key is dropped on purpose only')
  }
}

describe('the rules of the keyring', () => {
  it('keep every law in whatever order it is asked, signs and waits', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const driven = new Driven()
        driven.tick()
        for (const one of steps) {
          const before = driven.ring
          driven.play(one)
          refuseFaults(before, driven.ring, driven, one)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('sign with what was asked for as soon as it was published long enough, and not a second before', () => {
    const driven = new Driven()
    driven.tick()
    driven.tick()
    const [first, next] = [inState(driven.ring, 'ES256', 'current'), inState(driven.ring, 'ES256', 'next')]
    driven.ring = asking(driven.ring, 'ES256', { at: driven.now, why: 'asked for' })
    driven.now += PUBLISH - 1
    driven.tick()
    assert.equal(inState(driven.ring, 'ES256', 'current')?.kid, first?.kid)
    driven.now += 1
    driven.tick()
    assert.equal(inState(driven.ring, 'ES256', 'current')?.kid, next?.kid)
    assert.equal(inState(driven.ring, 'ES256', 'previous')?.kid, first?.kid)
    assert.deepEqual(driven.ring.asked, {})
    assert.equal(inState(driven.ring, 'RS256', 'previous'), undefined, 'the others stay')
  })

  it('let keys of an algorithm that is not used any more go the same way', () => {
    const driven = new Driven()
    driven.tick()
    driven.tick()
    driven.wanted = ['ES256', 'cookie']
    driven.ring = { ...driven.ring, wanted: { RS256: driven.now } }
    driven.tick()
    assert.ok(inState(driven.ring, 'RS256', 'current'), 'another node wanted it a moment ago')
    driven.now += 86_400
    driven.tick()
    assert.equal(inState(driven.ring, 'RS256', 'current'), undefined)
    assert.equal(inState(driven.ring, 'RS256', 'previous')?.why, 'its algorithm is not used any more')
    driven.now += SESSION + 2 * SKEW_SECONDS
    driven.tick()
    driven.tick()
    assert.ok(driven.ring.keys.filter(({ slot: of }) => of === 'RS256').every(({ state }) => state === 'destroyed'))
  })

  it('have verifiers ask often while a new key is on its way, and after one was dropped', () => {
    const driven = new Driven()
    driven.tick()
    driven.tick()
    assert.equal(isPending(driven.ring, driven.facts), true)
    driven.now += PUBLISH
    assert.equal(isPending(driven.ring, driven.facts), false)
    driven.drop('ES256')
    assert.equal(isPending(driven.ring, driven.facts), true)
  })

  it('replace keys of another signer in their time', () => {
    const driven = new Driven()
    driven.tick()
    driven.tick()
    const facts = { ...driven.facts, signer: 'pkcs11' }
    assert.deepEqual(
      due(driven.ring, facts).map((one) => [
        one.do,
        'slot' in one ? one.slot : driven.ring.keys.find(({ kid }) => kid === one.kid)?.slot,
      ]),
      [
        ['destroy', 'ES256'],
        ['destroy', 'RS256'],
      ],
      'and never the secret of cookies, which no signer makes',
    )
  })
})
