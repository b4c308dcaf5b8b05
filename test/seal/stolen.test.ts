/** The stolen copy: with everything but the master key it lets nobody forge, decrypt or use anything; after a rewrap the old master key is of no use either. */

import assert from 'node:assert/strict'
import type { Doc } from '../../adapters/store.ts'
import { systemRandom as random } from '../../src/base/index.ts'
import { createSeal, fixedMasters, sealKeys, WrongMasterKey } from '../../src/seal/index.ts'
import { wrapAad } from '../../src/seal/keys.ts'
import { Browser, codeFor, isActive, post, redeem, refresh, text } from '../support/browser.ts'
import { handMasters } from '../support/masters.ts'
import { type Copy, copyOf, isDataKeyOf, isMasterOf, keysIn, textsOf } from '../support/thief.ts'
import { type Furniture, furnish, masterOf, openWorld, REDIRECT, STORES, type World } from '../support/world.ts'

const [OLD, NEW] = [masterOf(7), masterOf(8)]
const AUTHORIZE = `/auth?${new URLSearchParams({
  client_id: 'web',
  response_type: 'code',
  redirect_uri: REDIRECT,
  scope: 'openid',
  prompt: 'none',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  code_challenge_method: 'S256',
})}`

interface Lived {
  readonly has: Furniture
  readonly browser: Browser
  readonly refreshToken: string
  readonly access: string
}

/** A day in the life: sessions, codes spent and waiting, tokens of every kind, rotations, a registration, events. */
async function lived(world: World): Promise<Lived> {
  const has = await furnish(world)
  const browser = new Browser(world)
  const first = await redeem(world, has.web, await codeFor(world, browser))
  const second = await refresh(world, has.web, text(first, 'refresh_token'))
  await post(world, '/token', { grant_type: 'client_credentials', scope: 'look' }, ['service', has.service])
  await post(world, '/device/auth', { scope: 'openid' }, ['web', has.web])
  await codeFor(world, browser)
  world.keepSecret((await world.app.oidc.initialAccessToken()).token)
  await world.app.relay.drain()
  return { has, browser, refreshToken: text(second, 'refresh_token'), access: text(second, 'access_token') }
}

const wrapsOf = (copy: Copy): readonly Doc[] =>
  (copy.docs.get(sealKeys.name) ?? []).filter(({ fields }) => typeof fields.master === 'string')

const sealedOf = (copy: Copy): readonly Doc[] =>
  [...copy.docs].flatMap(([name, docs]) => docs.filter(({ body, dk }) => body && dk && name !== 'events'))

/** Uses a text as every kind of credential; gives the kinds that it was good for. */
async function goodFor(world: World, { has }: Pick<Lived, 'has'>, stolen: string): Promise<readonly string[]> {
  const client = ['web', has.web] as const
  const bearer = { authorization: `Bearer ${stolen}` }
  const tries: Readonly<Record<string, () => Promise<boolean>>> = {
    'access token': async () => (await fetch(new URL('/me', world.issuer), { headers: bearer })).status === 200,
    'live token': () => isActive(world, has.web, stolen),
    'refresh token': async () => (await refresh(world, has.web, stolen)).status === 200,
    code: async () =>
      (await redeem(world, has.web, { code: stolen, verifier: 'x'.repeat(43) })).body.error !== 'invalid_grant',
    'client secret': async () =>
      (await post(world, '/token', { grant_type: 'client_credentials' }, ['service', stolen])).body.error !==
      'invalid_client',
    'device code': async () =>
      (
        await post(
          world,
          '/token',
          { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: stolen },
          client,
        )
      ).body.error !== 'invalid_grant',
    'session cookie': async () => {
      const cookie = `_session=${encodeURIComponent(stolen)}`
      const answer = await fetch(new URL(AUTHORIZE, world.issuer), { redirect: 'manual', headers: { cookie } })
      return new URL(answer.headers.get('location') ?? world.issuer).searchParams.has('code')
    },
  }
  const good: string[] = []
  for (const [kind, isGood] of Object.entries(tries)) if (await isGood()) good.push(kind)
  return good
}

