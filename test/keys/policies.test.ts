/** Policies and the keyring: rules that name signing keys are asked about them, all others never. */

import assert from 'node:assert/strict'
import type { ConfigurationInput } from '../../src/config/index.ts'
import { always, maxUses, rotateAfter } from '../../src/rotation/index.ts'
import { openWorld, type World } from '../support/world.ts'

const HALF_HOUR = 1800
const kinds = ['signing_key'] as const

describe('policies of signing keys', () => {
  let world: World
  afterEach(() => world.close())

  async function open(rotation: ConfigurationInput['rotation']): Promise<void> {
    world = await openWorld('sqlite', { keys: { publishSeconds: HALF_HOUR, algorithms: ['ES256'] }, rotation })
    await world.app.keyring.tick()
  }
  async function pass(seconds: number): Promise<void> {
    world.clock.forward(seconds)
    await world.app.seal.refresh()
    await world.app.keyring.tick()
  }
  const current = async (): Promise<string | undefined> =>
    (await world.app.keyring.list({ destroyed: false })).find(
      ({ algorithm, state }) => algorithm === 'ES256' && state === 'current',
    )?.kid
  const decisions = async () => {
    await world.app.relay.drain()
    return world.app.eventLog.latest({ type: 'rotation.decided', last: 100 })
  }

  it('turn a key at the age that they name', async () => {
    await open([{ policy: rotateAfter('1h'), kinds: [...kinds] }])
    const first = await current()
    await pass(HALF_HOUR)
    assert.equal(await current(), first)
    await pass(HALF_HOUR)
    assert.notEqual(await current(), first)
    assert.equal((await decisions()).length, 2, 'one for the tokens, one for the cookies, however often it was asked')
  })

  it('leave keys alone where they do not name them', async () => {
    await open([always(), maxUses(1)])
    const first = await current()
    for (let n = 0; n < 3; n++) await pass(HALF_HOUR)
    assert.equal(await current(), first)
    assert.deepEqual(await decisions(), [])
  })

  it('drop a key at once where they end it, and not again within the hour', async () => {
    await open([{ policy: () => ({ do: 'revoke', why: 'seen outside' }), kinds: [...kinds] }])
    const dropped = async () =>
      (await world.app.keyring.list({ destroyed: true })).filter(({ why }) => why?.includes('seen outside'))
    await pass(1)
    const before = (await dropped()).length
    assert.ok(before > 0)
    const fresh = await current()
    await pass(HALF_HOUR)
    assert.equal(await current(), fresh)
    await pass(HALF_HOUR + 1)
    assert.notEqual(await current(), fresh)
  })

  it('have no effect in shadow, and say what they would have done', async () => {
    await open([{ policy: () => ({ do: 'rotate', why: 'shadowed' }), kinds: [...kinds], shadow: true }])
    const first = await current()
    await pass(HALF_HOUR)
    await pass(HALF_HOUR)
    assert.equal(await current(), first)
    assert.ok((await decisions()).length > 0)
  })

  it('that fail leave the ring to its norm', async () => {
    await open([
      {
        policy: () => {
          throw new Error('no')
        },
        kinds: [...kinds],
      },
    ])
    const first = await current()
    await pass(HALF_HOUR)
    assert.equal(await current(), first)
    await pass(90 * 86_400)
    assert.notEqual(await current(), first)
  })
})
