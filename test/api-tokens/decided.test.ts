/** What the rotation engine is asked of API tokens, with which facts, and what is done about its answer: narrower and shorter, never more. */

import assert from 'node:assert/strict'
import type { RotationFacts, RotationPolicy } from '../../src/config/index.ts'
import { always, idle, maxAge, maxUses, named, rotateAfter } from '../../src/rotation/index.ts'
import { DAY, openTokens, order, type TokenRoom } from '../support/tokens.ts'
import { openTestStore, STORES } from '../support/world.ts'

const only = (policy: RotationPolicy) => ({ rotation: [{ policy, kinds: ['api_token' as const] }] })
const create = async (room: TokenRoom, more: Parameters<typeof order>[0] = {}) =>
  (await room.run((unit) => room.tokens.create(unit, order({ scopes: ['read', 'write'], ...more }), 'account anna')))
    .shown
const types = async (room: TokenRoom) => (await room.told()).map(({ type }) => type).toSorted()

/** A policy that keeps what it was asked. */
function listening() {
  const heard: RotationFacts[] = []
  const policy = named('listens', '1', (facts) => {
    heard.push(facts)
    return { do: 'abstain' }
  })
  return { heard, policy }
}

for (const kind of STORES) {
  describe(`decisions on API tokens on ${kind}`, () => {
    let room: TokenRoom
    afterEach(() => room.store.close?.())

    it('narrow and shorten in one write, once, and never widen or lengthen', async () => {
      const policy = named('tight', '1', () => ({ do: 'keep', scopes: ['read', 'admin'], lifetimeSeconds: 3 * DAY }))
      room = await openTokens(only(policy), await openTestStore(kind))
      const { id } = await create(room)
      await room.told()
      await room.schedule.tick()
      const after = await room.tokens.show(id)
      assert.deepEqual([after.scopes, after.expiresAt, after.state], [['read'], room.now() + 3 * DAY, 'active'])
      assert.deepEqual(await types(room), ['api_token.narrowed', 'api_token.shortened', 'rotation.decided'])
      await room.later(3600)
      await room.schedule.tick()
      assert.deepEqual(await types(room), [])
      assert.equal((await room.tokens.show(id)).expiresAt, after.expiresAt)
      room.configure(
        only(named('wide', '1', () => ({ do: 'keep', scopes: ['read', 'write'], lifetimeSeconds: 99 * DAY }))),
      )
      await room.schedule.tick()
      assert.deepEqual(
        [(await room.tokens.show(id)).scopes, (await room.tokens.show(id)).expiresAt],
        [['read'], after.expiresAt],
      )
    })

    it('hold a token on a leak whatever milder policies say, and end it where one says so', async () => {
      room = await openTokens(only(rotateAfter('90d')), await openTestStore(kind))
      const { id } = await create(room)
      assert.equal((await room.decisions.onLeak(id)).do, 'quarantine')
      room.configure(
        only(named('hard', '1', ({ event }) => ({ do: event === 'leak' ? 'revoke' : 'keep', why: 'leaked' }))),
      )
      const { do: action, why, record } = await room.decisions.onLeak(id)
      assert.deepEqual([action, why, record.token], ['revoke', 'hard: leaked', id])
    })
  })
}

