/** Bulk revocation: counted first, confirmed, one commit, one event a credential. */

import assert from 'node:assert/strict'
import { Refusal } from '../../src/base/index.ts'
import type { StageEnd } from '../../src/inventory/index.ts'
import { ada, family, isRefused, many, token } from './builders.ts'
import { NOW, openRoom, type Room } from './population.ts'

let room: Room
async function opened(more: Parameters<typeof openRoom>[0] = {}): Promise<Room> {
  room = await openRoom(more)
  return room
}
const closing = (): void => void afterEach(() => room.close())

const by = { by: 'operator', why: 'left the company' }

describe('bulk revocation', () => {
  closing()
  it('plans without changing anything, asks for a code above the threshold, and tells each credential once', async () => {
    const { inventory, revoke, fill, noted } = await opened()
    await fill({ tokens: many(40, () => token()), artefacts: [family(), family({ kind: 'Grant' })] })
    const filter = { owner: ada }
    const plan = await inventory.plan(filter, by)
    assert.deepEqual(
      [plan.total, plan.byKind, plan.leftAlone, plan.needsCode, plan.codeUntil],
      [41, { 'api-token': 40, family: 1, session: 0 }, 1, true, NOW + 600],
    )
    assert.equal((await inventory.count(filter)).total, 42, 'nothing has changed')
    await assert.rejects(revoke(filter, by), isRefused('confirmation_needed'))
    const done = await revoke(filter, { ...by, code: plan.code })
    assert.deepEqual([done.leftAlone, done.leftAloneByKind], [1, { grant: 1 }], 'as the plan said')
    assert.deepEqual([done.revoked, done.byKind, done.failed], [41, { 'api-token': 40, family: 1 }, []])
    assert.deepEqual(new Set(noted.map(({ data }) => data.id)).size, 41)
    assert.equal(noted.length, 41)
    assert.deepEqual((await inventory.count(filter)).byKind, { 'api-token': 0, family: 0, grant: 1, session: 0 })
    const again = await revoke(filter, { ...by, code: plan.code })
    assert.deepEqual([again.revoked, noted.length], [0, 41], 'a repeat changes nothing more')
  })

  it('takes no code of another filter, number or key, none that is old, and none for more than was seen', async () => {
    const { inventory, revoke, fill, clock } = await opened()
    await fill({ tokens: many(30, () => token()) })
    const { code } = await inventory.plan({ owner: ada }, by)
    const [at, count, mac] = code.split('.')
    for (const [filter, bad] of [
      [{ scope: 'read' }, code],
      [{ owner: ada }, `${at}.99.${mac}`],
      [{ owner: ada }, `${Number(at) + 1}.${count}.${mac}`],
      [{ owner: ada }, `${code}A`],
      [{ owner: ada }, ''],
    ] as const)
      await assert.rejects(revoke(filter, { ...by, code: bad }), isRefused('confirmation_wrong'), bad)
    const rival = { by: 'account boris', why: '' }
    await assert.rejects(revoke({ owner: ada }, { ...rival, code }), isRefused('confirmation_wrong'))
    await fill({ tokens: [token()] })
    await assert.rejects(revoke({ owner: ada }, { ...by, code }), isRefused('inventory_grew'))
    const { code: fresh } = await inventory.plan({ owner: ada }, by)
    clock.seconds += 601
    await assert.rejects(revoke({ owner: ada }, { ...by, code: fresh }), isRefused('confirmation_wrong'))
    await assert.rejects(inventory.plan({}, by), isRefused('too_wide'))
  })
})

describe('a bulk revocation', () => {
  closing()
  it('is one commit of as many as fit one, and what is left is told and done by asking again', async () => {
    const { fill, inventory, revoke, noted } = await opened({ atOnce: 25 })
    await fill({ tokens: many(60, () => token()) })
    const { code } = await inventory.plan({ owner: ada }, by)
    const staged = room.unit()
    const { revoked, left } = await inventory.revoke(staged, { owner: ada }, { ...by, code })
    assert.deepEqual([revoked, left, noted.length], [25, 35, 0])
    assert.equal((await inventory.count({ owner: ada })).total, 60, 'nothing has ended before the commit')
    await room.commit(staged)
    const steps = []
    for (let n = 0; n < 3; n++) {
      const done = await revoke({ owner: ada }, { ...by, code })
      steps.push([done.revoked, done.left])
    }
    assert.deepEqual(steps, [
      [25, 10],
      [10, 0],
      [0, 0],
    ])
    assert.deepEqual([noted.length, new Set(noted.map(({ data }) => data.id)).size], [60, 60])
  })

  it('goes past what refuses, and tells it', async () => {
    const refusing: StageEnd = async () => {
      throw new Refusal({ code: 'token_busy', status: 409, message: 'busy' })
    }
    const { revoke, fill } = await opened({ verbs: { 'api-token': refusing } })
    await fill({ tokens: many(3, () => token()), artefacts: [family()] })
    const done = await revoke({ owner: ada }, by)
    assert.deepEqual([done.revoked, done.failed.map(({ why }) => why)], [0, many(3, () => 'token_busy')])
    const alone = await revoke({ kind: ['family'] }, by)
    assert.equal(alone.revoked, 0, 'a kind without a verb is left alone')
  })
})
