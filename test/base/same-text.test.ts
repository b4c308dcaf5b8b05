import assert from 'node:assert/strict'
import fc from 'fast-check'
import { isSameText } from '../../src/base/index.ts'

describe('the comparison of texts', () => {
  it('says what equality says of well-formed texts', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 4 })
    fc.assert(fc.property(text, text, (one, other) => isSameText(one, other) === (one === other)))
    fc.assert(fc.property(text, (one) => isSameText(one, one)))
  })

  it('takes no letter for another with the same low byte', () => {
    assert.equal(isSameText('\u0141', 'A'), false)
  })
})
