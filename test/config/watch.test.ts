/** The watch over the configuration module. Stamps and ticks are handed in: no test waits. */

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BadConfiguration, stampOf, watchConfiguration } from '../../src/config/index.ts'
import { OUTPUT } from '../support/world.ts'

/** A watch in a test's hand. `release` ends the change that is being taken in. */
function watched(since?: string) {
  const hand = { stamp: 'one', ticking: true, changes: 0, failures: [] as unknown[], tick: () => {} }
  let finish: { resolve(): void; reject(cause: unknown): void } = { resolve() {}, reject() {} }
  const watch = watchConfiguration({
    path: '/nowhere',
    ...(since === undefined ? {} : { since }),
    onChange() {
      hand.changes++
      return new Promise<void>((resolve, reject) => {
        finish = { resolve, reject }
      })
    },
    failed: (cause) => hand.failures.push(cause),
    stamp: () => hand.stamp,
    every(_ms, tick) {
      hand.tick = tick
      return () => {
        hand.ticking = false
      }
    },
  })
  const settled = async (): Promise<void> => {
    for (let n = 0; n < 5; n++) await Promise.resolve()
  }
  return {
    hand,
    watch,
    async release(cause?: unknown) {
      if (cause) finish.reject(cause)
      else finish.resolve()
      await settled()
    },
  }
}

describe('the watch over the configuration', () => {
  it('tells a change once, and nothing while nothing changes', async () => {
    const { hand, release } = watched()
    hand.tick()
    assert.equal(hand.changes, 0)
    hand.stamp = 'two'
    hand.tick()
    await release()
    hand.tick()
    hand.tick()
    assert.equal(hand.changes, 1)
  })

  it('never tells two at once, and sees afterwards what changed meanwhile', async () => {
    const { hand, release } = watched()
    hand.stamp = 'two'
    hand.tick()
    hand.stamp = 'three'
    hand.tick()
    hand.tick()
    assert.equal(hand.changes, 1)
    await release()
    hand.tick()
    await release()
    hand.tick()
    assert.equal(hand.changes, 2)
  })

  it('goes on after a change that could not be taken in, and says so', async () => {
    const { hand, release } = watched()
    hand.stamp = 'bad'
    hand.tick()
    await release(new BadConfiguration('a bad file'))
    assert.match(String(hand.failures[0]), /a bad file/)
    hand.tick()
    assert.equal(hand.changes, 1, 'the same bad file is told once')
    hand.stamp = 'good'
    hand.tick()
    assert.equal(hand.changes, 2)
  })

  it('tries a good file again that could not be taken in for a reason that passes', async () => {
    const { hand, release } = watched()
    hand.stamp = 'good'
    hand.tick()
    await release(new Error('the store is away'))
    hand.tick()
    assert.equal(hand.changes, 2)
  })

  it('sees what changed between reading the file and the first look', () => {
    const { hand } = watched('before')
    hand.tick()
    assert.equal(hand.changes, 1)
  })

  it('ends with its owner, after the change that is being taken in', async () => {
    const { hand, watch, release } = watched()
    hand.stamp = 'two'
    hand.tick()
    const order: string[] = []
    const stopped = watch.stop().then(() => order.push('stopped'))
    order.push('released')
    await release()
    await stopped
    assert.deepEqual([order, hand.ticking], [['released', 'stopped'], false])
  })

  it("tells a file's states apart: content, rights, absence", () => {
    const file = join(mkdtempSync(join(OUTPUT, 'config-')), 'mintmark.config.ts')
    const seen = [stampOf(file)]
    writeFileSync(file, 'export default {}', { mode: 0o644 })
    seen.push(stampOf(file))
    assert.equal(stampOf(file), seen[1])
    writeFileSync(file, 'export default { }')
    seen.push(stampOf(file))
    chmodSync(file, 0o666)
    seen.push(stampOf(file))
    assert.equal(new Set(seen).size, 4)
    rmSync(file)
    assert.equal(stampOf(file), seen[0])
  })
})
