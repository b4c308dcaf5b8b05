/** Time, applied to API tokens: each reminder once, dormancy by policy, rotations that are due. */

import assert from 'node:assert/strict'
import { stepOf } from '../../src/api-tokens/schedule.ts'
import { collections } from '../../src/app.ts'
import { always } from '../../src/rotation/index.ts'
import { MemoryStore } from '../adapters/memory-store.ts'
import { DAY, openTokens, order, type TokenRoom } from '../support/tokens.ts'
import { openTestStore, STORES } from '../support/world.ts'

const create = async (room: TokenRoom, more: Parameters<typeof order>[0] = {}) =>
  (await room.run((unit) => room.tokens.create(unit, order(more), 'account anna'))).shown

/** Lets days pass, with a tick a day by whichever node is awake. */
async function live(room: TokenRoom, days: number): Promise<void> {
  for (let day = 0; day < days; day++) {
    await room.later(DAY)
    await room.schedule.tick()
  }
}
const types = async (room: TokenRoom) => (await room.told()).map(({ type }) => type)

for (const kind of STORES) {
  describe(`the schedule of API tokens on ${kind}`, () => {
    let room: TokenRoom
    afterEach(() => room.store.close?.())

    it('tells 30, 7 and 1 days before the end and at it, each once, whichever node ticks', async () => {
      room = await openTokens({}, await openTestStore(kind))
      const { id } = await create(room, { lifetimeSeconds: 60 * DAY })
      await room.told()
      for (let day = 0; day < 62; day++) {
        await room.later(DAY)
        // Two nodes, and a restart a day: what one has written the other finds.
        await Promise.all([room.schedule.tick(), room.newSchedule().tick()])
        await room.later(200)
        await room.newSchedule().tick()
      }
      const told = await room.told()
      const to = ['owner', 'administrators']
      assert.deepEqual(
        told.map(({ type, data }) => [type, data.id, data.days, data.to]),
        [
          ['api_token.reminded', id, 30, to],
          ['api_token.reminded', id, 7, to],
          ['api_token.reminded', id, 1, to],
          ['api_token.expired', id, 0, to],
        ],
      )
      assert.deepEqual(
        room.reminders.map(({ about, days, token, to }) => [about, days, token.id, to.length]),
        [
          ['end', 30, id, 2],
          ['end', 7, id, 2],
          ['end', 1, id, 2],
          ['expired', 0, id, 2],
        ],
      )
      assert.deepEqual(room.failures, [])
    })

    it('goes on where another node stopped, over several pages', async () => {
      room = await openTokens({}, await openTestStore(kind))
      for (let n = 0; n < 450; n++) await create(room, { lifetimeSeconds: 10 * DAY, name: `n${n}` })
      while ((await room.told()).length > 0);
      await room.later(5 * DAY)
      await Promise.all(Array.from({ length: 4 }, () => room.newSchedule().tick()))
      await room.later(200)
      await room.newSchedule().tick()
      assert.equal(room.reminders.length, 450)
      assert.equal(new Set(room.reminders.map(({ token }) => token.id)).size, 450)
    })
  })
}

