/** The watch for tokens that come from outside their networks: once an hour, and not for one slip. */

import assert from 'node:assert/strict'
import { createRiskWatch, OUTSIDE_MAX } from '../../src/api-tokens/risk.ts'

describe('the watch on uses from outside', () => {
  it('tells once in an hour when there were several, whatever batches they came in', () => {
    const told: (readonly [string, number])[] = []
    const watch = createRiskWatch((id, times) => told.push([id, times]))
    for (let n = 1; n < OUTSIDE_MAX; n++) watch('a', 0, 1)
    watch('b', 0, OUTSIDE_MAX - 1)
    watch('a', 0, 0)
    assert.deepEqual(told, [])
    watch('a', 0, 3)
    watch('a', 0, 30)
    watch('b', 3600, OUTSIDE_MAX - 1)
    assert.deepEqual(told, [['a', OUTSIDE_MAX + 2]])
    watch('a', 3600, OUTSIDE_MAX)
    assert.deepEqual(told.at(-1), ['a', OUTSIDE_MAX])
  })
})
