/** What an opening means, for every case. */

import assert from 'node:assert/strict'
import { onOpening } from '../../src/handover/rules.ts'

describe('an opening', () => {
  it('without the key is nothing, whatever the state', () => {
    for (const state of ['waiting', 'opened', 'alarmed', ''])
      for (const expired of [true, false])
        for (const sameAttempt of [true, false])
          assert.equal(onOpening({ proved: false, state, expired, sameAttempt }), 'unknown')
  })

  it('with the key opens once, answers its retry, and alarms for everyone else', () => {
    const facts = { proved: true, expired: false, sameAttempt: false }
    assert.equal(onOpening({ ...facts, state: 'waiting' }), 'open')
    assert.equal(onOpening({ ...facts, state: 'waiting', expired: true }), 'expired')
    assert.equal(onOpening({ ...facts, state: 'opened', sameAttempt: true }), 'again')
    assert.equal(onOpening({ ...facts, state: 'opened', sameAttempt: true, expired: true }), 'expired')
    for (const expired of [true, false]) {
      assert.equal(onOpening({ ...facts, state: 'opened', expired }), 'alarm')
      assert.equal(onOpening({ ...facts, state: 'alarmed', expired }), 'alarmed')
    }
  })
})
