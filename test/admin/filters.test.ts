/** A saved query with something on top of it: both must hold, or it is said why that can't be asked. */

import assert from 'node:assert/strict'
import { both } from '../../src/admin/index.ts'

const ada = { type: 'account', id: 'ada' } as const

describe('two filters laid over each other', () => {
  it('never bring back what the one left out', () => {
    assert.deepEqual(both({ unusedSince: '90d' }, { unusedSince: '0s' }), { unusedSince: '90d' })
    assert.deepEqual(both({ unusedSince: '90d' }, { unusedSince: '2400h' }), { unusedSince: '2400h' })
    assert.deepEqual(both({ expiresBefore: '7d' }, { expiresBefore: '30d' }), { expiresBefore: '7d' })
    assert.deepEqual(both({ unusedSince: 5, expiresBefore: 9 }, { unusedSince: 7, expiresBefore: 8 }), {
      unusedSince: 5,
      expiresBefore: 8,
    })
    assert.deepEqual(both({ kind: ['family', 'grant'], unbound: true }, { kind: ['grant'], noExpiry: true }), {
      kind: ['grant'],
      unbound: true,
      noExpiry: true,
    })
    assert.deepEqual(both({ owner: ada, scope: 'read' }, { state: 'active' }), {
      owner: ada,
      scope: 'read',
      state: 'active',
    })
  })

  it('mean nothing where they contradict each other', () => {
    assert.equal(both({ kind: ['family'] }, { kind: ['grant'] }), undefined)
    assert.equal(both({ state: 'active' }, { state: 'pending' }), undefined)
    assert.equal(both({ owner: ada }, { owner: { type: 'account', id: 'bob' } }), undefined)
  })

  it('are refused where no one question says both', () => {
    assert.throws(() => both({ unusedSince: '90d' }, { unusedSince: 5 }), { status: 400, code: 'query_moments' })
    assert.throws(() => both({ scope: 'read' }, { scope: 'write' }), { status: 400, code: 'query_scopes' })
  })
})
