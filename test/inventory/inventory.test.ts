/** The inventory's guarantees beyond its filters: cursors, caps that are told, saved queries, bulk revocation, right-sizing. */

import assert from 'node:assert/strict'
import { apiTokens } from '../../src/api-tokens/index.ts'
import { Refusal } from '../../src/base/index.ts'
import { keySource, type RevokeOne, secretSource } from '../../src/inventory/index.ts'
import type { InventorySource } from '../../src/inventory/source.ts'
import { type Artefact, NOW, openRoom, type Room, type Token } from './population.ts'

const DAY = 24 * 3600
const ada = { type: 'account', id: 'ada' } as const
const token = (more: Partial<Token> = {}): Token => ({
  owner: ada,
  scopes: ['read'],
  state: 'active',
  iat: NOW - 5 * DAY,
  exp: NOW + 9 * DAY,
  lastUse: NOW - DAY,
  overlapUntil: null,
  networks: true,
  endsWithOverlap: true,
  ...more,
})
const family = (more: Partial<Artefact> = {}): Artefact => ({
  kind: 'Family',
  account: 'ada',
  scopes: ['read'],
  state: 'live',
  exp: NOW + 9 * DAY,
  idleUntil: NOW + DAY,
  lastUse: NOW - DAY,
  bound: false,
  ...more,
})
const many = <T>(n: number, make: (at: number) => T): readonly T[] => Array.from({ length: n }, (_, at) => make(at))

const isRefused = (code: string) => (cause: unknown) => cause instanceof Refusal && cause.code === code

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
      usersOf: async (_one, since) => {
        asked.push(since)
        return [{ network: '192.0.2.0/24', agent: 'curl', route: '/reports', lastSeenAt: NOW }]
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
    assert.doesNotMatch(JSON.stringify({ ...doc, body: Buffer.from(doc?.body ?? []).toString('latin1') }), /Ada|ada/)
    await queries.remove('Dormant of Ada', 'operator')
    await assert.rejects(queries.show('Dormant of Ada'), isRefused('query_unknown'))
    await queries.save({ name: 'Dormant of Ada', filter: {}, by: 'x' })
    assert.deepEqual(
      noted.map(({ type }) => type),
      ['inventory.query_saved', 'inventory.query_removed', 'inventory.query_saved'],
    )
  })
})

const by = { by: 'operator', why: 'left the company' }

describe('bulk revocation', () => {
  closing()
  it('plans without changing anything, asks for a code above the threshold, and tells each credential once', async () => {
    const { inventory, fill, noted } = await opened()
    await fill({ tokens: many(40, () => token()), artefacts: [family(), family({ kind: 'Grant' })] })
    const filter = { owner: ada }
    const plan = await inventory.plan(filter)
    assert.deepEqual(
      [plan.total, plan.byKind, plan.leftAlone, plan.needsCode, plan.codeUntil],
      [41, { 'api-token': 40, family: 1, session: 0 }, 1, true, NOW + 600],
    )
    assert.equal((await inventory.count(filter)).total, 42, 'nothing has changed')
    await assert.rejects(inventory.revoke(filter, by), isRefused('confirmation_needed'))
    const done = await inventory.revoke(filter, { ...by, code: plan.code })
    assert.deepEqual([done.revoked, done.byKind, done.failed], [41, { 'api-token': 40, family: 1 }, []])
    assert.deepEqual(new Set(noted.map(({ data }) => data.id)).size, 41)
    assert.equal(noted.length, 41)
    assert.deepEqual((await inventory.count(filter)).byKind, { 'api-token': 0, family: 0, grant: 1, session: 0 })
    const again = await inventory.revoke(filter, { ...by, code: plan.code })
    assert.deepEqual([again.revoked, noted.length], [0, 41], 'a repeat changes nothing more')
  })

  it('takes no code of another filter, number or key, none that is old, and none for more than was seen', async () => {
    const { inventory, fill, clock } = await opened()
    await fill({ tokens: many(30, () => token()) })
    const { code } = await inventory.plan({ owner: ada })
    const [at, count, mac] = code.split('.')
    for (const [filter, bad] of [
      [{ scope: 'read' }, code],
      [{ owner: ada }, `${at}.99.${mac}`],
      [{ owner: ada }, `${Number(at) + 1}.${count}.${mac}`],
      [{ owner: ada }, `${code}A`],
      [{ owner: ada }, ''],
    ] as const)
      await assert.rejects(inventory.revoke(filter, { ...by, code: bad }), isRefused('confirmation_wrong'), bad)
    await fill({ tokens: [token()] })
    await assert.rejects(inventory.revoke({ owner: ada }, { ...by, code }), isRefused('inventory_grew'))
    const { code: fresh } = await inventory.plan({ owner: ada })
    clock.seconds += 601
    await assert.rejects(inventory.revoke({ owner: ada }, { ...by, code: fresh }), isRefused('confirmation_wrong'))
    await assert.rejects(inventory.plan({}), isRefused('too_wide'))
  })
})

