/** What a revocation stages. */

import assert from 'node:assert/strict'
import { Unit } from '../../src/base/index.ts'
import { endGrant, endOne } from '../../src/revocation/index.ts'

const unit = (): Unit =>
  new Unit({ store: { get: async () => undefined, find: async () => [] }, cid: 'c', request: 'r' })

describe('a revocation', () => {
  it('of one document is one tombstone', () => {
    const staged = unit()
    endOne(staged, { collection: 'artefacts', at: 7 }, 'family')
    assert.deepEqual(staged.writes('burns and revocations').revocations, [
      { collection: 'artefacts', target: { id: 'family' }, at: 7 },
    ])
  })

  it('of a Grant takes everything issued under it along, and stands on every 4xx', () => {
    const staged = unit()
    endGrant(staged, { collection: 'artefacts', at: 7 }, 'grant')
    const { revocations } = staged.writes('burns and revocations')
    assert.deepEqual(
      revocations.map(({ target }) => target),
      [{ id: 'grant' }, { by: { tenant: 'default', by: { grant: 'grant' } } }],
    )
    assert.deepEqual(staged.writes('burns').revocations, [])
  })
})
