/** The ring: hash-key versions that overlap, one look-up whatever the version, and a node that lost sight of it. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Store } from '../../adapters/store.ts'
import { collections } from '../../src/app.ts'
import { bound, systemRandom as random } from '../../src/base/index.ts'
import { createSeal, fixedMasters, SealStale, sealKeys } from '../../src/seal/index.ts'
import { advanced, currentOf, dueVersion, firstRing, introduced, nextNumber, type Ring } from '../../src/seal/ring.ts'
import { tokenVersion } from '../../src/seal/token.ts'
import { MemoryStore } from '../adapters/memory-store.ts'
import { Browser, codeFor, isActive, post, redeem, refresh, text } from '../support/browser.ts'
import { furnish, HandClock, masterOf, openWorld, STORES, type World } from '../support/world.ts'

const DAY = 24 * 3600
const masters = fixedMasters(masterOf(1))
const columns = bound({ tenant: 't', kind: 'k', id: 'i' })

/** A seal whose sense of passing time is moved by hand, over a store whose ring can be hidden. */
async function open(store: Store, clock = new HandClock()) {
  const at = { now: 0, isAway: false }
  const seen: Store = new Proxy(store, {
    get(target, name) {
      const inner: unknown = Reflect.get(target, name)
      if (typeof inner !== 'function') return inner
      return async (...given: readonly unknown[]) => {
        if (at.isAway) throw new Error('the store is away')
        return Reflect.apply(inner, target, given)
      }
    },
  })
  const deps = { store: seen, clock, random, masters, tokenSecondsMax: 40 * DAY }
  return { at, clock, seal: await createSeal({ ...deps, stopwatch: () => at.now }) }
}

/** Turns the versions of tokens and secrets once. */
async function turned({ seal, clock }: Pick<Awaited<ReturnType<typeof open>>, 'seal' | 'clock'>): Promise<void> {
  await seal.introduce('token')
  await seal.introduce('credential')
  clock.forward(11)
  await seal.refresh()
}

describe('the rules of the ring', () => {
  const step = fc.record({ forward: fc.nat(20 * DAY), turns: fc.boolean() })

  it('keep one current version at any time, introduce before they use, and never read less than may live', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        let now = 1_700_000_000
        let ring: Ring = firstRing(now, 90 * DAY)
        const minted = new Map<number, number>()
        for (const { forward, turns } of steps) {
          const n = turns ? nextNumber(ring.token) : dueVersion(ring.token, now, 30 * DAY)
          if (n) ring = introduced(ring, 'token', n, now) ?? ring
          const early = advanced(ring, now + 9)
          assert.ok(!early || early.token.every((v) => v.n !== n || v.state === 'next'), 'not before all know it')
          now += forward
          ring = advanced(ring, now) ?? ring
          assert.equal(ring.token.filter(({ state }) => state === 'current').length, 1)
          assert.ok(ring.token.filter(({ state }) => state === 'next').length <= 1)
          minted.set(currentOf(ring.token).n, now)
          const read = ring.token.filter(({ state }) => state !== 'erased').map((v) => v.n)
          for (const [v, at] of minted)
            if (v === 1 || at + 90 * DAY > now) assert.ok(read.includes(v), `version ${v} is read`)
          assert.equal(new Set(read.map(tokenVersion)).size, read.length, 'no letter names two')
        }
      }),
    )
  })
})

