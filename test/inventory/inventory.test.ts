/** The inventory's guarantees beyond its filters: cursors, caps that are told, expired tokens, saved queries. */

import assert from 'node:assert/strict'
import { apiTokens } from '../../src/api-tokens/index.ts'
import { Refusal } from '../../src/base/index.ts'
import { ada, DAY, family, isRefused, many, token } from './builders.ts'
import { NOW, openRoom, type Room } from './population.ts'

let room: Room
async function opened(more: Parameters<typeof openRoom>[0] = {}): Promise<Room> {
  room = await openRoom(more)
  return room
}
const closing = (): void => void afterEach(() => room.close())

describe('a list across kinds', () => {
  closing()
  it('goes on with one cursor, and shows what each credential is without what opens it', async () => {
    const { inventory, fill } = await opened()
    await fill({
      tokens: many(5, () => token()),
      artefacts: [family({ bound: true }), family({ kind: 'Grant' }), family({ kind: 'Session' })],
    })
    const kinds: string[] = []
    let cursor: string | undefined
    do {
      const page = await inventory.list({}, { limit: 2, cursor })
      kinds.push(...page.items.map(({ kind }) => kind))
      assert.ok(page.complete)
      cursor = page.cursor
    } while (cursor !== undefined)
    assert.deepEqual(kinds, [...many(5, () => 'api-token'), 'family', 'grant', 'session'])
    const [one] = (await inventory.list({ kind: ['api-token'] }, { limit: 1 })).items
    assert.ok(one)
    const { id, ...shown } = one
    assert.match(id, /^tok_[\w-]{43}$/)
    assert.deepEqual(shown, {
      kind: 'api-token',
      owner: ada,
      name: 'nightly',
      purpose: 'reports',
      scopes: ['read'],
      binding: 'network',
      state: 'active',
      createdAt: NOW - 5 * DAY,
      lastUsedAt: NOW - DAY,
      expiresAt: NOW + 9 * DAY,
      next: null,
    })
    const others = (await inventory.list({ kind: ['family', 'grant', 'session'] }, { limit: 9 })).items
    assert.deepEqual(
      others.map(({ binding, name, scopes }) => [binding, name, scopes]),
      [
        ['dpop', 'Refresh tokens of web', ['read']],
        ['server', 'Consent to web', ['read']],
        ['browser', 'Sign-in session web', ['read']],
      ],
    )
  })

  it('refuses cursors of other questions and what is no cursor', async () => {
    const { inventory, fill } = await opened()
    await fill({ tokens: many(3, () => token()) })
    const { cursor } = await inventory.list({ owner: ada }, { limit: 1 })
    assert.ok(cursor)
    await assert.rejects(inventory.list({ unbound: true }, { limit: 1, cursor }), isRefused('cursor_unknown'))
    await assert.rejects(inventory.count({ owner: ada }, { cursor }), isRefused('cursor_unknown'))
    const forged = (a: string): string => {
      const own: object = JSON.parse(Buffer.from(cursor, 'base64url').toString())
      return Buffer.from(JSON.stringify({ ...own, a })).toString('base64url')
    }
    for (const bad of ['', 'x', forged('owner 0 nothing'), `${cursor}!!x`])
      await inventory.list({ owner: ada }, { limit: 1, cursor: bad }).then(
        ({ items }) => assert.ok(items.length <= 1),
        (cause) => assert.ok(isRefused('cursor_unknown')(cause), String(cause)),
      )
    await assert.rejects(inventory.list({ owner: ada }, { limit: 1, cursor: forged('owner 0 nothing') }), Refusal)
  })
})

describe('pages of a list', () => {
  closing()
  it('count durations from the first page on, and show users only where asked', async () => {
    const asked: number[] = []
    const { inventory, fill, clock } = await opened({
      usersOf: async ({ kind }, since) => {
        asked.push(since)
        if (kind !== 'api-token') return undefined
        return [{ network: '192.0.2.0/24', agent: 'curl', route: '/reports', outcome: 'VALID', lastSeenAt: NOW }]
      },
    })
    await fill({ tokens: many(4, (n) => token({ lastUse: NOW - 3 * DAY + n })) })
    const first = await inventory.list({ unusedSince: '3d' }, { limit: 10 })
    assert.equal(first.items.length, 0)
    clock.seconds += 2
    const some = await inventory.list({ unusedSince: '3d' }, { limit: 1, users: true })
    assert.deepEqual([some.items.length, some.items[0]?.users?.length, asked], [1, 1, [NOW + 2 - 30 * DAY]])
    clock.seconds += DAY
    const rest = await inventory.list({ unusedSince: '3d' }, { limit: 10, cursor: some.cursor })
    assert.equal(rest.items.length, 1, 'as it was on the first page')
  })
})

