/** Erasing an account: its key is gone, its credentials end, its name is free, and nothing late brings it back. */

import assert from 'node:assert/strict'
import { accounts, names } from '../../src/accounts/records.ts'
import { apiTokens } from '../../src/api-tokens/records.ts'
import { tokenUses } from '../../src/api-tokens/use-records.ts'
import { systemRandom as random } from '../../src/base/index.ts'
import { emptyUnit } from '../../src/seal/keys.ts'
import { openTokenWorld } from '../support/api-tokens.ts'
import { Browser, codeFor, isActive, post, redeem, refresh, text } from '../support/browser.ts'
import { CANARY, furnish, openWorld, STORES, type World } from '../support/world.ts'

const OTHER = 'seven copper lanterns hum'

async function events(world: World, type: 'account.erased') {
  await world.app.relay.drain()
  return world.app.eventLog.latest({ type, last: 10 })
}

for (const kind of STORES) {
  describe(`an erased account on ${kind}`, () => {
    let world: World
    beforeEach(async () => {
      world = await openWorld(kind)
    })
    afterEach(() => world.close())

    it('has no key and no personal data, signs in no more, and its tokens are dead', async () => {
      const has = await furnish(world)
      const browser = new Browser(world)
      const first = await redeem(world, has.web, await codeFor(world, browser))
      const waiting = await codeFor(world, browser)
      const [token, access] = [text(first, 'refresh_token'), text(first, 'access_token')]
      const [before] = await world.store.scan(accounts.name, { limit: 10 })
      assert.ok(before?.body && before.fields.person)

      const dry = await world.app.envelope.eraseAccount(CANARY.login, { dryRun: true })
      assert.equal(dry.erased, false)
      assert.ok(await isActive(world, has.web, token), 'a dry run changes nothing')
      const done = await world.app.envelope.eraseAccount(CANARY.login, { dryRun: false })
      assert.equal(done.erased, true)
      const left = JSON.stringify(done.left)
      for (const where of ['accounts', 'artefacts', 'events', '90 days']) assert.ok(left.includes(where), where)
      assert.ok(Array.isArray(done.left) && done.left.length > 5, 'and what the store itself may hold')

      const [after] = await world.store.scan(accounts.name, { limit: 10 })
      assert.ok(after)
      assert.deepEqual([after.id, after.body, after.dk, after.fields.person], [before.id, null, '', null])
      assert.notEqual(after.revokedAt, null)
      assert.deepEqual(await world.store.scan(names.name, { limit: 10 }), [])
      const signIn = { loginName: CANARY.login, password: CANARY.password, network: 'n' }
      assert.deepEqual(await world.app.accounts.authenticate(signIn), { ok: false, why: 'wrong' })
      assert.deepEqual(await world.app.accounts.authenticate({ ...signIn, loginName: CANARY.email }), {
        ok: false,
        why: 'wrong',
      })
      assert.equal(await world.app.accounts.find(has.person.sub), undefined)
      assert.deepEqual(await world.app.accounts.list(), [])
      for (const dead of [token, access]) assert.equal(await isActive(world, has.web, dead), false)
      assert.equal((await refresh(world, has.web, token)).body.error, 'invalid_grant')
      assert.equal((await redeem(world, has.web, waiting)).body.error, 'invalid_grant')
      const me = await fetch(new URL('/me', world.issuer), { headers: { authorization: `Bearer ${access}` } })
      assert.equal(me.status, 401)
      const page = await browser.follow(
        `/auth?${new URLSearchParams({ client_id: 'web', response_type: 'code', redirect_uri: 'http://localhost:9/callback', scope: 'openid', prompt: 'none', nonce: 'n', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' })}`,
      )
      assert.match(page.url, /error=/, `its session opens nothing: ${page.status} ${page.text}`)
      assert.equal((await events(world, 'account.erased')).length, 1)
      assert.equal(JSON.stringify(await events(world, 'account.erased')).includes(CANARY.login), false)
      await assert.rejects(
        world.app.envelope.eraseAccount(CANARY.login, { dryRun: false }),
        /no account with this name/,
      )
    })

    it('leaves of its API tokens neither who used them nor, after a day, the tokens', async () => {
      await world.close()
      const at = await openTokenWorld(kind)
      world = at.world
      const { app, clock, store } = at.world
      const [mine, dead, other] = [await at.personal(), await at.personal(), await at.make()]
      const use = async () => {
        for (const { text: token } of [mine, dead, other])
          await at.introspect(token, at.service, { ip: '192.0.2.7', user_agent: 'quillfeather/9', path: '/lanterns' })
        await app.tokenUse.usage.flush()
      }
      const usersOf = async () =>
        Promise.all(
          [mine, dead, other].map(async ({ id }) => {
            const { served, refused } = await app.tokenUse.usage.users(id)
            return served.length + refused.length
          }),
        )
      await use()
      await at.revoke(dead.id)
      assert.deepEqual(await usersOf(), [1, 1, 1])
      // Noted before the erasure, written after it.
      await at.introspect(mine.text, at.service, { ip: '198.51.100.7', user_agent: 'late/1' })
      const { left } = await app.envelope.eraseAccount(CANARY.login, { dryRun: false })
      assert.match(JSON.stringify(left), /"where":"api-tokens","count":2/)
      assert.equal((await at.introspect(mine.text, at.service)).body.reason, 'REVOKED', 'at once, on this node')
      assert.equal((await at.introspect(dead.text, at.service)).body.reason, 'NOT_FOUND')
      await app.tokenUse.usage.flush()
      // Whoever still has its text may go on trying for ever: that says where they are, too.
      await use()
      assert.deepEqual(await usersOf(), [0, 0, 1])
      const kept = await store.scan(tokenUses.name, { limit: 100 })
      assert.equal(kept.filter((doc) => doc.kind === 'api-token-users').length, 1)
      assert.deepEqual(
        (await store.scan(apiTokens.name, { limit: 10 })).map(({ id, state }) => [id === mine.id, state]).toSorted(),
        [
          [false, 'active'],
          [true, 'revoked'],
        ],
      )
      clock.forward(25 * 3600)
      await app.relay.drain()
      await app.background.sweep()
      assert.deepEqual(
        (await store.scan(apiTokens.name, { limit: 10 })).map(({ id }) => id),
        [other.id],
      )
    })

    it('frees its name for someone else, who is another person', async () => {
      const has = await furnish(world)
      await world.app.envelope.eraseAccount(CANARY.login, { dryRun: false })
      const next = await world.app.accounts.create({ loginName: CANARY.login, email: CANARY.email, password: OTHER })
      assert.notEqual(next.sub, has.person.sub)
      const signIn = { loginName: CANARY.login, password: OTHER, network: 'n' }
      assert.deepEqual(await world.app.accounts.authenticate(signIn), { ok: true, sub: next.sub })
      assert.equal(await world.app.accounts.find(has.person.sub), undefined)
    })

    it('frees a name that a crash left pointing at it', async () => {
      await furnish(world)
      const [pointer] = await world.store.scan(names.name, { limit: 1 })
      assert.ok(pointer)
      await world.app.envelope.eraseAccount(CANARY.login, { dryRun: false })
      const { rev: _rev, cid: _cid, revokedAt: _at, ...doc } = pointer
      await world.store.commit({ ...emptyUnit(random), inserts: [{ collection: names.name, doc }] })
      const next = await world.app.accounts.create({ loginName: CANARY.login, email: CANARY.email, password: OTHER })
      assert.equal((await world.app.accounts.find(next.sub))?.sub, next.sub)
      assert.equal(
        (await world.app.accounts.authenticate({ loginName: CANARY.email, password: OTHER, network: 'n' })).ok,
        true,
      )
      await assert.rejects(world.app.accounts.create({ loginName: CANARY.login, password: OTHER }), /already/)
    })

    it('is not brought back by a password or a disabling that was on its way', async () => {
      await furnish(world)
      const racers = await Promise.allSettled([
        world.app.accounts.setPassword(CANARY.login, OTHER),
        world.app.envelope.eraseAccount(CANARY.login, { dryRun: false }),
        world.app.accounts.disable(CANARY.login),
      ])
      if (racers[1].status === 'rejected') await world.app.envelope.eraseAccount(CANARY.login, { dryRun: false })
      const [doc] = await world.store.scan(accounts.name, { limit: 1 })
      assert.deepEqual([doc?.body, doc?.fields.person], [null, null])
    })

    it('of someone else ends nobody else', async () => {
      const has = await furnish(world)
      await world.app.accounts.create({ loginName: 'other', password: OTHER })
      const first = await redeem(world, has.web, await codeFor(world, new Browser(world)))
      await world.app.envelope.eraseAccount('other', { dryRun: false })
      assert.ok(await isActive(world, has.web, text(first, 'refresh_token')))
      const answer = await post(world, '/token', { grant_type: 'client_credentials', scope: 'look' }, [
        'service',
        has.service,
      ])
      assert.equal(answer.status, 200)
    })
  })
}
