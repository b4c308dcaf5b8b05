/** The rules: what a token is to its family, and how many decisions become one. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ROTATION_ACTIONS, type RotationDecision } from '../../src/config/index.ts'
import { combine, refreshNorm, standing } from '../../src/rotation/index.ts'
import { factsFor } from './facts.ts'

describe('what a refresh token is to its family', () => {
  const family = { head: 'h', predecessor: 'p', graceUntil: 110, recent: [['r', 105]] as const, revoked: false }
  it('is the head, inside its window the predecessor or a late duplicate, else a replay', () => {
    assert.equal(standing(family, 'h', 500), 'head')
    assert.equal(standing(family, 'p', 109), 'grace')
    assert.equal(standing(family, 'p', 110), 'replay')
    assert.equal(standing(family, 'r', 104), 'late')
    assert.equal(standing(family, 'r', 105), 'replay')
    assert.equal(standing(family, 'older', 0), 'replay')
  })

  it('is dead with its family, always', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('h', 'p', 'r', 'x'),
        fc.nat(),
        (text, now) => standing({ ...family, revoked: true }, text, now) === 'dead',
      ),
    )
  })

  it('is never live twice: at most one text is the head', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string()),
        fc.nat(),
        (texts, now) => new Set(texts.filter((t) => standing(family, t, now) === 'head')).size <= 1,
      ),
    )
  })
})

describe('what refresh tokens do without a policy', () => {
  it('is to rotate unless bound to a key; a public client without a binding rotates at least', () => {
    assert.equal(refreshNorm(factsFor()).usual.do, 'rotate')
    assert.equal(refreshNorm(factsFor()).least, undefined)
    assert.equal(refreshNorm(factsFor({ credential: { bound: 'dpop' } })).usual.do, 'keep')
    assert.equal(refreshNorm(factsFor({ client: { public: true } })).least?.do, 'rotate')
  })
})

const decision: fc.Arbitrary<RotationDecision & { name: string }> = fc.record({
  name: fc.constant('p'),
  do: fc.constantFrom(...ROTATION_ACTIONS, 'abstain' as const),
  lifetimeSeconds: fc.option(fc.integer({ min: 1, max: 10_000 }), { nil: undefined }),
  graceSeconds: fc.option(fc.nat(100), { nil: undefined }),
  scopes: fc.option(fc.subarray(['a', 'b', 'c', 'd']), { nil: undefined }),
})
const norm = { usual: { do: 'rotate', why: 'usual' } } as const
const scale = (neverRotate: boolean) => ({
  limits: { neverRotate, lifetimeSecondsMax: 1000, graceSecondsMax: 60 },
  scopes: ['a', 'b', 'c'],
})

describe('many decisions', () => {
  it('become the strictest, the shortest and the narrowest, never beyond a limit, in any order', () => {
    fc.assert(
      fc.property(fc.array(decision, { maxLength: 6 }), fc.boolean(), (decisions, neverRotate) => {
        const one = combine(decisions, norm, scale(neverRotate))
        const other = combine([...decisions].reverse(), norm, scale(neverRotate))
        assert.deepEqual(
          [one.do, one.lifetimeSeconds, one.graceSeconds, one.scopes],
          [other.do, other.lifetimeSeconds, other.graceSeconds, other.scopes],
        )
        assert.ok(one.lifetimeSeconds <= 1000 && one.graceSeconds <= 60)
        assert.ok((one.scopes ?? []).every((scope) => scale(false).scopes.includes(scope)))
        const place = (action: string): number => (ROTATION_ACTIONS as readonly string[]).indexOf(action)
        for (const { do: said } of decisions)
          if (said !== 'abstain' && !(neverRotate && place(said) < place('deny')))
            assert.ok(place(one.do) >= place(said))
        if (neverRotate) assert.ok(one.do === 'keep' || place(one.do) >= place('deny'))
      }),
    )
  })

  it('only grow stricter when one more is heard', () => {
    fc.assert(
      fc.property(fc.array(decision, { minLength: 1, maxLength: 5 }), decision, (decisions, more) => {
        if (decisions.every(({ do: said }) => said === 'abstain')) return
        const before = combine(decisions, norm, scale(false))
        const after = combine([...decisions, more], norm, scale(false))
        assert.ok(ROTATION_ACTIONS.indexOf(after.do) >= ROTATION_ACTIONS.indexOf(before.do))
        assert.ok(after.lifetimeSeconds <= before.lifetimeSeconds && after.graceSeconds <= before.graceSeconds)
      }),
    )
  })
})
