/** Every route for every kind of caller, on its own and on other people's objects. The table says who may; a route that it does not name fails. */

import assert from 'node:assert/strict'
import { MANAGEMENT_SCOPES, type Scope } from '../../src/admin/doors.ts'
import { routes } from '../../src/admin/rest.ts'
import type { Route } from '../../src/admin/route.ts'
import type { Owner, TokenOrder } from '../../src/api-tokens/index.ts'
import { systemRandom as random, Unit } from '../../src/base/index.ts'
import { openRest, type RestWorld } from '../support/rest.ts'

/** Written by hand, apart from the routes' own policies: which scope lets at everything, and whether `tokens:self` lets at one's own. */
const MAY: Readonly<Record<string, readonly [Scope, 'and self' | 'no self']>> = {
  createToken: ['tokens:write', 'and self'],
  importToken: ['tokens:write', 'no self'],
  rotateToken: ['tokens:write', 'and self'],
  listTokens: ['tokens:read', 'and self'],
  showToken: ['tokens:read', 'and self'],
  listConsumers: ['tokens:read', 'and self'],
  listHours: ['tokens:read', 'and self'],
  revokeToken: ['tokens:write', 'and self'],
  quarantineToken: ['tokens:write', 'and self'],
  releaseToken: ['tokens:write', 'no self'],
  approveToken: ['tokens:approve', 'no self'],
  narrowToken: ['tokens:write', 'and self'],
  listUnusedScopes: ['tokens:read', 'and self'],
  listInventory: ['inventory:read', 'no self'],
  revokeInventory: ['inventory:write', 'no self'],
  listQueries: ['inventory:read', 'no self'],
  saveQuery: ['inventory:write', 'no self'],
  removeQuery: ['inventory:write', 'no self'],
}
const SCOPES = Object.keys(MANAGEMENT_SCOPES) as readonly Scope[]
const ALICE: Owner = { type: 'account', id: 'alice' }
const BOB: Owner = { type: 'account', id: 'bob' }
const text = ({ type, id }: Owner): string => `${type}:${id}`

type Kind = 'account' | 'client' | 'token of a person' | 'token of a service'
const KINDS: readonly Kind[] = ['account', 'client', 'token of a person', 'token of a service']

describe('who may call what', () => {
  let world: RestWorld
  before(async () => {
    world = await openRest('sqlite')
  })
  after(() => world.close())

  async function caller(kind: Kind, scope: Scope): Promise<string> {
    if (kind === 'account') return world.bearer({ account: 'alice', scopes: [scope] })
    if (kind === 'client') return world.bearer({ scopes: [scope] })
    const owner: Owner = kind === 'token of a person' ? ALICE : { type: 'service', id: 'reports' }
    return (await world.make(owner, [scope])).text
  }

  /** A token of an owner in the state that a route needs. */
  async function target(route: Route, owner: Owner): Promise<string> {
    const { id } = await world.make(owner, route.name === 'approveToken' ? ['sensitive'] : ['read'])
    if (route.name === 'releaseToken') {
      const unit = new Unit({ store: world.store, cid: `q${random.below(1e9)}`, request: 'q' })
      await world.doors.tokens.quarantine(unit, id, { by: 'operator', why: 'test' })
      await world.store.commit(unit.writes('all'))
    }
    return id
  }

  function bodyOf(route: Route, owner: Owner): object | undefined {
    const order = { name: 'a', kind: 'personal', owner: text(owner), scopes: ['read'] } satisfies Omit<
      Partial<TokenOrder>,
      'owner'
    > & { owner: string }
    const bodies: Readonly<Record<string, object>> = {
      createToken: order,
      importToken: { ...order, sha256: random.bytes(32).toString('hex') },
      narrowToken: { scopes: [] },
      revokeInventory: { filter: { owner: text(owner) }, dry_run: true },
      saveQuery: { filter: {} },
    }
    return route.body ? (bodies[route.name] ?? {}) : undefined
  }

  async function answered(
    route: Route,
    as: string | undefined,
    owner: Owner,
  ): Promise<{ readonly status: number; readonly code: unknown }> {
    const id = route.on === 'token' ? await target(route, owner) : ''
    if (route.name === 'removeQuery')
      await world.doors.inventory?.queries.save({ name: 'saved', filter: {}, by: 'test' }).catch(() => undefined)
    const path =
      route.path.replace('{id}', id).replace('{name}', 'saved') +
      (route.name === 'listTokens' ? `?owner=${text(owner)}` : '')
    const body = bodyOf(route, owner)
    const { status, body: said } = await world.call(route.method, path, {
      ...(as === undefined ? {} : { as }),
      ...(body ? { body } : {}),
    })
    if (status < 300) route.answer.schema.parse(status === 204 ? undefined : said)
    return { status, code: said.code }
  }

  it('names every route in its table, and no other', () => {
    assert.deepEqual(Object.keys(MAY).sort(), routes.map(({ name }) => name).sort())
    for (const { policy, name } of routes) assert.ok(policy.any.length > 0, name)
  })

  for (const route of routes)
    describe(route.name, () => {
      const [all, self] = MAY[route.name] ?? ['tokens:write', 'no self']

      it('refuses nobody, a forged token, and a bound one that comes without its proof', async () => {
        assert.deepEqual(await answered(route, undefined, ALICE), { status: 401, code: 'token_missing' })
        for (const forged of [
          'mm_at_forged',
          'mm_pat_01forged',
          'a.b.c',
          'x',
          world.bearer({ account: 'alice', scopes: SCOPES, isBound: true }),
        ])
          assert.deepEqual(await answered(route, forged, ALICE), { status: 401, code: 'token_invalid' })
      })

      for (const kind of KINDS)
        it(`lets a caller that is a ${kind} in by the scope that the table names, and by no other`, async () => {
          for (const scope of SCOPES)
            for (const owner of [ALICE, BOB]) {
              const { status, code } = await answered(route, await caller(kind, scope), owner)
              const what = `${kind} with ${scope} on ${text(owner)}: ${status} ${code}`
              const isPerson = kind === 'account' || kind === 'token of a person'
              if (scope === all) {
                if (route.name === 'approveToken' && !isPerson) assert.equal(code, 'person_needed', what)
                else assert.equal(status, route.answer.status, what)
              } else if (scope === 'tokens:self' && self === 'and self' && isPerson) {
                if (owner === BOB) assert.equal(code, route.on === 'token' ? 'token_unknown' : 'not_yours', what)
                else if (route.name === 'rotateToken' && kind !== 'account') assert.equal(code, 'child_only', what)
                else assert.equal(status, route.answer.status, what)
              } else assert.deepEqual([status, code], [403, 'insufficient_scope'], what)
            }
        })
    })

  it('never failed by itself in all of that', () => assert.deepEqual(world.failures, []))
})
