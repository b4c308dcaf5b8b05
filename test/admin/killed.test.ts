/** Every POST whose process is killed at any call of the store is done wholly or not at all, and its retry completes it. */

import assert from 'node:assert/strict'
import type { Store } from '../../adapters/store.ts'
import { mortal } from '../support/mortal.ts'
import { openRest, type RestWorld } from '../support/rest.ts'
import { STORES } from '../support/world.ts'

const ORDER = { name: 'nightly', kind: 'service', owner: 'service:reports', scopes: ['read'] }
const POSTS: readonly (readonly [name: string, body: object])[] = [
  ['', ORDER],
  ['/import', { ...ORDER, sha256: 'ab'.repeat(32) }],
  ['/{id}/rotate', { overlap: '1h' }],
  ['/{id}/revoke', {}],
  ['/{id}/quarantine', {}],
  ['/{id}/narrow', { scopes: [] }],
]

/** The tokens, without what time and chance make of them. */
async function tokensOf(world: RestWorld): Promise<string> {
  const docs = await world.store.scan('api-tokens', { limit: 100 })
  const seen = docs.map(({ state, rev, fields }) => [
    state,
    rev,
    fields.successor !== null && fields.successor !== undefined,
  ])
  return JSON.stringify(seen.map((one) => JSON.stringify(one)).sort())
}

for (const kind of STORES)
  describe(`POSTs whose process is killed on ${kind}`, () => {
    for (const [name, body] of POSTS)
      it(`/tokens${name}`, async () => {
        // One server whose store dies and is given another life: what a restart is to the store.
        let current: Store | undefined
        let inner: Store | undefined
        const world = await openRest(kind, {}, (store) => {
          inner = store
          return new Proxy(store, { get: (target, key) => Reflect.get(current ?? target, key) })
        })
        const root = world.bearer({ account: 'root', scopes: ['tokens:write', 'tokens:read'] })
        const outcomes = new Set<string>()
        for (const when of ['before', 'after'] as const)
          for (let at = 1; ; at++) {
            const { id } = await world.make({ type: 'service', id: 'reports' }, ['read'])
            const path = `/tokens${name.replace('{id}', id)}`
            const sent =
              'sha256' in body ? { ...body, sha256: `${at}${when === 'before' ? 'a' : 'b'}`.padEnd(64, '0') } : body
            const ask = () => world.call('POST', path, { as: root, key: `${when}-${at}-${id}`, body: sent })
            const before = await tokensOf(world)
            if (inner) current = mortal(inner, { at, when }).store
            const first = await ask()
            current = undefined
            const killed = await tokensOf(world)
            const retried = await ask()
            const after = await tokensOf(world)
            assert.ok(retried.status < 300, `${when} ${at}: ${JSON.stringify(retried.body)}`)
            assert.ok(killed === before || killed === after, `${when} call ${at}: half done`)
            outcomes.add(killed === before ? 'nothing' : 'all')
            if (first.status < 300) {
              assert.deepEqual(first.body, retried.body)
              break
            }
            assert.equal(first.status, 500)
          }
        assert.deepEqual([...outcomes].sort(), ['all', 'nothing'])
        await world.close()
      })
  })
