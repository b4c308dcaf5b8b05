/** Chance: every byte goes out once, whatever the size of what is asked for. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { randomText, systemRandom } from '../../src/base/index.ts'

describe('the random bytes', () => {
  it('are as many as were asked for, around the size of a pool and beyond it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat(64), fc.integer({ min: 1000, max: 9000 })), { maxLength: 50 }),
        (lengths) => {
          for (const length of lengths) assert.equal(systemRandom.bytes(length).length, length)
        },
      ),
    )
  })

  it('never come twice, over many refills', () => {
    const seen = new Set(Array.from({ length: 20_000 }, () => randomText(systemRandom, 16)))
    assert.equal(seen.size, 20_000)
  })

  it("are nobody else's: what one caller does with his is not seen by the next", () => {
    const mine = systemRandom.bytes(32)
    const kept = Buffer.from(mine)
    const others = Array.from({ length: 2000 }, () => systemRandom.bytes(32))
    for (const other of others) other.fill(0)
    assert.deepEqual(mine, kept)
    mine.fill(0)
    assert.ok(systemRandom.bytes(32).some((byte) => byte !== 0))
  })

  it('are spread evenly, at the ends of a pool as in its middle', () => {
    const counts = new Array<number>(256).fill(0)
    for (let n = 0; n < 4000; n++) for (const byte of systemRandom.bytes(33)) counts[byte] = (counts[byte] ?? 0) + 1
    // 132,000 bytes: 516 of each on average; a fault of the pool (a byte that stays zero) is hundreds off.
    assert.ok(
      Math.min(...counts) > 350 && Math.max(...counts) < 700,
      `${Math.min(...counts)} to ${Math.max(...counts)}`,
    )
  })
})
