/** Networks as people write them: one rule for REST, the command line and the configuration. */

import assert from 'node:assert/strict'
import { tokenOrder } from '../../src/admin/schemas.ts'
import { isNetwork } from '../../src/base/index.ts'
import { BadConfiguration, parseConfiguration } from '../../src/config/index.ts'

const GOOD = ['10.0.0.0/8', '0.0.0.0/0', '::/0', '192.168.0.1', '10.0.0.1/32', '2001:db8::1/128', '::ffff:10.0.0.1']
const BAD = [
  '10.0.0.0/33',
  '10.0.0.0/08',
  '10.0.0.0/008',
  '10.0.0',
  '010.0.0.1',
  '::/129',
  'fe80::1%eth0',
  'fe80::1%eth0/64',
  'x',
  '',
  '10.0.0.0/8/1',
  '10.0.0.0/',
  ' 10.0.0.0/8',
]

describe('a network', () => {
  it('is CIDR form or one address, and the same at every door', () => {
    const rest = (one: string): boolean =>
      tokenOrder.safeParse({ name: 'n', kind: 'service', scopes: ['read'], networks: { allow: [one] } }).success
    const configured = (one: string): boolean => {
      try {
        parseConfiguration({ tokens: { policies: [{ name: 'p', networks: { allow: [one], except: [] } }] } })
        return true
      } catch (cause) {
        assert.ok(cause instanceof BadConfiguration)
        return false
      }
    }
    for (const [list, is] of [
      [GOOD, true],
      [BAD, false],
    ] as const)
      for (const one of list) assert.deepEqual([isNetwork(one), rest(one), configured(one)], [is, is, is], one)
  })
})