for (const kind of STORES) {
  describe(`a stolen copy on ${kind}`, function () {
    this.timeout(240_000)
    let world: World
    let life: Lived
    let copy: Copy
    const masters = handMasters(OLD)
    before(async () => {
      world = await openWorld(kind, {}, undefined, { masters: masters })
      life = await lived(world)
      copy = await copyOf(kind, world.store)
    })
    after(() => world.close())

    it('holds no 32 bytes, in any form, that are the master key or a data key of what it holds', async () => {
      const wrap = wrapsOf(copy).find(({ kind: purpose }) => purpose === 'data')
      const signing = copy.docs.get('signing-keys')?.[0]
      assert.ok(wrap && signing)
      const key = await OLD.unwrap(wrap.body ?? new Uint8Array(), wrapAad(wrap))
      const own = sealedOf(copy).find(({ dk }) => dk === wrap.id)
      assert.ok(own && (await isDataKeyOf(key, own)), 'the right data key opens')
      assert.ok(await isMasterOf(Buffer.alloc(32, 7), wrap), 'and so does the right master')
      const planted = { bytes: Buffer.concat([Buffer.from('x'), Buffer.from(Buffer.from(key).toString('base64url'))]) }
      let isFound = false
      for (const bytes of keysIn(planted)) isFound ||= await isDataKeyOf(bytes, own)
      assert.ok(isFound, 'one that lies about would be found')
      let tried = 0
      for (const bytes of keysIn(copy)) {
        tried++
        assert.equal(await isMasterOf(bytes, wrap), false)
        assert.equal(await isDataKeyOf(bytes, own), false)
      }
      assert.ok(tried > 20_000, `${tried} candidates`)
    })

    it('holds no text that the server takes for any credential', async () => {
      const texts = textsOf(copy)
      assert.ok(texts.length > 60, `${texts.length} texts`)
      assert.deepEqual(await goodFor(world, life, life.access), ['access token', 'live token'])
      for (const stolen of texts) {
        assert.deepEqual(await goodFor(world, life, stolen), [], stolen)
        // A hash put into a text of ours is still no token: its MAC is wrong.
        for (const prefix of ['mm_at_1', 'mm_cc_1'])
          assert.equal(await isActive(world, life.has.web, prefix + stolen), false)
      }
      assert.ok(await isActive(world, life.has.web, life.refreshToken), 'and nothing was ended by trying')
    })

    it('holds no private part of a signing key, as JSON, base64 or bytes', async () => {
      const privates: string[] = []
      for (const doc of copy.docs.get('signing-keys') ?? []) {
        const opened = await world.app.seal.open(doc)
        // The ring itself holds no private part, and the cookies' secret is bytes.
        if (doc.kind !== 'signing-key') continue
        if (!opened.toString().startsWith('{')) {
          assert.equal(copy.bytes.includes(opened), false)
          continue
        }
        const jwk: Readonly<Record<string, unknown>> = JSON.parse(opened.toString())
        for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi'])
          if (typeof jwk[name] === 'string') privates.push(jwk[name])
      }
      assert.ok(privates.length > 8)
      for (const member of privates) {
        assert.equal(copy.bytes.includes(member), false)
        assert.equal(copy.bytes.includes(Buffer.from(member, 'base64url')), false)
      }
      assert.equal(/"(d|p|q|dp|dq|qi)"\s*:\s*"/.test(copy.bytes.toString('latin1')), false)
    })

    it('of after a rewrap and a renewal is closed to the old master key and to the data keys of an old copy', async () => {
      const oldKeys: Uint8Array[] = []
      for (const wrap of wrapsOf(copy))
        if (wrap.kind === 'data') oldKeys.push(await OLD.unwrap(wrap.body ?? new Uint8Array(), wrapAad(wrap)))
      masters.write(NEW, OLD)
      await world.app.envelope.rewrap({ dryRun: false })
      const rewrapped = await copyOf(kind, world.store)
      const stays = (old: readonly Doc[], { bytes }: Copy) =>
        old.filter(({ body }) => bytes.includes(Buffer.from(body ?? [])))
      assert.equal(stays(wrapsOf(copy), copy).length, wrapsOf(copy).length, 'the search finds what is there')
      assert.deepEqual(stays(wrapsOf(copy), rewrapped), [], 'no old wrap is left in the bytes')
      for (const wrap of wrapsOf(rewrapped))
        await assert.rejects(OLD.unwrap(wrap.body ?? new Uint8Array(), wrapAad(wrap)), WrongMasterKey)
      const deps = { store: world.store, clock: world.clock, random }
      await assert.rejects(createSeal({ ...deps, masters: fixedMasters(OLD) }), WrongMasterKey)
      masters.write(NEW)

      await world.app.envelope.renew({ dryRun: false })
      await world.app.relay.drain()
      await world.app.envelope.resealing()
      world.clock.forward(121)
      await world.app.envelope.resealing()
      const renewed = await copyOf(kind, world.store)
      assert.ok(world.app.seal.ring().renewal?.finishedAt)
      assert.equal(world.app.seal.ring().renewal?.left, 0)
      const sealed = sealedOf(renewed)
      assert.ok(sealed.length > 20)
      for (const doc of sealed) for (const key of oldKeys) assert.equal(await isDataKeyOf(key, doc), false)
      const before = sealedOf(copy)
      assert.ok(
        await isDataKeyOf(oldKeys[0] ?? new Uint8Array(), before[0] as Doc),
        'they open the old copy, which nobody can help',
      )
      assert.deepEqual(
        stays(
          wrapsOf(rewrapped).filter((w) => w.kind === 'data' && world.app.seal.isOld(w.id)),
          renewed,
        ),
        [],
      )
      assert.deepEqual(
        stays(
          before.filter(({ kind: of }) => of === 'signing-key'),
          renewed,
        ),
        [],
        'nor are old bodies left',
      )
      assert.ok(await isActive(world, life.has.web, life.refreshToken), 'and the server goes on')
    })
  })
}
