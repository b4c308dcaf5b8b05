/** The configuration's clients in the store: what a list changes, what it leaves alone, what it can't have. */

import assert from 'node:assert/strict'
import type { Store } from '../../adapters/store.ts'
import { MANAGEMENT_API } from '../../src/admin/index.ts'
import { systemRandom, Unit } from '../../src/base/index.ts'
import { createClients } from '../../src/clients/index.ts'
import { type ConfigurationInput, parseConfiguration } from '../../src/config/index.ts'
import { sealEvents } from '../../src/seal/index.ts'
import { post } from '../support/browser.ts'
import { clientOrder, openWorld, STORES, type World } from '../support/world.ts'

type Given = NonNullable<ConfigurationInput['clients']>
const SECRET = 'a secret of the file, with any words'
const one = (more: object = {}): Given[number] => ({
  client_id: 'one',
  client_secret: SECRET,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  ...more,
})
const two = (more: object = {}): Given[number] => ({ ...one(), client_id: 'two', ...more })
const parsed = (clients: Given) => parseConfiguration({ clients }).clients

/** The room once more over the same store, as another node has it. `store` may be wrapped. */
function nodeOf({ app: { seal }, clock, store }: World, wrapped: Store = store) {
  let n = 0
  const unit = () => new Unit({ store: wrapped, cid: `other ${n++} ${Math.random()}`, request: 'other' })
  const commit = async (staged: Unit) => {
    const actor = { request: 'other', network: 'local' }
    await wrapped.commit(staged.writes('all', sealEvents(seal, staged, { clock, actor, tenant: 'default' })))
  }
  const deps = { store: wrapped, seal, clock, random: systemRandom, configuration: { apis: [] }, demoUsable: true }
  return createClients({ ...deps, unit, commit })
}

/** What happened to clients, sorted: commits of different clients have no order among them. */
async function told(world: World): Promise<readonly string[]> {
  await world.app.relay.drain()
  const types = ['client.created', 'client.updated', 'client.disabled', 'client.enabled'] as const
  const all: string[] = []
  for (const type of types)
    for (const event of await world.app.eventLog.latest({ type, last: 1000 }))
      if ('client_id' in event) all.push(`${type} ${event.client_id}`)
  return all.sort()
}

async function tokenStatus(world: World, id: string, secret = SECRET): Promise<number> {
  return (await post(world, '/token', { grant_type: 'client_credentials' }, [id, secret])).status
}

const nothing = { added: [], changed: [], unchanged: 0, removed: [] }

