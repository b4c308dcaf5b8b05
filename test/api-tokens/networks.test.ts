/** Networks of a token. */

import assert from 'node:assert/strict'
import { isWithin } from '../../src/api-tokens/networks.ts'

describe('networks of a token', () => {
  it('hold what is allowed and not excepted, in v4, v6 and v4 inside v6', () => {
    const home = { allow: ['10.0.0.0/8', '2001:db8::/32'], except: ['10.1.0.0/16'] }
    for (const [address, within] of [
      ['10.2.3.4', true],
      ['10.1.3.4', false],
      ['::ffff:10.1.3.4', false],
      ['::ffff:10.2.3.4', true],
      ['2001:db8::1', true],
      ['2001:db9::1', false],
      ['nonsense', false],
      [undefined, false],
    ] as const)
      assert.equal(isWithin(home, address), within, String(address))
    assert.equal(isWithin({ allow: [], except: [] }, undefined), true)
    assert.equal(isWithin({ allow: [], except: ['10.0.0.0/8'] }, '192.168.0.1'), true)
  })
})
