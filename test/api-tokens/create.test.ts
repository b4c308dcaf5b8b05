/** Ordering a token: what is refused and in which words, what owner, parent and policies allow, and its rotation's end. */

import assert from 'node:assert/strict'
import type { TokenOrder } from '../../src/api-tokens/index.ts'
import { DAY, openTokens, order, type TokenRoom } from '../support/tokens.ts'
import { clientOrder, openWorld } from '../support/world.ts'

const many = (n: number, of: (i: number) => string): string[] => Array.from({ length: n }, (_, i) => of(i))
const create = async (room: TokenRoom, more: Partial<TokenOrder> = {}) =>
  (await room.run((unit) => room.tokens.create(unit, order(more), 'account anna'))).shown

describe('an order of an API token', () => {
  const refused: readonly (readonly [string, number, Partial<TokenOrder>])[] = [
    ['bad_name', 400, { name: '' }],
    ['bad_name', 400, { name: 'x'.repeat(201) }],
    ['bad_name', 400, { name: 'a\nb' }],
    ['bad_name', 400, { name: '   ' }],
    ['bad_name', 400, { name: '\u200d\u200d' }],
    ['bad_name', 400, { name: 'nightly\u202egnp' }],
    ['bad_text', 400, { purpose: '\u2066x' }],
    ['bad_network', 400, { networks: { allow: ['10.0.0.0/08'], except: [] } }],
    ['bad_text', 400, { purpose: 'x'.repeat(501) }],
    ['bad_text', 400, { keptAt: 'a\0b' }],
    ['bad_rate', 400, { labels: ['nightly', 'rate:nonsense'] }],
    ['bad_rate', 400, { labels: ['rate:toString'] }],
    ['bad_label', 400, { labels: many(33, String) }],
    ['bad_scope', 400, { scopes: many(65, (i) => `s${i}`) }],
    ['bad_scope', 400, { scopes: ['nonsense'] }],
    ['bad_scope', 400, { scopes: ['__proto__'] }],
    ['bad_scope', 400, { scopes: ['look'], apis: ['urn:a'] }],
    ['bad_api', 400, { apis: ['urn:nowhere'] }],
    ['bad_network', 400, { networks: { allow: ['10.0.0.0/33'], except: [] } }],
    ['bad_network', 400, { networks: { allow: many(65, (i) => `10.0.0.${i}`), except: [] } }],
    ['bad_method', 400, { methods: ['GET /'] }],
    ['bad_path', 400, { paths: ['orders'] }],
    ['bad_path', 400, { paths: ['/a/{id'] }],
    ['bad_template', 400, { template: 'nonsense' }],
    ['bad_template', 400, { template: 'toString' }],
    ['bad_lifetime', 400, { lifetimeSeconds: 0 }],
    ['bad_lifetime', 400, { lifetimeSeconds: Number.NaN }],
    ['bad_lifetime', 400, { lifetimeSeconds: DAY, notBefore: 4_000_000_000 }],
    ['lifetime_over', 400, { lifetimeSeconds: 367 * DAY }],
    ['lifetime_over', 400, { lifetimeSeconds: 2 * DAY, template: 'agent' }],
    ['owner_kind', 400, { kind: 'personal' }],
    ['owner_kind', 400, { owner: { type: 'account', id: 'anna' } }],
    ['owner_unusable', 409, { owner: { type: 'service', id: 'nobody' } }],
    ['scope_not_held', 403, { owner: { type: 'service', id: 'narrow' }, scopes: ['read', 'write'] }],
    ['parent_unusable', 409, { parent: 'tok_nonsense' }],
  ]

  it('is refused by its table, and leaves nothing', async () => {
    const room = await openTokens()
    for (const [code, status, more] of refused)
      await assert.rejects(create(room, more), { code, status }, `${code}: ${JSON.stringify(more)}`)
    await assert.rejects(
      room.run((unit) => room.tokens.importByHash(unit, { ...order(), sha256: 'x' }, 'account anna')),
      { code: 'bad_hash', status: 400 },
    )
    assert.deepEqual(await room.told(), [])
    assert.equal((await room.store.scan('api-tokens', { limit: 10 })).length, 0)
  })

  it('is kept as it was given, each thing once', async () => {
    const room = await openTokens({ tokens: { prefix: 'acme' } })
    const networks = { allow: ['10.0.0.0/8', '10.0.0.0/8'], except: ['10.1.0.0/16'] }
    const { text, shown } = await room.run((unit) =>
      room.tokens.create(
        unit,
        order({ scopes: ['read', 'read'], networks, methods: ['get'], paths: ['/a/{id}'], apis: ['urn:a'] }),
        'account anna',
      ),
    )
    assert.match(text.reveal(), /^acme_svc_01[0-9A-Za-z]{34}$/)
    assert.deepEqual(shown.scopes, ['read'])
    assert.deepEqual(shown.networks, { allow: ['10.0.0.0/8'], except: ['10.1.0.0/16'] })
    assert.deepEqual([shown.methods, shown.paths, shown.apis], [['GET'], ['/a/{id}'], ['urn:a']])
    await assert.rejects(room.tokens.show('tok_nobody'), { code: 'token_unknown', status: 404 })
    await assert.rejects(room.tokens.show('tok_\0'), { code: 'token_unknown', status: 404 })
  })

  it('of a child is no wider, no longer and no deeper than its parents, and of the same owner', async () => {
    const room = await openTokens()
    const parent = await create(room, { scopes: ['read', 'write'], lifetimeSeconds: 10 * DAY, methods: ['GET'] })
    const child = { parent: parent.id, methods: ['GET'] }
    await assert.rejects(create(room, { ...child, scopes: ['admin'] }), { code: 'wider_than_parent', status: 403 })
    await assert.rejects(create(room, { ...child, methods: ['GET', 'PUT'] }), { code: 'wider_than_parent' })
    await assert.rejects(create(room, { parent: parent.id }), { code: 'wider_than_parent' })
    await assert.rejects(create(room, { ...child, lifetimeSeconds: 11 * DAY }), { code: 'outlives_parent' })
    await assert.rejects(create(room, { ...child, owner: { type: 'organisation', id: 'acme' } }), {
      code: 'parent_of_another',
    })
    let last = await create(room, child)
    assert.equal(last.expiresAt, parent.expiresAt, 'the usual 30 days are cut')
    for (let depth = 2; depth <= 4; depth++) last = await create(room, { ...child, parent: last.id })
    await assert.rejects(create(room, { ...child, parent: last.id }), { code: 'parent_too_deep' })
    await room.run((unit) => room.tokens.quarantine(unit, parent.id, { by: 'operator', why: 'odd' }))
    await assert.rejects(create(room, child), { code: 'parent_unusable' })
  })
})

