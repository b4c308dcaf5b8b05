/** The envelope beside a configuration that changes while the server runs. */

import assert from 'node:assert/strict'
import { parseConfiguration } from '../src/config/index.ts'
import { keepTokens, tokenSecondsMax } from '../src/envelope.ts'
import { openWorld } from './support/world.ts'

describe('hash keys of tokens', () => {
  it('are kept as long as the longest lifetime that was ever in force', async () => {
    const world = await openWorld('sqlite', { lifetimes: { refreshAbsoluteSeconds: 86_400 } })
    const { seal } = world.app
    const longer = parseConfiguration({ lifetimes: { refreshAbsoluteSeconds: 400 * 86_400 } }).lifetimes
    const shorter = parseConfiguration({ lifetimes: { refreshAbsoluteSeconds: 3600 } }).lifetimes
    assert.ok(seal.ring().tokenSecondsMax < tokenSecondsMax(longer))
    await keepTokens(seal, longer)
    assert.equal(seal.ring().tokenSecondsMax, tokenSecondsMax(longer))
    await keepTokens(seal, shorter)
    assert.equal(seal.ring().tokenSecondsMax, tokenSecondsMax(longer), 'what lives goes on to live')
    await world.close()
  })
})
