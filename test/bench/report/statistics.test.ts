import assert from 'node:assert/strict'
import { median, merged, quantile, spread } from '../../../bench/report/statistics.ts'

describe('statistics of the bench', () => {
  it('takes the middle, whatever the order', () => {
    assert.equal(median([9, 1, 5]), 5)
    assert.equal(median([]), 0)
    assert.deepEqual(spread([4, 2, 10]), { min: 2, median: 4, max: 10 })
  })

  it('merges samples into one sorted', () => {
    assert.deepEqual([...merged([Float64Array.of(3, 1), Float64Array.of(2)])], [1, 2, 3])
  })

  it('never points past the end', () => {
    assert.equal(quantile([1, 2, 3], 0.99), 3)
    assert.equal(quantile([1, 2, 3], 1), 3)
    assert.equal(quantile([], 0.5), 0)
  })
})
