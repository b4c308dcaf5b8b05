/** What is kept of users: bounded, in words of ours, and fair. */

import assert from 'node:assert/strict'
import {
  agentOf,
  joined,
  latest,
  NO_USERS,
  REFUSED_MAX,
  routeOf,
  SERVED_MAX,
  type TokenUser,
} from '../../src/api-tokens/seen.ts'

describe('the route of a use', () => {
  it("is the token's own template, else the path without its ids and without what somebody made up", () => {
    const hostile = '/<img src=x>/\u202eevil/x y/%2e%2e/' + 'a'.repeat(40) + '/b'
    for (const [templates, asked, route] of [
      [['/orders/{id}'], { method: 'get', path: '/orders/abc' }, 'GET /orders/{id}'],
      [[], { method: 'GET', path: '/v1/orders/7?x=1' }, 'GET /v1/orders/{id}'],
      [[], { path: '/files/6f1c0a52-7f0f-4f0e-9d2e-000000000000/raw' }, '/files/{id}/raw'],
      [[], { method: 'POST' }, 'POST'],
      [[], {}, ''],
      [[], { method: 'GET', path: hostile }, 'GET /{id}/{id}/{id}/{id}/{id}/b'],
      [[], { method: '<b>', path: '/a'.repeat(20) }, `${'/a'.repeat(8)}/**`],
      [[], { path: 'no slash' }, '/'],
    ] as const)
      assert.equal(routeOf(templates, asked), route)
  })
})

describe('the agent of a use', () => {
  it('is short and can be printed', () => {
    assert.equal(agentOf('curl/8\u001b[31m\u202e'), 'curl/8?[31m?')
    assert.equal(agentOf('x'.repeat(500)).length, 160)
    assert.equal(agentOf(undefined), '')
  })
})

const user = (n: number, network: string): TokenUser => ({
  network,
  agent: `agent ${n}`,
  route: '',
  outcome: 'VALID',
  lastSeen: n,
})

describe('the latest users', () => {
  it('of a network that makes up many push out that network alone', () => {
    const quiet = [user(1, '192.0.2.0/24'), user(2, '198.51.100.0/24')]
    const loud = Array.from({ length: 200 }, (_, n) => user(n + 10, '203.0.113.0/24'))
    const kept = latest([...quiet, ...loud], SERVED_MAX)
    assert.equal(kept.length, SERVED_MAX)
    assert.deepEqual(kept.slice(-2), [quiet[1], quiet[0]])
    assert.equal(kept[0]?.lastSeen, 209)
  })

  it('are each list for itself, each user once with its latest use', () => {
    const refused = Array.from(
      { length: 30 },
      (_, n) => ({ ...user(n, `10.0.${n}.0/24`), outcome: 'IP_DENIED' }) as const,
    )
    const served = [user(1, 'a'), { ...user(1, 'a'), lastSeen: 9 }]
    const all = joined({ served, refused }, NO_USERS, 0)
    assert.deepEqual(all.served, [{ ...user(1, 'a'), lastSeen: 9 }])
    assert.equal(all.refused.length, REFUSED_MAX)
  })
})
