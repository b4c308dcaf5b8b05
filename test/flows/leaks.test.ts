/** What a report of a leak does in a whole server: to tokens of every kind, and who hears of it. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { API_TOKEN, EXCHANGE } from '../support/api-tokens.ts'
import { post, text } from '../support/browser.ts'
import { type LeakWorld, openLeakWorld } from '../support/leak-world.ts'
import { clientOrder, STORES } from '../support/world.ts'

for (const kind of STORES) {
  describe(`a report of a leaked API token on ${kind}`, function () {
    this.timeout(20_000)
    let at: LeakWorld
    before(async () => {
      at = await openLeakWorld(kind)
    })
    after(() => at.close())

    it('holds an imported token, whose text only its holder and the reporter have', async () => {
      for (const send of [at.report, at.reportSigned]) {
        const foreign = `ghp_${createHash('sha256').update(`${kind}${send.name}`).digest('hex').slice(0, 36)}`
        const sha256 = createHash('sha256').update(foreign).digest('hex')
        const imported = { ...at.order(), sha256 }
        const { id } = await at.inUnit((unit) => at.world.app.tokens.importByHash(unit, imported, 'test'))
        const label = await send(foreign)
        assert.ok(label === undefined || label === 'true_positive')
        assert.equal(await at.stateOf(id), 'quarantined')
      }
    })

    it('tells the owner in the log, once a day at most for each token', async () => {
      const { world, has, log, made, inUnit, report } = at
      const token = await made({ name: 'told of' })
      await report(token.text)
      await inUnit((unit) => world.app.tokens.release(unit, token.id, 'test'))
      await report(token.text)
      assert.equal(await at.stateOf(token.id), 'quarantined')
      const told = log.said('an API token was reported as leaked').filter(({ id }) => id === token.id)
      const owner = `account:${has.person.sub}`
      assert.deepEqual(
        told.map((line) => [line.name, line.owner, line.reaction]),
        [[undefined, owner, 'quarantine']],
      )
      assert.ok(!JSON.stringify(log.lines).includes(token.text))
    })

    it('says in the log that a trap was used, where from and where the trap lies', async () => {
      const trap = await at.made({ canary: true, keptAt: 'wiki' })
      // Nobody waits for the alarm, so the test does.
      const alarmed = at.log.next('a trap was used')
      await post(at.world, '/token/introspection', { token: trap.text, ip: '192.0.2.7' }, at.service)
      const { id, name, keptAt, seen } = await alarmed
      assert.deepEqual([id, name, keptAt], [trap.id, 'nightly', 'wiki'])
      assert.ok(JSON.stringify(seen).includes('192.0.2.0/24'))
    })
  })

  describe(`a report of a leaked OAuth token on ${kind}`, function () {
    this.timeout(20_000)
    let at: LeakWorld
    before(async () => {
      at = await openLeakWorld(kind)
    })
    after(() => at.close())

    it('ends the family of a refresh token and of an opaque access token, and no other', async () => {
      const { signedIn, active, refreshes, report } = at
      const bystander = await signedIn()
      const [one, two] = [await signedIn(), await signedIn()]
      assert.ok(await active(two.access))
      await report(one.refresh, two.access)
      assert.ok(!(await active(one.access)) && !(await active(two.access)))
      assert.deepEqual([await refreshes(one.refresh), await refreshes(two.refresh)], [false, false])
      assert.ok((await active(bystander.access)) && (await refreshes(bystander.refresh)))
      assert.equal(await at.reportSigned(one.refresh), 'false_positive', 'what has ended lets nobody in')
    })

    it('ends the family of a refresh token that was rotated away', async () => {
      const one = await at.signedIn()
      assert.ok(await at.refreshes(one.refresh))
      assert.equal(await at.reportSigned(one.refresh), 'true_positive')
      assert.ok(!(await at.active(one.access)))
    })

    it('ends an opaque access token without a family by itself', async () => {
      const { world, service } = at
      const issued = async () =>
        text(await post(world, '/token', { grant_type: 'client_credentials', scope: 'look' }, service), 'access_token')
      const [gone, stays] = [await issued(), await issued()]
      await at.report(gone)
      const isActive = async (token: string) =>
        (await post(world, '/token/introspection', { token }, service)).body.active
      assert.deepEqual([await isActive(gone), await isActive(stays)], [false, true])
    })

    it('leaves alone a family whose access token is over', async () => {
      const one = await at.signedIn()
      at.world.clock.forward(3700)
      await at.report(one.access)
      assert.ok(await at.refreshes(one.refresh))
    })
  })

  describe(`a report of a leaked JWT access token on ${kind}`, function () {
    this.timeout(20_000)
    let at: LeakWorld
    before(async () => {
      at = await openLeakWorld(kind)
    })
    after(() => at.close())

    it('ends the family of a JWT access token by its signature, and of no other', async () => {
      const asked = { resource: 'urn:test:api', scope: 'offline_access read' }
      const [one, other] = [await at.signedIn(asked), await at.signedIn(asked)]
      const [head = '', body = '', ...more] = one.access.split('.')
      assert.ok(more.length === 1 && one.access.length > 512)
      const [otherHead, otherBody] = other.access.split('.')
      await at.report(one.access, `${otherHead}.${otherBody}.${'A'.repeat(86)}`, `${head}.${body}.`)
      assert.deepEqual([await at.active(one.access), await at.refreshes(one.refresh)], [false, false])
      assert.ok((await at.active(other.access)) && (await at.refreshes(other.refresh)), 'a forged one ends nothing')
    })

    it('holds the API token that a JWT was exchanged for, and knows one that has neither', async () => {
      const { world, made, service } = at
      await world.app.clients.create(clientOrder({ id: 'cli', grants: ['token_exchange'], public: true }))
      const token = await made()
      const subject = { subject_token: token.text, subject_token_type: API_TOKEN }
      const derived = await post(world, '/token', { grant_type: EXCHANGE, ...subject, client_id: 'cli' })
      assert.equal(await at.reportSigned(text(derived, 'access_token')), 'true_positive')
      assert.equal(await at.stateOf(token.id), 'quarantined')
      const form = { grant_type: 'client_credentials', scope: 'read' }
      const plain = text(await post(world, '/token', form, service), 'access_token')
      assert.equal(await at.reportSigned(plain), 'true_positive')
      const { body } = await post(world, '/token/introspection', { token: plain }, service)
      assert.equal(body.active, true, 'nothing is kept of it that could end')
    })
  })
}

describe('refusals in the log', () => {
  it('are told by their code and without a stack, where nobody has signed in', async () => {
    const at = await openLeakWorld('sqlite')
    const refused = at.log.next('refused')
    assert.equal((await fetch(new URL('/api/v1/tokens', at.world.issuer))).status, 401)
    const line = await refused
    assert.deepEqual([line.refusal, line.status, 'err' in line], ['token_missing', 401, false])
    await at.close()
  })
})
