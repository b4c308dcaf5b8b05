/** Networks and paths of a token. */

import assert from 'node:assert/strict'
import { isTemplate, isWithin, matchesPath } from '../../src/api-tokens/networks.ts'

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

describe('paths of a token', () => {
  it('match segment by segment, and no trick walks around them', () => {
    for (const [template, path, matches] of [
      ['/orders/{id}', '/orders/7', true],
      ['/orders/{id}', '/orders/7?x=1', true],
      ['/orders/{id}', '/orders/', false],
      ['/orders/{id}', '/orders/7/lines', false],
      ['/files/**', '/files/a/b', true],
      ['/files/**', '/files', true],
      ['/files/**', '/files/../orders', false],
      ['/files/**', '/files/%2e%2e/orders', false],
      ['/files/**', '/filesystem', false],
    ] as const)
      assert.equal(matchesPath(template, path), matches, `${template} ${path}`)
    assert.ok(isTemplate('/a/{b}/**') && !isTemplate('a') && !isTemplate('/a/**/b') && !isTemplate('/../a'))
  })
})
