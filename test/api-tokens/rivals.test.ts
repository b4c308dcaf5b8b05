/** Rivals for one token, on both stores. */

import assert from 'node:assert/strict'
import type { ShownToken } from '../../src/api-tokens/index.ts'
import { DAY, openTokens, order, type TokenRoom } from '../support/tokens.ts'
import { openTestStore, STORES } from '../support/world.ts'

const settled = async (tries: readonly Promise<unknown>[]) => {
  const outcomes = await Promise.allSettled(tries)
  return {
    won: outcomes.filter(({ status }) => status === 'fulfilled').length,
    causes: outcomes.flatMap((one) => (one.status === 'rejected' ? [String(one.reason.name)] : [])),
  }
}

for (const kind of STORES) {
  describe(`rivals for an API token on ${kind}`, () => {
    let room: TokenRoom
    beforeEach(async () => {
      room = await openTokens({}, await openTestStore(kind))
    })
    afterEach(() => room.store.close?.())
    const all = (state: string) => room.store.find('api-tokens', { tenant: 'default', by: { state } }, { limit: 500 })

    it('get one successor out of 32 rotations', async () => {
      const { tokens, run } = room
      const { shown } = await run((unit) => tokens.create(unit, order(), 'account anna'))
      await room.told()
      const input = { overlapSeconds: 3600, by: 'account anna', why: 'asked' }
      const { won, causes } = await settled(
        Array.from({ length: 32 }, () => run((unit) => tokens.rotate(unit, shown.id, input))),
      )
      assert.equal(won, 1)
      assert.ok(causes.every((name) => name === 'Conflict' || name === 'Refusal'))
      assert.equal((await all('active')).length, 1)
      assert.equal((await all('rotated')).length, 1)
      assert.deepEqual(
        (await room.told()).map(({ type }) => type),
        ['api_token.rotated'],
      )
    })

    it('leave no live child or successor of a token that one of them revokes', async () => {
      const { tokens, run } = room
      for (let round = 0; round < 20; round++) {
        const { shown } = await run((unit) => tokens.create(unit, order(), 'account anna'))
        const input = { overlapSeconds: DAY, by: 'account anna', why: 'asked' }
        const revoke = () => run((unit) => tokens.revoke(unit, shown.id, { by: 'operator', why: 'over' }))
        const child = () => run((unit) => tokens.create(unit, order({ parent: shown.id }), 'account anna'))
        const rotate = () => run((unit) => tokens.rotate(unit, shown.id, input))
        const makers = [child, rotate, revoke, child, child, rotate]
        const rivals = round % 2 === 0 ? makers : makers.toReversed()
        const before = rivals.map((make) => make())
        await settled(before)
        await before[rivals.indexOf(revoke)]
        // It was read as the head of its line before anyone wrote, so its end reaches a successor too.
        assert.deepEqual(await all('active'), [], `round ${round}`)
      }
    })

    it('are one quarantine and one event', async () => {
      const { tokens, run } = room
      const { shown } = await run((unit) => tokens.create(unit, order(), 'account anna'))
      await room.told()
      const hold = () => run((unit) => tokens.quarantine(unit, shown.id, { by: 'operator', why: 'odd' }))
      assert.equal((await settled(Array.from({ length: 16 }, hold))).won, 1)
      assert.deepEqual(
        (await room.told()).map(({ type }) => type),
        ['api_token.quarantined'],
      )
    })

    it('hold many tokens in one unit', async () => {
      const { tokens, run } = room
      const made: ShownToken[] = []
      for (let n = 0; n < 5; n++) made.push((await run((u) => tokens.create(u, order(), 'account anna'))).shown)
      await room.told()
      await run(async (unit) => {
        for (const { id } of made) await tokens.quarantine(unit, id, { by: 'leak report', why: 'leaked' })
      })
      for (const { id } of made) assert.equal((await tokens.show(id)).state, 'quarantined')
      assert.equal((await room.told()).length, 5)
    })
  })
}
