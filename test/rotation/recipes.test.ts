/** Recipes of built-in policies: each makes the same policy again, and none shows a secret by accident. */

import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { type RotationPolicy, recipeOf, versionOf } from '../../src/config/index.ts'
import * as room from '../../src/rotation/index.ts'
import { factsFor } from './facts.ts'

const SECRET = 'a secret of sixteen and more'
const own: RotationPolicy = () => ({ do: 'keep' })

const all: readonly RotationPolicy[] = [
  room.always(),
  room.whenNotBound(),
  room.pastShareOfLifetime(0.7),
  room.idle('7d'),
  room.maxAge('30d'),
  room.maxRotations(3),
  room.maxUses(1000),
  room.rotateAfter('1h'),
  room.grace('3s'),
  room.onNetworkChange({ do: 'deny', unknown: 'stepUp' }),
  room.onCountryChange(),
  room.quietHours({ from: '22:00', to: '06:00', offsetMinutes: 60 }, room.stagedRollout(0.5, room.always())),
  room.stagedRollout(0.01, room.onNetworkChange({ do: 'stepUp' })),
  room.webhook('https://risk.example/decide', SECRET, { allow: ['10.0.0.0/8'] }),
]

describe("a built-in's recipe", () => {
  it('makes the same policy again after it has crossed to another thread', async () => {
    for (const policy of all) {
      const recipe = recipeOf(policy)
      assert.ok(recipe, policy.policyName)
      const again = room.policyOf(structuredClone(recipe))
      assert.deepEqual(
        [again.policyName, again.policyVersion, recipeOf(again)],
        [policy.policyName, policy.policyVersion, recipe],
      )
      if (recipe.builtIn === 'webhook') continue
      for (const credential of [
        { ageSeconds: 9999, uses: 2000 },
        { chainAgeSeconds: 1, idleSeconds: 999_999 },
      ]) {
        const facts = factsFor({ now: 1_800_000_000 + 22 * 3600, credential })
        const signal = new AbortController().signal
        assert.deepEqual(await again(facts, signal), await policy(facts, signal))
      }
    }
  })

  it('covers every built-in that the package exports', async () => {
    const exported = Object.entries(await import('../../src/index.ts')).flatMap(([name, value]) =>
      // Errors are classes: they begin with a capital.
      typeof value === 'function' && /^[a-z]/.test(name) && name !== 'defineConfig' ? [name] : [],
    )
    const covered = all.map((policy) => recipeOf(policy)?.builtIn)
    assert.deepEqual(
      exported.filter((name) => !covered.includes(name)),
      [],
    )
  })

  it('is none around an own function, and none once a built-in was given another name', () => {
    assert.equal(recipeOf(own), undefined)
    assert.equal(recipeOf(room.quietHours({ from: '22:00', to: '06:00' }, own)), undefined)
    assert.equal(recipeOf(room.stagedRollout(0.5, own)), undefined)
    assert.equal(recipeOf(Object.assign(room.idle('7d'), { policyName: 'mine' })), undefined)
  })

  it('is refused when this version does not know it', () => {
    assert.throws(() => room.policyOf({ builtIn: 'constructor', with: [] }), /no built-in policy constructor/)
    assert.throws(() => room.policyOf({ builtIn: 'idle', with: ['a week'] }), /not a duration/)
  })

  it("shows a webhook's secret to no log", () => {
    const policy = room.webhook('https://risk.example/decide', SECRET)
    const shown = inspect(policy, { depth: 9 }) + JSON.stringify({ policy: { ...policy } }) + String(policy)
    assert.equal(shown.includes(SECRET), false)
  })

  it('leaves a policy around an own function with a version that changes with the function', () => {
    const other: RotationPolicy = () => ({ do: 'rotate' })
    const around = (policy: RotationPolicy) => versionOf(room.quietHours({ from: '22:00', to: '06:00' }, policy))
    assert.equal(around(own), versionOf(own))
    assert.notEqual(around(own), around(other))
  })
})