describe('decisions on API tokens', () => {
  it('count uses: one that was used too often is due, and one that was not is not', async () => {
    const room = await openTokens(only(maxUses(100)))
    const [busy, calm] = [await create(room, { name: 'busy' }), await create(room, { name: 'calm' })]
    room.uses.set(busy.id, { uses: 100, last: undefined })
    room.uses.set(calm.id, { uses: 99, last: undefined })
    await room.schedule.tick()
    assert.deepEqual(
      room.reminders.map(({ about, token, why }) => [about, token.id, why]),
      [['rotation', busy.id, 'maxUses(100): used 100 times']],
    )
  })

  it('know the age of the whole chain, which no rotation makes younger', async () => {
    const { heard, policy } = listening()
    const room = await openTokens({ rotation: [policy, maxAge('25d')], tokens: { lifetimeSecondsDefault: 60 * DAY } })
    let { id } = await create(room)
    for (let n = 0; n < 2; n++) {
      await room.later(10 * DAY)
      const input = { overlapSeconds: 0, by: 'account anna', why: '' }
      id = (await room.run((unit) => room.tokens.rotate(unit, id, input))).shown.id
    }
    await room.schedule.tick()
    const { ageSeconds, chainAgeSeconds, rotations } = heard.at(-1)?.credential ?? {}
    assert.deepEqual([ageSeconds, chainAgeSeconds, rotations], [0, 20 * DAY, 2])
    assert.equal((await room.tokens.show(id)).expiresAt, room.now() + 5 * DAY, 'what is left of the chain')
  })

  it('hear of client, last use, lifetime and risk', async () => {
    const { heard, policy } = listening()
    const room = await openTokens({ ...only(policy), tokens: { lifetimeSecondsMax: 90 * DAY } })
    const { id } = await create(room)
    const last = { network: '10.0.0.0/24', agent: 'cron' }
    room.uses.set(id, { uses: 7, last })
    const risk = { score: 1, reasons: ['a trap was used'] }
    assert.equal(await room.decisions.onRisk(id, { risk, request: { network: '192.0.2.0/24' } }), false)
    const [facts] = heard
    assert.deepEqual([facts?.event, facts?.risk, facts?.request?.network], ['risk', risk, '192.0.2.0/24'])
    assert.deepEqual([facts?.credential.uses, facts?.credential.last], [7, last])
    assert.equal(facts?.limits.lifetimeSecondsMax, 90 * DAY)
    assert.equal((await room.tokens.show(id)).state, 'active', 'without an opinion nothing happens')
  })

  it('act on a risk as a policy says, on live tokens only', async () => {
    const careful = named('careful', '1', ({ risk }) =>
      risk ? { do: 'quarantine', why: risk.reasons.join() } : { do: 'keep' },
    )
    const room = await openTokens(only(careful))
    const { id } = await create(room)
    const seen = { risk: { score: 1, reasons: ['stranger'] }, request: undefined }
    await room.told()
    assert.equal(await room.decisions.onRisk(id, seen), true)
    assert.deepEqual(
      [(await room.tokens.show(id)).state, (await room.tokens.show(id)).why],
      ['quarantined', 'careful: stranger'],
    )
    assert.deepEqual(await types(room), ['api_token.quarantined', 'rotation.decided'])
    assert.equal(await room.decisions.onRisk(id, seen), false)
  })

  it('act on a risk also where the use that showed it is written at the same moment', async () => {
    let rivals = 2
    const slow = named('slow', '1', async ({ risk }) => {
      if (rivals-- > 0) {
        const unit = room.unit()
        const doc = await unit.get('api-tokens', id.slice(4))
        assert.ok(doc)
        unit.decide({ collection: 'api-tokens', id: doc.id, if: {}, set: { lastUse: room.now() } }, doc)
        await room.commit(unit)
      }
      return { do: risk ? 'quarantine' : 'keep' }
    })
    const room = await openTokens(only(slow))
    const { id } = await create(room)
    assert.equal(await room.decisions.onRisk(id, { risk: { score: 1, reasons: ['stranger'] } }), true)
    assert.equal((await room.tokens.show(id)).state, 'quarantined')
  })

  it('hold what would have no scope left, and still ask of what is due', async () => {
    let said: ReturnType<RotationPolicy> = { do: 'rotate', why: 'early' }
    const room = await openTokens(only(named('moody', '1', () => said)))
    const { id } = await create(room)
    await room.schedule.tick()
    said = { do: 'keep', scopes: ['nothing'] }
    await room.schedule.tick()
    assert.equal((await room.tokens.show(id)).state, 'quarantined')
  })

  it('leave a token its life where a policy is about idle time, and keep to the lifecycle where nobody says anything', async () => {
    const room = await openTokens(only(idle('7d')))
    const { id, expiresAt } = await create(room)
    await room.schedule.tick()
    assert.equal((await room.tokens.show(id)).expiresAt, expiresAt)
    room.configure(only(always()))
    await room.schedule.tick()
    assert.deepEqual(
      room.reminders.map(({ about }) => about),
      ['rotation'],
    )
  })
})