describe('a rotation of an API token', () => {
  const rotate = (room: TokenRoom, id: string, overlapSeconds: number) =>
    room.run((unit) => room.tokens.rotate(unit, id, { overlapSeconds, by: 'account anna', why: 'asked' }))

  it('overlaps as asked and never past the original end, which the successor keeps', async () => {
    const room = await openTokens()
    for (const [overlap, after, until] of [
      [0, 0, 0],
      [3600, 0, 3600],
      [DAY, 0, DAY],
      [7 * DAY, 5 * DAY, 10 * DAY],
    ] as const) {
      const begun = room.now()
      const { id, expiresAt } = await create(room, { lifetimeSeconds: 10 * DAY })
      await room.later(after)
      const next = await rotate(room, id, overlap)
      const old = await room.tokens.show(id)
      assert.equal(old.overlapUntil, begun + until)
      assert.equal(old.state, overlap === 0 ? 'rotated' : 'rotating')
      assert.equal(old.successor, next.shown.id)
      assert.equal(next.shown.expiresAt, expiresAt)
      assert.equal(next.shown.rotations, 1)
      assert.deepEqual(next.shown.scopes, old.scopes)
    }
    const { id } = await create(room)
    await assert.rejects(rotate(room, id, 10), { code: 'bad_overlap', status: 400 })
    room.standing.delete('service:reports')
    await assert.rejects(rotate(room, id, 0), { code: 'owner_unusable', status: 409 })
  })

  it('begins a new lifetime where a policy says so, within limits and parent', async () => {
    const policies = [{ name: 'renewed', renew: true }]
    const room = await openTokens({ tokens: { policies } })
    const parent = await create(room, { lifetimeSeconds: 20 * DAY })
    const child = await create(room, { parent: parent.id, lifetimeSeconds: 10 * DAY })
    await room.later(8 * DAY)
    assert.equal((await rotate(room, child.id, 0)).shown.expiresAt, room.now() + 10 * DAY)
    await room.later(DAY)
    const head = (await room.tokens.show(child.id)).successor ?? ''
    const again = await rotate(room, head, 0)
    assert.equal(again.shown.expiresAt, room.now() + 10 * DAY)
    await room.later(5 * DAY)
    assert.equal((await rotate(room, again.shown.id, 0)).shown.expiresAt, parent.expiresAt)
    room.configure({ tokens: { policies, lifetimeSecondsMax: 15 * DAY } })
    const { shown } = await rotate(room, parent.id, 0).catch((cause) => ({ shown: { expiresAt: 0 }, cause }))
    assert.ok(shown.expiresAt <= room.now() + 15 * DAY)
  })

  it('comes to its states by time alone: begins, gives way, ends', async () => {
    const room = await openTokens({ tokens: { sensitiveScopes: ['admin'] } })
    const stateOf = async (id: string) => (await room.tokens.show(id)).state
    const later = await create(room, { notBefore: room.now() + DAY })
    const held = await create(room)
    const pending = await create(room, { scopes: ['admin'] })
    const old = await create(room)
    await room.run((unit) => room.tokens.quarantine(unit, held.id, { by: 'operator', why: 'odd' }))
    await rotate(room, old.id, DAY)
    const all = () => Promise.all([later.id, held.id, pending.id, old.id].map(stateOf))
    assert.deepEqual(await all(), ['not_yet', 'quarantined', 'pending', 'rotating'])
    await room.later(DAY)
    assert.deepEqual(await all(), ['active', 'quarantined', 'pending', 'rotated'])
    await room.later(29 * DAY)
    assert.deepEqual(await all(), ['expired', 'expired', 'expired', 'rotated'])
  })
})

