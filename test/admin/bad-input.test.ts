/** Whatever is malformed is a 400-something problem that says where, never a 500, and changes nothing. */

import assert from 'node:assert/strict'
import { routes } from '../../src/admin/rest.ts'
import { type Answered, type Calling, openRest, type RestWorld } from '../support/rest.ts'

const GOOD = { name: 'nightly', kind: 'service', owner: 'service:reports', scopes: ['read'] }
const HUGE = Array.from({ length: 10_000 }, () => 'a')
const ODD: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  '',
  'a\0b',
  '\u202e\ud800',
  [],
  [[]],
  {},
  { $gt: '' },
  { $ne: null },
  HUGE,
  [{ $gt: '' }],
  'x'.repeat(20_000),
]

const BODIES: readonly (readonly [name: string, sent: Pick<Calling, 'raw' | 'type'>])[] = [
  ['broken JSON', { raw: '{"name":' }],
  ['an array', { raw: '[]' }],
  ['a number', { raw: '7' }],
  ['null', { raw: 'null' }],
  ['deep arrays', { raw: `{"name":${'['.repeat(20_000)}${']'.repeat(20_000)}}` }],
  ['arrays that never close', { raw: '['.repeat(50_000) }],
  ['deep objects', { raw: `${'{"name":'.repeat(5000)}1${'}'.repeat(5000)}` }],
  ['__proto__', { raw: '{"__proto__":{"admin":true}}' }],
  ['a nested __proto__', { raw: '{"networks":{"__proto__":{"allow":[]}}}' }],
  ['constructor', { raw: '{"constructor":{"prototype":{"x":1}}}' }],
  ['NUL in a key', { raw: '{"na\\u0000me":"x"}' }],
  ['bytes that are no text', { raw: new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]) }],
  ['a form', { raw: 'name=x', type: 'application/x-www-form-urlencoded' }],
  ['another type', { raw: '{}', type: 'application/json-patch+json' }],
  ['more than the limit', { raw: `{"name":"${'x'.repeat(70_000)}"}` }],
]

