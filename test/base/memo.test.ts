/** What was made of late is not made again, and no more is held than was said. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createMemo } from '../../src/base/index.ts'

describe('a memo', () => {
  it('answers as the function does, whatever is asked in whatever order', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 2 })), fc.integer({ min: 1, max: 5 }), (texts, keptMax) => {
        const memo = createMemo((text) => `made of ${text}`, keptMax)
        for (const text of texts) assert.equal(memo(text), `made of ${text}`)
      }),
    )
  })

  it('makes a text once while it is asked for again, and lets go of those that nobody asks for', () => {
    let made = 0
    const memo = createMemo((text) => {
      made++
      return text
    }, 2)
    for (let n = 0; n < 10; n++) memo('often')
    assert.equal(made, 1)
    for (const other of ['a', 'b', 'c', 'd', 'e', 'f']) memo(other)
    made = 0
    memo('often')
    assert.equal(made, 1, 'it was let go')
  })
})
