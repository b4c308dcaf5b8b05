/** The REST face as its callers see it: the life of a token, retries, pages, bulk ends, and what nobody can climb to. */

import assert from 'node:assert/strict'
import { type Answered, openRest, type RestWorld } from '../support/rest.ts'
import { STORES } from '../support/world.ts'

const ORDER = {
  name: 'nightly',
  kind: 'service',
  owner: 'service:reports',
  apis: ['urn:example:reports'],
  scopes: ['read'],
}
const text = ({ body }: Answered, name: string): string => String(body[name])
const items = ({ body }: Answered): readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(body.items) ? body.items : []

for (const kind of STORES)
  describe(`/api/v1 on ${kind}`, () => {
    let world: RestWorld
    let root: string
    before(async () => {
      world = await openRest(kind)
      root = world.bearer({
        account: 'root',
        scopes: ['tokens:read', 'tokens:write', 'tokens:approve', 'inventory:read', 'inventory:write'],
      })
    })
    after(async () => {
      await world.close()
      assert.deepEqual(world.failures, [])
    })

    it('walks a token through its life, and shows its text once', async () => {
      const made = await world.call('POST', '/tokens', { as: root, body: ORDER })
      assert.equal(made.status, 201)
      assert.match(text(made, 'token'), /^mm_svc_/)
      assert.deepEqual(
        [made.body.owner, made.body.state, made.body.created_by],
        ['service:reports', 'active', 'account root'],
      )
      const at = `/tokens/${text(made, 'id')}`
      const state = async () => (await world.call('GET', at, { as: root })).body.state
      assert.equal('token' in (await world.call('GET', at, { as: root })).body, false)
      assert.equal(
        (await world.call('POST', `${at}/quarantine`, { as: root, body: { why: 'odd' } })).body.state,
        'quarantined',
      )
      assert.equal((await world.call('POST', `${at}/rotate`, { as: root, body: {} })).status, 409)
      assert.equal((await world.call('POST', `${at}/release`, { as: root })).body.state, 'active')
      assert.deepEqual((await world.call('POST', `${at}/narrow`, { as: root, body: { scopes: [] } })).body.scopes, [])
      const next = await world.call('POST', `${at}/rotate`, { as: root, body: { overlap: '1h' } })
      assert.deepEqual([next.status, next.body.line, await state()], [201, made.body.line, 'rotating'])
      world.clock.forward(3601)
      assert.equal(await state(), 'rotated')
      assert.equal(
        (await world.call('POST', `${at}/revoke`, { as: root, body: { why: 'done' } })).body.state,
        'revoked',
      )
    })

    it('waits for a second person, who is a person', async () => {
      const made = await world.call('POST', '/tokens', { as: root, body: { ...ORDER, scopes: ['sensitive'] } })
      assert.equal(made.body.state, 'pending')
      const approve = (as: string) => world.call('POST', `/tokens/${text(made, 'id')}/approve`, { as })
      assert.equal((await approve(root)).status, 403)
      const own = await world.make({ type: 'account', id: 'root' }, ['tokens:approve'])
      assert.equal((await approve(own.text)).status, 403, 'a token of the first person is the first person')
      assert.equal(
        (await approve(world.bearer({ account: 'second', scopes: ['tokens:approve'] }))).body.state,
        'active',
      )
    })

    it('answers a retry of every POST as it answered first, and changes nothing more', async () => {
      const pending = await world.call('POST', '/tokens', { as: root, body: { ...ORDER, scopes: ['sensitive'] } })
      const second = world.bearer({ account: 'second', scopes: ['tokens:approve'] })
      const { id } = await world.make({ type: 'service', id: 'reports' }, ['read', 'write'])
      const calls: readonly (readonly [path: string, as: string, body: object])[] = [
        ['/tokens', root, ORDER],
        ['/tokens/import', root, { ...ORDER, sha256: 'ab'.repeat(32) }],
        [`/tokens/${text(pending, 'id')}/approve`, second, {}],
        [`/tokens/${id}/narrow`, root, { scopes: ['read'] }],
        [`/tokens/${id}/quarantine`, root, {}],
        [`/tokens/${id}/release`, root, {}],
        [`/tokens/${id}/rotate`, root, {}],
        [`/tokens/${id}/revoke`, root, {}],
        ['/inventory/revoke', root, { filter: { kind: ['session'] }, dry_run: true }],
      ]
      for (const [n, [path, as, body]] of calls.entries()) {
        const ask = (more = body) => world.call('POST', path, { as, key: `retry-${kind}-${n}`, body: more })
        const first = await ask()
        assert.ok(first.status < 300, `${path}: ${first.status} ${text(first, 'code')}`)
        const before = JSON.stringify(await world.store.scan('api-tokens', { limit: 1000 }))
        const again = await ask()
        assert.deepEqual([again.status, again.body], [first.status, first.body], path)
        assert.deepEqual(
          [first.headers.get('idempotency-replayed'), again.headers.get('idempotency-replayed')],
          [null, 'true'],
        )
        assert.equal(JSON.stringify(await world.store.scan('api-tokens', { limit: 1000 })), before, path)
        const other = await ask({ ...body, why: 'another', name: 'another' })
        assert.ok(other.status === 422 || other.status === 400, `${path}: ${other.status}`)
        assert.equal((await world.call('POST', path, { as, body, key: null })).body.code, 'idempotency_key_missing')
      }
    })

    it('pages with cursors that are for one caller and one query', async () => {
      for (let n = 0; n < 5; n++) await world.make({ type: 'account', id: 'paul' }, ['read'])
      const paul = world.bearer({ account: 'paul', scopes: ['tokens:self'] })
      const seen: unknown[] = []
      let cursor = ''
      for (let pages = 0; pages < 3; pages++) {
        const page = await world.call('GET', `/tokens?limit=2${cursor && `&cursor=${cursor}`}`, { as: paul })
        seen.push(...items(page).map(({ id }) => id))
        if (page.body.next_cursor === null) break
        cursor = text(page, 'next_cursor')
      }
      assert.deepEqual([seen.length, new Set(seen).size], [5, 5])
      const tries = [
        world.call('GET', `/tokens?owner=account:paul&cursor=${cursor}`, { as: root }),
        world.call('GET', `/inventory?cursor=${cursor}`, { as: root }),
        world.call('GET', `/tokens?cursor=${cursor.slice(0, -2)}AA`, { as: paul }),
        world.call('GET', '/tokens?cursor=tok_abc', { as: paul }),
        world.call('GET', '/tokens?cursor=xyz.AAAA', { as: paul }),
      ]
      for (const { status, body } of await Promise.all(tries))
        assert.deepEqual([status, body.code], [400, 'bad_cursor'])
    })

    it('lets nobody climb: not to scopes of the API that he lacks, not past his own token', async () => {
      const writer = world.bearer({ account: 'w', scopes: ['tokens:write'] })
      const climb = (apis: readonly string[]) =>
        world.call('POST', '/tokens', { as: writer, body: { ...ORDER, apis, scopes: ['tokens:approve'] } })
      for (const apis of [[], ['urn:mintmark:api'], ['urn:other', 'urn:mintmark:api']])
        assert.equal((await climb(apis)).body.code, 'scope_not_held')
      assert.equal((await climb(['urn:other'])).status, 201, 'of another API the word means something else')
      const approver = await world.make({ type: 'service', id: 'reports' }, ['tokens:approve'])
      assert.equal(
        (await world.call('POST', `/tokens/${approver.id}/rotate`, { as: writer })).body.code,
        'scope_not_held',
      )
      const own = await world.make({ type: 'account', id: 'carol' }, ['tokens:self', 'read'])
      const wider = await world.make({ type: 'account', id: 'carol' }, ['read', 'write'])
      assert.equal((await world.call('POST', `/tokens/${wider.id}/rotate`, { as: own.text })).body.code, 'child_only')
      const child = await world.call('POST', '/tokens', {
        as: own.text,
        body: { name: 'child', kind: 'personal', scopes: ['read'] },
      })
      assert.deepEqual([child.status, child.body.owner], [201, 'account:carol'])
      assert.equal((child.body.parent as { readonly id: string }).id, own.id)
      const other = { name: 'child', kind: 'personal', scopes: ['read'], parent: wider.id }
      assert.equal((await world.call('POST', '/tokens', { as: own.text, body: other })).body.code, 'child_only')
      assert.equal((await world.call('POST', `/tokens/${own.id}/rotate`, { as: own.text })).status, 201)
    })

    it('tells a caller with an API token how long it has, and no other', async () => {
      const own = await world.make({ type: 'account', id: 'dave' }, ['tokens:self'])
      const left = (await world.call('GET', '/tokens', { as: own.text })).headers.get('token-expires-in')
      assert.ok(Number(left) > 29 * 86_400 && Number(left) <= 30 * 86_400, String(left))
      assert.equal((await world.call('GET', '/tokens', { as: root })).headers.get('token-expires-in'), null)
    })

    it('ends many only with the code of a dry run', async () => {
      const filter = { kind: ['session'] }
      const revoke = (body: object) => world.call('POST', '/inventory/revoke', { as: root, body })
      assert.equal((await revoke({ filter })).body.code, 'confirmation_needed')
      const dry = await revoke({ filter, dry_run: true })
      assert.deepEqual([dry.body.count, dry.body.dry_run, dry.body.needs_confirm], [15, true, true])
      const confirm = text(dry, 'confirm')
      assert.equal((await revoke({ filter: { kind: ['api-token'] }, confirm })).body.code, 'confirmation_wrong')
      assert.deepEqual((await revoke({ filter, confirm, why: 'leak' })).body, {
        dry_run: false,
        count: 15,
        left: 0,
        left_alone: 1,
        left_alone_by_kind: { 'client-secret': 1 },
        failed: [],
      })
      assert.equal((await revoke({ filter })).body.count, 0, 'few need none')
    })

    it('filters, counts, shows users, and keeps queries', async () => {
      const body = { filter: { owner: 'account:alice', unused_since: '90d' } }
      const save = (other: object = body) => world.call('PUT', '/inventory/queries/alices', { as: root, body: other })
      const saved = await save()
      assert.deepEqual([saved.status, saved.body], [200, { name: 'alices', ...body }])
      assert.equal((await save()).status, 200, 'a repeat is no conflict')
      assert.equal((await save({ filter: {} })).body.code, 'query_exists')
      assert.deepEqual(items(await world.call('GET', '/inventory/queries', { as: root })), [saved.body])
      const page = await world.call('GET', '/inventory?query=alices&kind=api-token&count=true&users=true&limit=2', {
        as: root,
      })
      assert.deepEqual([page.body.count, items(page).length], [{ total: 5, complete: true }, 2])
      assert.deepEqual(items(page)[0]?.users, [
        { network: '10.0.0.0/24', agent: null, route: null, outcome: 'VALID', last_seen_at: 5 },
      ])
      const cursor = text(page, 'next_cursor')
      const rest = (more: string) =>
        world.call('GET', `/inventory?query=alices&kind=api-token&cursor=${cursor}${more}`, { as: root })
      assert.equal(items(await rest('&users=true')).length, 3)
      assert.equal((await rest('')).body.code, 'bad_cursor', 'another question')
      assert.equal((await world.call('GET', '/inventory?query=none', { as: root })).body.code, 'query_unknown')
      assert.equal((await world.call('DELETE', '/inventory/queries/alices', { as: root })).status, 204)
      assert.equal((await world.call('DELETE', '/inventory/queries/alices', { as: root })).status, 404)
    })

    it('shapes refusals as problems, with what RFC 6750 wants beside them', async () => {
      const missing = await world.call('GET', '/tokens')
      assert.deepEqual(
        [
          missing.status,
          missing.headers.get('content-type'),
          missing.headers.get('www-authenticate'),
          missing.headers.get('cache-control'),
        ],
        [401, 'application/problem+json', 'Bearer realm="urn:mintmark:api"', 'no-store'],
      )
      assert.equal(missing.body.type, 'https://issuer.example/docs/problems/token_missing')
      const page = await world.page('/docs/problems/token_missing')
      assert.deepEqual([page.status, page.headers.get('content-type')], [200, 'text/plain; charset=utf-8'])
      assert.match(await page.text(), /^token_missing\n\nThe API: status 401\.\n.*\n\nWhat to do: /)
      assert.equal((await world.page('/docs/problems/constructor')).status, 404)
      assert.deepEqual(Object.keys(missing.body).sort(), ['code', 'request_id', 'status', 'title', 'type'])
      const poor = await world.call('GET', '/inventory', {
        as: world.bearer({ account: 'a', scopes: ['tokens:read'] }),
      })
      assert.match(poor.headers.get('www-authenticate') ?? '', /error="insufficient_scope", scope="inventory:read"/)
      const method = await world.call('DELETE', '/tokens', { as: root })
      assert.deepEqual([method.status, method.headers.get('allow')], [405, 'POST, GET'])
      assert.equal((await world.call('GET', '/nothing', { as: root })).body.code, 'no_such_route')
      const bare = await openRest(kind, { consumers: undefined, inventory: undefined })
      const all = bare.bearer({ account: 'a', scopes: ['inventory:read'] })
      assert.equal((await bare.call('GET', '/inventory', { as: all })).status, 501)
      await bare.close()
    })
  })