describe('a cap that is told', () => {
  closing()
  it('gives a short page with a cursor instead of looking at everything in silence, and counts on', async () => {
    const { inventory, fill } = await opened()
    for (let n = 0; n < 7; n++) await fill({ artefacts: many(1000, () => family({ bound: true })) })
    await fill({ artefacts: many(3, () => family({ exp: NOW + 10 * DAY })) })
    let page = await inventory.list({ unbound: true }, { limit: 50 })
    assert.deepEqual([page.items.length, page.complete], [0, false])
    let found = 0
    for (let n = 0; n < 5 && page.cursor !== undefined; n++) {
      page = await inventory.list({ unbound: true }, { limit: 50, cursor: page.cursor })
      found += page.items.length
    }
    assert.deepEqual([found, page.complete], [3, true])
    const part = await inventory.count({ unbound: true })
    assert.deepEqual([part.total, part.complete], [0, false])
    const rest = await inventory.count({ unbound: true }, { cursor: part.cursor })
    assert.deepEqual([rest.total, rest.complete], [3, true])
  }).timeout(30_000)
})

describe('the way that is chosen', () => {
  closing()
  it('is the one that finds least, and both give the same', async () => {
    const { inventory, fill, store } = await opened()
    await fill({
      tokens: [
        ...many(30, () => token({ lastUse: NOW })),
        ...many(2, () => token({ lastUse: NOW - 9 * DAY })),
        token({ lastUse: NOW - 9 * DAY, exp: null }),
      ],
    })
    let read = 0
    const find = store.find.bind(store)
    store.find = async (...asking) => {
      const docs = await find(...asking)
      read += docs.length
      return docs
    }
    const filter = { owner: ada, unusedSince: NOW - 8 * DAY }
    assert.deepEqual([(await inventory.count(filter)).total, read], [3, 3])
    assert.equal((await inventory.count({ unusedSince: NOW - 8 * DAY, expiresBefore: NOW + 99 * DAY })).total, 2)
    assert.equal((await inventory.count({ unusedSince: NOW - 8 * DAY, noExpiry: true })).total, 1)
  })
})

describe('expired tokens', () => {
  closing()
  it('are marked an hour after their end and are no longer looked past', async () => {
    const { inventory, fill, clock, store } = await opened()
    await fill({
      tokens: [...many(5, () => token({ exp: NOW - DAY })), token({ exp: NOW - 1800 }), token({ exp: null }), token()],
    })
    assert.equal(await inventory.markExpired({ limit: 2 }), 2)
    assert.equal(await inventory.markExpired(), 3)
    assert.equal(await inventory.markExpired(), 0)
    assert.equal((await inventory.count({ kind: ['api-token'] })).total, 2)
    clock.seconds += 1801
    assert.equal(await inventory.markExpired(), 1)
    const states = (await store.scan(apiTokens.name, { limit: 20 })).map(({ state, revokedAt }) => [state, revokedAt])
    assert.equal(states.filter(([state, at]) => state === 'expired' && at === null).length, 6)
  })
})

describe('saved queries', () => {
  closing()
  it('keep a filter under a name as it was written, sealed, with an event for each change', async () => {
    const { inventory, noted, store } = await opened()
    const { queries } = inventory
    const filter = { unusedSince: '90d', owner: ada }
    await queries.save({ name: 'Dormant of Ada', filter, by: 'operator' })
    await assert.rejects(queries.save({ name: 'Dormant of Ada', filter: {}, by: 'x' }), isRefused('query_exists'))
    await assert.rejects(queries.save({ name: '', filter, by: 'x' }), isRefused('bad_name'))
    assert.deepEqual((await queries.show('Dormant of Ada')).filter, filter)
    assert.deepEqual(
      (await queries.list()).map(({ name }) => name),
      ['Dormant of Ada'],
    )
    const [doc] = await store.scan('inventory-queries', { limit: 5 })
    // Words that ids, which are chance, don't spell.
    const words = /Dormant|unused|account.ada/i
    assert.doesNotMatch(JSON.stringify({ ...doc, body: Buffer.from(doc?.body ?? []).toString('latin1') }), words)
    await queries.remove('Dormant of Ada', 'operator')
    await assert.rejects(queries.show('Dormant of Ada'), isRefused('query_unknown'))
    await queries.save({ name: 'Dormant of Ada', filter: {}, by: 'x' })
    assert.deepEqual(
      noted.map(({ type }) => type),
      ['inventory.query_saved', 'inventory.query_removed', 'inventory.query_saved'],
    )
  })
})