describe('versions of the hash keys', () => {
  it('name themselves in tokens and secrets, and the old ones are read on', async () => {
    const node = await open(new MemoryStore(collections))
    const { seal } = node
    const [token, secret] = [seal.mint('at'), seal.mintCredential('cs')]
    assert.match(token, /^mm_at_1/)
    assert.match(secret, /^mm_cs_01/)
    const place = { tenant: 't', kind: 'k', text: secret }
    const [id, kept] = [seal.hash('token', 't', 'k', token), seal.hash('credential', 't', 'k', secret)]
    assert.equal(id, seal.hash('lookup', 't', 'k', token), 'the first version is what was there before')
    await turned(node)
    const [after, made] = [seal.mint('at'), seal.mintCredential('cs')]
    assert.match(after, /^mm_at_2/)
    assert.match(made, /^mm_cs_02/)
    assert.deepEqual([seal.hkOf(token), seal.hkOf(after)], ['1', '2'])
    assert.ok(seal.read('at', token) && seal.read('at', after))
    assert.equal(seal.hash('token', 't', 'k', token), id)
    assert.notEqual(seal.hash('token', 't', 'k', after), seal.hash('lookup', 't', 'k', after))
    assert.ok(seal.matches('credential', place, kept))
    assert.ok(seal.matches('credential', { ...place, text: made }, seal.hash('credential', 't', 'k', made)))
    assert.match(seal.mint('rat'), /^mm_rat_1/, 'what never ends names the version that never ends')
  })

  it('refuse a text whose version was changed, and one that names a version that there is not', async () => {
    const node = await open(new MemoryStore(collections))
    await turned(node)
    const token = node.seal.mint('at')
    for (const letter of '013456789AZaz')
      assert.equal(node.seal.read('at', `mm_at_${letter}${token.slice(7)}`), undefined, letter)
  })

  it('are erased when nothing that names them can live, with their key', async () => {
    const store = new MemoryStore(collections)
    const node = await open(store)
    await turned(node)
    const second = node.seal.mint('at')
    await turned(node)
    node.clock.forward(39 * DAY)
    await node.seal.refresh()
    assert.ok(node.seal.read('at', second))
    assert.ok(await store.get(sealKeys.name, 'token-2'))
    node.clock.forward(2 * DAY)
    await node.seal.refresh()
    assert.equal(node.seal.read('at', second), undefined)
    assert.equal(await store.get(sealKeys.name, 'token-2'), undefined)
    assert.ok(node.seal.read('rat', node.seal.mint('rat')), 'the first one stays')
  })

  it('turn by schedule, without a word from anyone', async () => {
    const node = await open(new MemoryStore(collections))
    node.clock.forward(31 * DAY)
    await node.seal.refresh()
    assert.match(node.seal.mint('at'), /^mm_at_1/)
    node.clock.forward(11)
    await node.seal.refresh()
    assert.match(node.seal.mint('at'), /^mm_at_2/)
  })

  it('are known to another node before it is shown one', async () => {
    const store = new MemoryStore(collections)
    const [one, two] = [await open(store), await open(store)]
    await one.seal.introduce('token')
    await two.seal.poll()
    one.clock.forward(11)
    await one.seal.refresh()
    assert.ok(two.seal.read('at', one.seal.mint('at')), 'although it has not looked since')
  })
})

describe('a node that lost sight of the ring', () => {
  it('seals and mints for a minute, then refuses, and goes on when it sees it again', async () => {
    const { seal, at } = await open(new MemoryStore(collections))
    at.isAway = true
    at.now += 59_000
    await seal.fresh()
    seal.seal(columns, Buffer.from('x'))
    at.now += 2000
    await assert.rejects(seal.fresh(), SealStale)
    assert.throws(() => seal.seal(columns, Buffer.from('x')), SealStale)
    assert.throws(() => seal.sealUnder('a', 'b', Buffer.from('x')), SealStale)
    assert.throws(() => seal.mint('at'), SealStale)
    at.isAway = false
    await seal.fresh()
    seal.mint('at')
  })

  it('does not call a version forged that it may have missed', async () => {
    const store = new MemoryStore(collections)
    const [one, two] = [await open(store), await open(store)]
    two.at.isAway = true
    await turned(one)
    two.at.now += 11_000
    assert.throws(() => two.seal.read('at', one.seal.mint('at')), SealStale)
    two.at.isAway = false
    await two.seal.fresh()
    assert.ok(two.seal.read('at', one.seal.mint('at')))
  })

  it('takes no ring that is older than one it has seen, nor one that was written by someone else', async () => {
    const store = new MemoryStore(collections)
    const { seal } = await open(store)
    const before = await store.get(sealKeys.name, 'ring')
    assert.ok(before)
    await seal.introduce('token')
    const put = async (body: Uint8Array | null, dk: string) => {
      const doc = await store.get(sealKeys.name, 'ring')
      const updates = [{ collection: sealKeys.name, id: 'ring', rev: doc?.rev ?? 0, set: { body, dk } }]
      const cid = String(Math.random())
      await store.commit({
        cid,
        request: cid,
        burns: [],
        inserts: [],
        updates,
        revocations: [],
        cleanups: [],
        events: [],
      })
    }
    await put(before.body, before.dk)
    await assert.rejects(seal.poll(), /older than one that was seen/)
    const forged = Buffer.from(before.body ?? [])
    forged[20] = (forged[20] ?? 0) ^ 1
    await put(forged, before.dk)
    await assert.rejects(seal.poll())
  })
})

