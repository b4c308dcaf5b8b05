/** The rules of refresh: what a token is to its family, and whether it rotates. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { RefreshFacts } from '../../src/config/index.ts'
import { decideRefresh, standing } from '../../src/rotation/index.ts'

const facts = (bound: boolean): RefreshFacts => ({
  event: 'refresh',
  now: 100,
  client: { id: 'web', public: false, label: undefined },
  credential: {
    kind: 'refresh_token',
    ageSeconds: 10,
    familyAgeSeconds: 10,
    lifetimeShare: 0.1,
    rotations: 0,
    senderConstrained: bound,
    scopes: [],
  },
})

describe('what a refresh token is to its family', () => {
  const family = { head: 'h', predecessor: 'p', graceUntil: 110, revoked: false }
  it('is the head, inside the window its predecessor, or a replay', () => {
    assert.equal(standing(family, 'h', 500), 'head')
    assert.equal(standing(family, 'p', 109), 'grace')
    assert.equal(standing(family, 'p', 110), 'replay')
    assert.equal(standing(family, 'older', 0), 'replay')
  })

  it('is dead with its family, always', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('h', 'p', 'x'),
        fc.nat(),
        (text, now) => standing({ ...family, revoked: true }, text, now) === 'dead',
      ),
    )
  })

  it('is never live twice: at most one text is the head, at most one its predecessor', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string()),
        fc.nat(),
        (texts, now) => new Set(texts.filter((t) => standing(family, t, now) === 'head')).size <= 1,
      ),
    )
  })
})

describe('whether it rotates', () => {
  it('does unless it is bound to a key', async () => {
    assert.equal((await decideRefresh(facts(false), { neverRotate: false })).do, 'rotate')
    assert.equal((await decideRefresh(facts(true), { neverRotate: false })).do, 'keep')
  })

  it('never does under the limit neverRotate, whatever the hook says', async () => {
    assert.deepEqual(await decideRefresh(facts(false), { neverRotate: true }, () => 'rotate'), {
      do: 'keep',
      why: 'limit neverRotate',
    })
  })

  it('is what the hook says, at once or later', async () => {
    assert.equal((await decideRefresh(facts(false), { neverRotate: false }, () => 'keep')).do, 'keep')
    assert.equal((await decideRefresh(facts(true), { neverRotate: false }, async () => 'rotate' as const)).do, 'rotate')
  })

  it('holds to the stricter way when the hook throws, never settles or says nonsense, and says why', async () => {
    const nonsense = JSON.parse('"perhaps"')
    for (const hook of [
      () => {
        throw new Error('boom')
      },
      () => nonsense,
      () => Promise.reject(new Error('later boom')),
      () => new Promise<'keep'>(() => {}),
    ]) {
      const { do: done, why } = await decideRefresh(facts(true), { neverRotate: false }, hook)
      assert.equal(done, 'rotate')
      assert.match(why, /hook/)
    }
  })
})