describe('owners of API tokens, in a whole server', () => {
  it('are persons, services and organisations that may be used now', async () => {
    const world = await openWorld('sqlite', { apis: [{ id: 'urn:a', scopes: ['read', 'write'] }] })
    try {
      const { app } = world
      const verb = async (more: Partial<TokenOrder>) => {
        const unit = app.work.unit()
        const made = await app.tokens.create(unit, order(more), 'operator')
        await app.work.commit(unit)
        world.keepSecret(made.text.reveal())
        return made.shown
      }
      const account = await app.accounts.create({ loginName: 'anna', password: 'tuba lantern orchid seventeen' })
      await app.clients.create(clientOrder({ id: 'reports', grants: ['client_credentials'], scopes: ['read'] }))
      await app.accounts.createOrganisation({ name: 'acme', title: 'Acme Ltd' })
      const organisation = { type: 'organisation', id: 'acme' } as const
      await verb({})
      await verb({ owner: organisation, scopes: ['write'] })
      const own = await verb({ kind: 'personal', owner: { type: 'account', id: account.sub } })
      await assert.rejects(verb({ scopes: ['write'] }), { code: 'scope_not_held' })
      await app.accounts.disableOrganisation('acme')
      await app.clients.disable('reports')
      await assert.rejects(verb({ owner: organisation }), { code: 'owner_unusable' })
      await assert.rejects(verb({}), { code: 'owner_unusable' })
      await app.envelope.eraseAccount('anna', { dryRun: false })
      assert.equal((await app.tokens.show(own.id)).state, 'revoked')
      await app.tokenSchedule.tick()
    } finally {
      await world.close()
    }
  })
})