describe('a bulk revocation', () => {
  closing()
  it('cut off in the middle is completed by asking again, with no credential ended twice', async () => {
    let left = 17
    const ended: string[] = []
    const dying: RevokeOne = async (one) => {
      if (left-- === 0) throw new Error('the process was killed here')
      await room.inventory.list({}, { limit: 1 })
      ended.push(one.id)
      const unit = room.unit()
      unit.revoke({ collection: apiTokens.name, target: { id: one.id.slice(4) }, at: NOW })
      await room.commit(unit)
    }
    const { inventory, fill } = await opened({ verbs: { 'api-token': dying } })
    await fill({ tokens: many(60, () => token()) })
    const { code } = await inventory.plan({ owner: ada })
    await assert.rejects(inventory.revoke({ owner: ada }, { ...by, code }), /killed/)
    assert.equal((await inventory.count({ owner: ada })).total, 43)
    assert.equal((await inventory.revoke({ owner: ada }, { ...by, code })).revoked, 43)
    assert.deepEqual([ended.length, new Set(ended).size], [60, 60])
  })

  it('goes past what refuses, and tells it', async () => {
    const refusing: RevokeOne = async () => {
      throw new Refusal({ code: 'token_busy', status: 409, message: 'busy' })
    }
    const { inventory, fill } = await opened({ verbs: { 'api-token': refusing } })
    await fill({ tokens: many(3, () => token()), artefacts: [family()] })
    const done = await inventory.revoke({ owner: ada }, by)
    assert.deepEqual([done.revoked, done.failed.map(({ why }) => why)], [0, many(3, () => 'token_busy')])
    const alone = await inventory.revoke({ kind: ['family'] }, by)
    assert.equal(alone.revoked, 0, 'a kind without a verb is left alone')
  })
})

describe('scope right-sizing', () => {
  closing()
  it('says what was granted and not used, and narrows in one call', async () => {
    const narrowed: unknown[] = []
    const { inventory } = await opened({
      tokens: {
        granted: async (id) => ({
          scopes: id === 'tok_young' ? ['read'] : ['read', 'write', 'admin'],
          since: NOW - 40 * DAY,
        }),
        used: async (id, since) => (id === 'tok_idle' || since > NOW - 30 * DAY ? [] : ['read', 'gone']),
        narrow: async (id, input) => void narrowed.push([id, input.scopes]),
      },
    })
    const found = await inventory.grantedButUnused('tok_a', { days: 30 })
    assert.deepEqual([found.used, found.unused, found.observed], [['read'], ['write', 'admin'], true])
    assert.equal((await inventory.grantedButUnused('tok_a', { days: 90 })).observed, false)
    await inventory.narrowToUsed('tok_a', { days: 30, by: 'operator' })
    await inventory.narrowToUsed('tok_young', { days: 30, by: 'operator' })
    assert.deepEqual(narrowed, [['tok_a', ['read']]], 'what is used whole is left as it is')
    await assert.rejects(inventory.narrowToUsed('tok_idle', { days: 30, by: 'x' }), isRefused('nothing_left'))
  })
})

describe('client secrets and signing keys', () => {
  closing()
  const client = {
    clientId: 'reports',
    metadata: { client_name: 'Reports', scope: 'read' },
    secrets: [],
    introspect: [],
  }
  const record = { ...client, reliesOnNonce: false, fapi: false, label: undefined, demo: false, disabled: false }
  const secrets = secretSource({
    list: async () => [
      { ...record, source: 'store', createdAt: NOW },
      { ...record, clientId: 'off', disabled: true, source: 'store', createdAt: NOW },
    ],
    async show(clientId) {
      if (clientId !== 'reports') throw new Error('unknown')
      return { ...record, source: 'store', createdAt: NOW }
    },
    secretsOf: async () => [
      { id: 'old', createdAt: NOW - 9 * DAY, until: NOW + DAY, lastUsedAt: undefined },
      { id: 'new', createdAt: NOW - DAY, until: null, lastUsedAt: NOW },
    ],
  })
  const keys = keySource({
    list: async () => [
      {
        kid: 'k1',
        algorithm: 'ES256',
        state: 'current',
        signer: 'software',
        made_at: new Date(NOW * 1000).toISOString(),
        signs_since: undefined,
        stopped_at: undefined,
        retired_at: undefined,
        destroyed_at: undefined,
        why: 'made at start',
        signatures: 1,
        last_signed_at: undefined,
        signed_until: undefined,
        next_step: 'stops signing about 2027-02-14T08:00:00.000Z',
      },
    ],
  })
  const sources: readonly InventorySource[] = [secrets, keys]

  it('are listed, filtered and counted with the rest', async () => {
    const { inventory } = await opened({ sources })
    const ids = async (filter: Parameters<typeof inventory.list>[0]) =>
      (await inventory.list(filter, { limit: 9 })).items.map(({ id }) => id)
    assert.deepEqual(await ids({}), ['sec_reports.new', 'sec_reports.old', 'key_k1'])
    assert.deepEqual(await ids({ owner: { type: 'service', id: 'reports' } }), ['sec_reports.new', 'sec_reports.old'])
    assert.deepEqual(await ids({ owner: { type: 'service', id: 'nobody' } }), [])
    assert.deepEqual(await ids({ owner: ada }), [])
    assert.deepEqual(await ids({ noExpiry: true }), ['sec_reports.new', 'key_k1'])
    assert.deepEqual(await ids({ expiresBefore: '2d' }), ['sec_reports.old'])
    assert.deepEqual(await ids({ unusedSince: '1d' }), ['sec_reports.old'])
    assert.equal((await inventory.count({ unbound: true })).total, 2)
    const first = await inventory.list({}, { limit: 1 })
    const second = await inventory.list({}, { limit: 1, cursor: first.cursor })
    assert.equal(second.items[0]?.id, 'sec_reports.old')
    const [key] = (await inventory.list({ kind: ['signing-key'] }, { limit: 9 })).items
    assert.match(key?.next?.why ?? '', /stops signing/)
  })
})