/** The status of a registration with an initial access token. */
async function registers(world: World, iat: string): Promise<number> {
  const answer = await fetch(new URL('/reg', world.issuer), {
    method: 'POST',
    headers: { authorization: `Bearer ${iat}`, 'content-type': 'application/json' },
    body: JSON.stringify({ redirect_uris: ['https://rp.example/cb'] }),
  })
  return answer.status
}

for (const kind of STORES) {
  describe(`a turn of the hash keys on ${kind}`, () => {
    it('keeps every token, code, secret and refresh token, each found by one read; forged ones cost none', async () => {
      const reads: string[] = []
      const world = await openWorld(kind, {}, (store) => ({
        ...store,
        async get(collection, id) {
          if (collection !== sealKeys.name) reads.push(`${collection} ${id}`)
          return store.get(collection, id)
        },
      }))
      try {
        const has = await furnish(world)
        const { app } = world
        const granted = await codeFor(world, new Browser(world))
        const device = await post(world, '/device/auth', { scope: 'openid' }, ['web', has.web])
        const service = async () =>
          text(
            await post(world, '/token', { grant_type: 'client_credentials', scope: 'look' }, ['service', has.service]),
            'access_token',
          )
        const [opaque, iat] = [await service(), (await app.oidc.initialAccessToken()).token]
        await turned({ seal: app.seal, clock: world.clock })
        assert.match(await service(), /^mm_cc_2/)
        const first = await redeem(world, has.web, granted)
        assert.match(text(first, 'refresh_token'), /^mm_rt_2/)
        await turned({ seal: app.seal, clock: world.clock })
        const second = await refresh(world, has.web, text(first, 'refresh_token'))
        assert.match(text(second, 'refresh_token'), /^mm_rt_3/)
        const polled = await post(
          world,
          '/token',
          {
            grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
            device_code: text(device, 'device_code'),
          },
          ['web', has.web],
        )
        assert.equal(polled.body.error, 'authorization_pending')
        assert.equal(await registers(world, iat), 201)

        const introspect = (token: string) => post(world, '/token/introspection', { token }, ['service', has.service])
        reads.length = 0
        assert.equal((await introspect(opaque)).body.active, true)
        const own = reads.filter((read) => read.startsWith('artefacts'))
        assert.equal(own.length, 1, `one read finds the token: ${own}`)
        assert.equal(own[0], `artefacts ${app.seal.hash('token', 'default', 'ClientCredentials', opaque)}`)
        reads.length = 0
        for (const letter of '023Zz')
          assert.equal((await introspect(`mm_cc_${letter}${opaque.slice(7)}`)).body.active, false)
        assert.deepEqual(
          reads.filter((read) => read.startsWith('artefacts')),
          [],
        )
        const envelope = await world.store.get(
          'artefacts',
          app.seal.hash('token', 'default', 'ClientCredentials', opaque),
        )
        assert.equal(envelope?.hk, '1')
        const replay = await refresh(world, has.web, text(first, 'refresh_token'))
        assert.equal(text(replay, 'refresh_token'), text(second, 'refresh_token'), 'a retry gets its first answer')
        const made = await app.clients.rotateSecret('service', { overlapSeconds: 60 })
        assert.match(made.reveal(), /^mm_cs_03/)
        world.keepSecret(made.reveal())
        assert.equal((await introspect(opaque)).status, 200, 'the secret of version 01 is good')
        assert.ok(await isActive(world, has.web, text(second, 'refresh_token')))
      } finally {
        await world.close()
      }
    })
  })
}
