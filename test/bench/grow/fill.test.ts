import assert from 'node:assert/strict'
import { sortable } from '../../../bench/grow/fill.ts'

describe('filling a store in order of id', () => {
  it('makes texts that sort as their numbers do', () => {
    const numbers = [0, 1, 63, 64, 4095, 4096, 64 ** 3, 64 ** 4 - 1]
    const texts = numbers.map(sortable)
    assert.deepEqual([...texts].sort(), texts)
    assert.equal(new Set(texts).size, numbers.length)
    assert.ok(texts.every((text) => text.length === 4))
  })
})
