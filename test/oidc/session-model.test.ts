/** Two saves of one session: a law, not a case. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { mergeSessions } from '../../src/oidc/session-model.ts'

const plain = { noNullPrototype: true }
const authorization = fc.record({ sid: fc.string(), grantId: fc.string() }, plain)
const session = fc.record(
  {
    uid: fc.constant('u'),
    accountId: fc.constant('a'),
    exp: fc.nat(),
    authorizations: fc.dictionary(fc.constantFrom('web', 'spa', 'tv'), authorization, plain),
  },
  plain,
)

describe('two saves of one session', () => {
  it('keep what only one of them changed, whichever it was', () => {
    fc.assert(
      fc.property(session, session, (base, changed) => {
        assert.deepEqual(mergeSessions(base, changed, base), changed)
        assert.deepEqual(mergeSessions(base, base, changed), changed)
      }),
    )
  })

  it('keep the authorizations of both, when each added a client', () => {
    fc.assert(
      fc.property(session, authorization, authorization, (base, ours, theirs) => {
        const merged = mergeSessions(
          base,
          { ...base, authorizations: { ...base.authorizations, one: ours } },
          { ...base, authorizations: { ...base.authorizations, two: theirs } },
        )
        assert.deepEqual(merged?.authorizations, { ...base.authorizations, one: ours, two: theirs })
      }),
    )
  })

  it('are a conflict when they are of two accounts', () => {
    assert.equal(mergeSessions({ accountId: 'a' }, { accountId: 'b' }, { accountId: 'c' }), undefined)
  })

  it('take the later end', () => {
    assert.equal(mergeSessions({ exp: 1 }, { exp: 5 }, { exp: 3 })?.exp, 5)
  })
})