describe('the schedule of API tokens', () => {
  it('announces no step that is longer than the token lives, and after a long sleep only the latest', () => {
    const token = { iat: 0, fields: {} }
    assert.equal(stepOf(token, 30 * DAY, 0), undefined)
    assert.equal(stepOf(token, 30 * DAY, 23 * DAY), 7)
    assert.equal(stepOf(token, 60 * DAY, 59.5 * DAY), 1)
    assert.equal(stepOf(token, 3600, 10), undefined)
    assert.equal(stepOf(token, 3600, 3600), 0)
    assert.equal(stepOf({ iat: 0, fields: { reminded: 1 } }, 60 * DAY, 59.5 * DAY), undefined)
  })

  it('warns, holds and ends what nobody uses, and a release begins the time anew', async () => {
    const dormantSeconds = { warn: 5 * DAY, quarantine: 10 * DAY, revoke: 20 * DAY }
    const room = await openTokens({ tokens: { policies: [{ name: 'used', dormantSeconds }] } })
    const { id } = await create(room, { lifetimeSeconds: 100 * DAY })
    await room.told()
    await live(room, 9)
    assert.deepEqual(await types(room), ['api_token.dormant'])
    await live(room, 1)
    const [held] = await room.told()
    assert.equal(held?.type, 'api_token.quarantined')
    assert.equal(held?.data.by, 'policy used')
    await room.run((unit) => room.tokens.release(unit, id, 'operator'))
    await room.told()
    await live(room, 4)
    assert.deepEqual(await types(room), [])
    await live(room, 16)
    assert.deepEqual(await types(room), ['api_token.dormant', 'api_token.quarantined', 'api_token.revoked'])
    assert.equal((await room.tokens.show(id)).why, 'was not used for 20 days')
    assert.deepEqual(
      room.reminders.map(({ about }) => about),
      ['dormant', 'quarantined', 'dormant', 'quarantined', 'revoked'],
    )
  })

  it('calls a token due by policy, once, and holds it where the policy says so and it is not rotated', async () => {
    const policy = {
      name: 'turns',
      rotateEverySeconds: 10 * DAY,
      overlapSeconds: 2 * DAY,
      overdue: 'quarantine' as const,
    }
    const room = await openTokens({ tokens: { policies: [policy] } })
    const [lazy, good] = [await create(room, { name: 'lazy' }), await create(room, { name: 'good' })]
    await room.told()
    await live(room, 11)
    const told = await room.told()
    assert.deepEqual(told.map(({ type }) => type).toSorted(), [
      'api_token.due',
      'api_token.due',
      'rotation.decided',
      'rotation.decided',
    ])
    const input = { overlapSeconds: 604_800, by: 'account anna', why: 'due' }
    const next = await room.run((unit) => room.tokens.rotate(unit, good.id, input))
    assert.equal((await room.tokens.show(good.id)).overlapUntil, room.now() + 2 * DAY, "no longer than the policy's")
    await live(room, 3)
    assert.equal((await room.tokens.show(lazy.id)).state, 'quarantined')
    assert.equal((await room.tokens.show(next.shown.id)).state, 'active')
  })

  it('tells once even where two nodes believe that they hold the lease', async () => {
    const inner = new MemoryStore(collections)
    const store = new Proxy(inner, {
      get(target, name) {
        if (name === 'lease') return async () => true
        const found: unknown = Reflect.get(target, name)
        return typeof found === 'function' ? found.bind(target) : found
      },
    })
    const room = await openTokens({}, store)
    for (let n = 0; n < 20; n++) await create(room, { lifetimeSeconds: 10 * DAY })
    await room.told()
    await room.later(4 * DAY)
    await Promise.all(Array.from({ length: 4 }, () => room.newSchedule().tick()))
    assert.equal(room.reminders.length, 20)
    assert.equal((await room.told()).length, 20)
    assert.deepEqual(room.failures, [])
  })

  it('asks the rotation policies of the configuration, by their own kinds', async () => {
    const room = await openTokens({ rotation: [{ policy: always(), kinds: ['api_token'] }] })
    await create(room)
    await room.told()
    await room.schedule.tick()
    assert.deepEqual((await types(room)).toSorted(), ['api_token.due', 'rotation.decided'])
    await room.schedule.tick()
    assert.deepEqual(await types(room), [])
  })

  it('ends a child that a crash left behind its parent', async () => {
    const room = await openTokens()
    const parent = await create(room)
    const child = await create(room, { parent: parent.id })
    // As if the node had died between the two writes of a revocation, which only a store without transactions can leave.
    await room.run(async (unit) =>
      unit.revoke({ collection: 'api-tokens', target: { id: parent.id.slice(4) }, at: room.now() }),
    )
    await room.told()
    await room.schedule.tick()
    assert.equal((await room.tokens.show(child.id)).state, 'revoked')
    assert.deepEqual(await types(room), ['api_token.revoked'])
  })
})
