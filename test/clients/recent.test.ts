/** What is kept of clients is as the store has it, or is not used. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Recent } from '../../src/clients/recent.ts'

describe('what was read of late', () => {
  it('is always what the store holds, whatever is committed between any two looks', async () => {
    const step = fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.record({ put: fc.constantFrom('a', 'b', 'c') }))
    await fc.assert(
      fc.asyncProperty(fc.array(step), fc.integer({ min: 1, max: 3 }), async (steps, keptMax) => {
        const stored = new Map<string, { readonly n: number }>()
        let version = 0
        const recent = new Recent<{ readonly n: number }>({ version: () => version, keptMax })
        for (const one of steps) {
          if (typeof one === 'string') assert.equal(await recent.of(one, async () => stored.get(one)), stored.get(one))
          else stored.set(one.put, { n: ++version })
        }
      }),
    )
  })

  it('is not read again while nothing was committed, and every time where the store can not tell', async () => {
    for (const [version, expected] of [
      [7, 1],
      [undefined, 3],
    ] as const) {
      let reads = 0
      const recent = new Recent<object>({ version: () => version, keptMax: 5 })
      const load = async () => {
        reads++
        return {}
      }
      for (let n = 0; n < 3; n++) await recent.of('a', load)
      assert.equal(reads, expected)
    }
  })

  it('does not keep under the new number what was read before the commit', async () => {
    let version = 1
    let value = { n: 1 }
    const recent = new Recent<{ n: number }>({ version: () => version, keptMax: 5 })
    // Committed while the read was under way.
    await recent.of('a', async () => {
      const old = value
      value = { n: 2 }
      version = 2
      return old
    })
    assert.deepEqual(await recent.of('a', async () => value), { n: 2 })
  })
})