describe('bad input at /api/v1', () => {
  let world: RestWorld
  let root: string
  let id: string
  before(async () => {
    world = await openRest('sqlite')
    const scopes = ['tokens:read', 'tokens:write', 'tokens:approve', 'inventory:read', 'inventory:write']
    root = world.bearer({ account: 'root', scopes })
    id = (await world.make({ type: 'service', id: 'reports' }, ['read'])).id
  })
  after(() => world.close())

  /** A problem of the 400s; the server called nothing its own failure. */
  function refused(answer: Answered, what: string, statuses: readonly number[] = [400]): void {
    assert.ok(
      statuses.includes(answer.status),
      `${what}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`,
    )
    assert.equal(answer.headers.get('content-type'), 'application/problem+json', what)
    assert.equal(typeof answer.body.code, 'string', what)
    assert.doesNotMatch(JSON.stringify(answer.body), /node_modules|\n\s+at /, what)
    assert.deepEqual(world.failures, [], what)
  }

  const tokens = async (): Promise<number> => (await world.store.scan('api-tokens', { limit: 1000 })).length
  const path = (route: string): string => route.replace('{id}', id).replace('{name}', 'saved')

  for (const [name, sent] of BODIES)
    it(`refuses a body with ${name} on every route that takes one`, async () => {
      const before = await tokens()
      for (const route of routes.filter(({ body }) => body))
        refused(
          await world.call(route.method, path(route.path), { as: root, ...sent }),
          `${route.name} ${name}`,
          [400, 413, 415],
        )
      assert.equal(await tokens(), before)
    })

  it('refuses every field of an order with a value of another kind, and says which', async () => {
    const fields = [
      'name',
      'kind',
      'owner',
      'scopes',
      'purpose',
      'kept_at',
      'apis',
      'networks',
      'methods',
      'paths',
      'not_before',
      'lifetime_seconds',
      'labels',
      'template',
      'parent',
      'canary',
    ]
    const fine: Readonly<Record<string, readonly unknown[]>> = {
      purpose: [''],
      kept_at: [''],
      apis: [[]],
      networks: [{}],
      methods: [[]],
      paths: [[]],
      labels: [[]],
      not_before: [0],
      canary: [true],
    }
    for (const field of fields)
      for (const value of ODD) {
        if (fine[field]?.some((one) => JSON.stringify(one) === JSON.stringify(value))) continue
        const answer = await world.call('POST', '/tokens', { as: root, body: { ...GOOD, [field]: value } })
        const what = `${field} = ${JSON.stringify(value).slice(0, 60)}`
        refused(answer, what, [400, 413])
        if (answer.status === 413) continue
        assert.match(JSON.stringify(answer.body.errors), new RegExp(`"at":"/${field}`), what)
      }
  })

  it('refuses names that nobody can see, or that show as another', async () => {
    for (const name of ['   ', '\u3000', '\u200d', 'good\u202edab', 'a\u2066b', 'a\u200fb', 'a\u2028b'])
      refused(await world.call('POST', '/tokens', { as: root, body: { ...GOOD, name } }), JSON.stringify(name), [400])
    const fine = await world.call('POST', '/tokens', { as: root, body: { ...GOOD, name: 'شب‌کار 👩‍💻' } })
    assert.equal(fine.status, 201, 'joiners are letters to some')
  })

  it('refuses unknown fields with the nearest known name, at any depth', async () => {
    const says = async (method: string, at: string, body?: object) =>
      JSON.stringify((await world.call(method, at, { as: root, ...(body ? { body } : {}) })).body.errors)
    assert.match(
      await says('POST', '/tokens', { ...GOOD, scope: ['x'] }),
      /"at":"\/scope","says":"is not known; did you mean scopes\?"/,
    )
    assert.match(
      await says('POST', '/tokens', { ...GOOD, networks: { alow: [] } }),
      /\/networks\/alow.*did you mean allow/,
    )
    assert.match(await says('POST', '/tokens', { ...GOOD, expires: '30d' }), /expires","says":"is not known"/)
    assert.match(await says('POST', '/inventory/revoke', { filter: { unusedsince: 1 } }), /did you mean unused_since/)
    assert.match(
      await says('GET', '/tokens?limti=5'),
      /"in":"query","at":"limti","says":"is not known; did you mean limit/,
    )
    assert.match(await says('GET', '/inventory?expiresBefore=5'), /did you mean expires_before/)
  })

  it('refuses queries and paths that are odd', async () => {
    const bad = [
      '/tokens?limit=0',
      '/tokens?limit=1e9',
      '/tokens?limit=',
      '/tokens?limit=1&limit=2',
      '/tokens?owner[$gt]=',
      '/tokens?owner=root',
      '/tokens?owner=account:a%00b',
      '/tokens?__proto__=1',
      '/tokens?cursor=%00',
      `/tokens?cursor=${'a'.repeat(5000)}`,
      '/inventory?unbound=maybe',
      '/inventory?unused_since=yesterday',
      '/inventory?kind=cookie',
      '/inventory?state=odd',
      '/inventory?kind[]=x',
      '/tokens/tok_%00',
      '/tokens/x',
      '/tokens/tok_../..',
      `/tokens/tok_${'a'.repeat(4000)}`,
    ]
    for (const at of bad) refused(await world.call('GET', at, { as: root }), at, [400, 404])
    for (const at of ['/tokens/%E0%A4%A', '/tokens/', '//tokens', '/TOKENS', '/', '/__proto__', '/constructor'])
      refused(await world.call('GET', at, { as: root }), at, [400, 404])
    for (const method of ['PATCH', 'OPTIONS', 'PROPFIND', 'DELETE'])
      refused(await world.call(method, '/tokens', { as: root }), method, [405])
    refused(await world.call('PUT', '/inventory/queries/%00', { as: root, body: { filter: {} } }), 'a name with NUL')
    refused(await world.call('PUT', '/inventory/queries/__proto__', { as: root, body: { filter: {} } }), 'an operator')
  })

  it('refuses tokens and keys that are none', async () => {
    for (const authorization of [
      'Bearer',
      'Bearer a b',
      'Basic Og==',
      'Bearer \u00e4',
      `Bearer ${'x'.repeat(9000)}`,
      'bearer',
      'DPoP x.y.z',
    ])
      refused(await world.call('GET', '/tokens', { headers: { authorization } }), authorization.slice(0, 30), [401])
    for (const key of ['a b', 'x'.repeat(256), '\u00e4'])
      refused(await world.call('POST', '/tokens', { as: root, body: GOOD, key }), key.slice(0, 10))
    refused(await world.call('POST', '/tokens', { as: root, body: GOOD, key: '' }), 'an empty key')
  })

  it('knows the caller before it reads a body', async () => {
    const answer = await world.call('POST', '/tokens', { raw: `{"name":"${'x'.repeat(70_000)}"}` })
    assert.equal(answer.status, 401)
  })

  it('ends nothing for an empty filter', async () => {
    refused(await world.call('POST', '/inventory/revoke', { as: root, body: { filter: {} } }), 'an empty filter')
  })
})
