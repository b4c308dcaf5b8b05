import assert from 'node:assert/strict'
import { boundTo, coresOf } from '../../bench/machine.ts'

describe('the cores of the bench', () => {
  it("reads the kernel's list", () => {
    assert.deepEqual(coresOf('0-2,5\n'), [0, 1, 2, 5])
    assert.deepEqual(coresOf('3'), [3])
    assert.deepEqual(coresOf(''), [])
  })

  it('binds a command where it can', () => {
    assert.deepEqual(boundTo(1, ['node', 'x']), ['taskset', '-c', '1', 'node', 'x'])
    assert.deepEqual(boundTo(undefined, ['node', 'x']), ['node', 'x'])
  })
})