for (const kind of STORES) {
  describe(`clients that the configuration declares, on ${kind}`, () => {
    let world: World
    beforeEach(async () => {
      world = await openWorld(kind, { clients: [one()] })
      world.keepSecret(SECRET)
    })
    afterEach(() => world.close())

    it('stand in the store once, and one that is as it was is not written', async () => {
      const { clients } = world.app
      assert.equal(await tokenStatus(world, 'one'), 200)
      assert.deepEqual(await clients.declare(parsed([one()])), { ...nothing, unchanged: 1 })
      const refusing = nodeOf(world, { ...world.store, commit: () => Promise.reject(new Error('written')) })
      assert.deepEqual(await refusing.declare(parsed([one({ label: undefined })])), { ...nothing, unchanged: 1 })
      assert.equal((await nodeOf(world).find('one'))?.source, 'configuration')
      assert.deepEqual(await told(world), ['client.created one'])
    })

    it('are changed by a changed declaration, and keep the last use of a secret that stayed', async () => {
      const { clients } = world.app
      assert.equal(await tokenStatus(world, 'one'), 200)
      await clients.flushSecretUses()
      const usedAt = async () => (await clients.secretsOf(await clients.show('one')))[0]?.lastUsedAt
      const before = await usedAt()
      assert.ok(before)
      assert.deepEqual(await clients.declare(parsed([one({ label: 'batch' }), two()])), {
        ...nothing,
        added: ['two'],
        changed: ['one'],
      })
      assert.deepEqual([(await clients.find('one'))?.label, await usedAt()], ['batch', before])
      assert.deepEqual(await clients.declare(parsed([one({ client_secret: 'another one', label: 'batch' }), two()])), {
        ...nothing,
        changed: ['one'],
        unchanged: 1,
      })
      assert.equal(await usedAt(), undefined, 'a secret of its own')
      assert.deepEqual([await tokenStatus(world, 'one'), await tokenStatus(world, 'one', 'another one')], [401, 200])
      assert.deepEqual(await told(world), [
        'client.created one',
        'client.created two',
        'client.updated one',
        'client.updated one',
      ])
    })

    it('are disabled when the list has them no more, work again when it has, and can be removed meanwhile', async () => {
      const { clients } = world.app
      await clients.declare(parsed([one(), two()]))
      await clients.create(clientOrder({ id: 'stored', grants: ['client_credentials'] }))
      assert.deepEqual(await clients.declare([]), { ...nothing, removed: ['one', 'two'] })
      assert.deepEqual(await clients.declare([]), nothing, 'said once')
      assert.equal(await tokenStatus(world, 'one'), 401)
      assert.equal((await clients.find('stored'))?.disabled, false, "the store's own are left alone")
      await assert.rejects(clients.enable('one'), /configuration has this client no more/)
      await assert.rejects(clients.rotateSecret('one', { overlapSeconds: 0 }), /configuration has this client no more/)
      assert.deepEqual(await clients.declare(parsed([one({ label: 'back' })])), { ...nothing, changed: ['one'] })
      assert.equal(await tokenStatus(world, 'one'), 200)
      await clients.remove('two')
      await assert.rejects(clients.declare(parsed([one(), two()])), {
        name: 'BadConfiguration',
        message: /two: a client with this id was removed/,
      })
      assert.equal((await clients.find('one'))?.label, 'back', 'nothing of a refused list is written')
      assert.deepEqual(await told(world), [
        'client.created one',
        'client.created stored',
        'client.created two',
        'client.disabled one',
        'client.disabled two',
        'client.enabled one',
        'client.updated one',
      ])
    })

    it("do not take over another's id, and are refused whole", async () => {
      const { clients } = world.app
      await clients.create(clientOrder({ id: 'two', grants: ['client_credentials'] }))
      await assert.rejects(clients.declare(parsed([one({ label: 'x' }), two()])), {
        name: 'BadConfiguration',
        message: /^clients: two: the store has a client with this id/,
      })
      assert.deepEqual([(await clients.find('one'))?.label, (await clients.find('two'))?.source], [undefined, 'store'])
      assert.deepEqual(await clients.list().then((all) => all.map(({ clientId }) => clientId)), ['one', 'two'])
      await assert.rejects(clients.declare(parsed([one({ big: 1n })])), /clients: one: .*JSON/)
    })

    it('are changed nowhere else', async () => {
      const { clients } = world.app
      for (const change of [
        () => clients.rotateSecret('one', { overlapSeconds: 0 }),
        () => clients.endOldSecret('one'),
        () => clients.set('one', { label: 'x' }),
        () => clients.disable('one'),
        () => clients.enable('one'),
        () => clients.remove('one'),
      ])
        await assert.rejects(change(), /declared in the configuration/)
    })

    it('declared by eight nodes at once are declared once', async () => {
      const list = parsed([one({ label: 'new' }), two(), two({ client_id: 'three' })])
      const came = await Promise.all(Array.from({ length: 8 }, () => nodeOf(world).declare(list)))
      assert.deepEqual(came.flatMap(({ added }) => added).sort(), ['three', 'two'])
      assert.deepEqual(
        came.flatMap(({ changed }) => changed),
        ['one'],
      )
      assert.deepEqual(await told(world), [
        'client.created one',
        'client.created three',
        'client.created two',
        'client.updated one',
      ])
      const gone = await Promise.all(Array.from({ length: 8 }, () => nodeOf(world).declare([])))
      assert.deepEqual(gone.flatMap(({ removed }) => removed).sort(), ['one', 'three', 'two'])
    })
  })

  describe(`APIs that the configuration declares, on ${kind}`, () => {
    it('are replaced all at once, and come before the ones of the store', async () => {
      const world = await openWorld(kind, { apis: [{ id: 'urn:a', scopes: ['read'] }] })
      try {
        const { clients } = world.app
        const { apis } = parseConfiguration({ apis: [{ id: 'urn:b', name: 'B' }, { id: 'urn:c' }] })
        await clients.createApi({ id: 'urn:b', scopes: [], accessToken: 'jwt', algorithm: 'ES256' })
        clients.declareApis(apis)
        assert.equal(await clients.api('urn:a'), undefined)
        assert.equal((await clients.api('urn:b'))?.name, 'B')
        assert.deepEqual(
          (await clients.apis()).filter(({ id }) => id !== MANAGEMENT_API).map(({ id, source }) => [id, source]),
          [
            ['urn:b', 'configuration'],
            ['urn:c', 'configuration'],
          ],
        )
        await assert.rejects(clients.removeApi('urn:c'), /declared in the configuration/)
        clients.declareApis([])
        assert.deepEqual(
          (await clients.apis()).filter(({ id }) => id !== MANAGEMENT_API).map(({ id, source }) => [id, source]),
          [['urn:b', 'store']],
        )
      } finally {
        await world.close()
      }
    })
  })
}
