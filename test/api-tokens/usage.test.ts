/** Records of use: counted beside the request, written in batches, right whoever counts. */

import assert from 'node:assert/strict'

import { createUsage } from '../../src/api-tokens/usage.ts'
import { STORES } from '../support/world.ts'
import { DAY, type Desk, openDesk } from './desk.ts'

const HOUR = 3600

for (const kind of STORES) {
  describe(`the use of API tokens on ${kind}`, () => {
    let desk: Desk
    beforeEach(async () => {
      desk = await openDesk(kind)
    })
    afterEach(() => desk.close())

    it('counts each outcome by hour, and every use of several nodes', async () => {
      const token = await desk.make({ paths: ['/orders/{id}'] })
      const nodes = [desk.use, desk.node(), desk.node()]
      for (let round = 0; round < 3; round++) {
        for (const { verifier } of nodes)
          for (let n = 0; n < 5; n++) {
            await verifier.verify(token.text, { path: `/orders/${n}`, method: 'get', address: '192.0.2.7' })
            await verifier.verify(token.text, { path: '/other' })
          }
        await Promise.all(nodes.map(({ usage }) => usage.flush()))
      }
      desk.clock.ms += HOUR * 1000
      await desk.use.verifier.verify(token.text, { path: '/orders/1' })
      await desk.use.usage.flush()
      const hour = desk.clock.seconds - (desk.clock.seconds % HOUR)
      assert.deepEqual(await desk.use.usage.hours(token.id), [
        { hour: hour - HOUR, counts: { VALID: 45, SCOPE_DENIED: 45 } },
        { hour, counts: { VALID: 1 } },
      ])
    })

    it('tells who uses a token, where from and for what, the latest first, and for thirty days', async () => {
      const token = await desk.make()
      const use = (address: string, agent: string, path: string) =>
        desk.use.verifier.verify(token.text, { address, agent, method: 'GET', path })
      await use('192.0.2.7', 'backup/1', '/orders/77')
      desk.clock.ms += 60_000
      await use('198.51.100.9', 'cron/2', '/orders/78')
      await desk.use.usage.flush()
      desk.clock.ms += 60_000
      await use('192.0.2.200', 'backup/1', '/orders/79')
      const seen = async () =>
        (await desk.use.usage.users(`tok_${token.id}`)).served.map(({ network, agent, route }) => [
          network,
          agent,
          route,
        ])
      const both = [
        ['192.0.2.0/24', 'backup/1', 'GET /orders/{id}'],
        ['198.51.100.0/24', 'cron/2', 'GET /orders/{id}'],
      ]
      assert.deepEqual(await seen(), both, 'what is not written yet is told too')
      await desk.use.usage.flush()
      assert.deepEqual(await desk.node().usage.users(token.id), await desk.use.usage.users(token.id))
      desk.clock.ms += 30 * DAY * 1000 - 30_000
      assert.deepEqual(await seen(), both.slice(0, 1))
      assert.equal((await desk.use.usage.users(token.id, 7)).served.length, 0)
    })

    it('keeps the latest fifty users of a token and no more', async () => {
      const token = await desk.make()
      for (let n = 0; n < 70; n++) {
        await desk.use.verifier.verify(token.text, { address: '192.0.2.7', agent: `agent ${n}` })
        desk.clock.ms += 1000
        if (n % 20 === 0) await desk.use.usage.flush()
      }
      await desk.use.usage.flush()
      const { served: users } = await desk.use.usage.users(token.id)
      assert.deepEqual([users.length, users[0]?.agent, users.at(-1)?.agent], [50, 'agent 69', 'agent 20'])
    })

    it('keeps who was refused apart, with how, and lets them push out nobody who was served', async () => {
      const token = await desk.make({ networks: { allow: ['10.0.0.0/8'], except: [] } })
      const use = (address: string, path: string) => desk.use.verifier.verify(token.text, { address, path })
      await use('10.0.0.7', '/orders')
      for (let n = 0; n < 70; n++) {
        desk.clock.ms += 1000
        await use('192.0.2.7', `/<script>${'x'.repeat(n)}`)
        await desk.use.verifier.verify(token.text, { address: `198.51.${n}.1` })
      }
      await desk.use.usage.flush()
      const { served, refused } = await desk.use.usage.users(token.id)
      assert.deepEqual(
        served.map(({ network, route, outcome }) => [network, route, outcome]),
        [['10.0.0.0/24', '/orders', 'VALID']],
      )
      assert.equal(refused.length, 20)
      assert.ok(refused.every(({ outcome }) => outcome === 'IP_DENIED'))
      const hostile = refused.filter(({ network }) => network === '192.0.2.0/24')
      assert.deepEqual(
        hostile.map(({ route }) => route),
        ['/{id}'],
      )
    })

    it('keeps each scope with its last success, whoever has used others since, and none of who was refused', async () => {
      const token = await desk.make({
        scopes: ['read', 'write', 'admin'],
        paths: ['/r/**', '/w'],
        exp: desk.clock.seconds + 399 * DAY,
      })
      const use = (path: string, scopes?: readonly string[]) =>
        desk.use.verifier.verify(token.text, { address: '192.0.2.7', agent: path, path, ...(scopes ? { scopes } : {}) })
      const began = desk.clock.seconds
      await use('/w', ['write'])
      await use('/elsewhere', ['admin'])
      for (let n = 0; n < 60; n++) {
        desk.clock.ms += 1000
        await use(`/r/${n}`, ['read'])
        if (n % 25 === 0) await desk.use.usage.flush()
      }
      await desk.use.usage.flush()
      const used = await desk.node().usage.used(token.id)
      assert.deepEqual(used, { uses: 61, scopes: { at: { write: began, read: began + 60 }, unnamed: 0 } })
      desk.clock.ms += 200 * DAY * 1000
      await use('/r/1')
      assert.equal((await desk.use.usage.used(token.id)).scopes.unnamed, desk.clock.seconds)
      assert.equal((await desk.use.usage.used(token.id)).scopes.at.write, began, 'longer than its users are kept')
    })

    it("writes the last use on the token's own document once a minute, and only of a success", async () => {
      const token = await desk.make({ networks: { allow: ['10.0.0.0/8'], except: [] } })
      const lastUse = async () => (await desk.store.get('api-tokens', token.id))?.lastUse
      const use = async (address: string) => {
        await desk.use.verifier.verify(token.text, { address })
        await desk.use.usage.flush()
      }
      await use('192.0.2.7')
      assert.equal(await lastUse(), null)
      const began = desk.clock.seconds
      await use('10.0.0.7')
      desk.clock.ms += 59_000
      await use('10.0.0.7')
      assert.equal(await lastUse(), began)
      desk.clock.ms += 1000
      await use('10.0.0.7')
      assert.equal(await lastUse(), began + 60)
    })

    it('keeps nobody whose account is erased while the batch is on its way', async () => {
      const answers = [false, true, true]
      const { verifier, usage } = desk.node({ isErased: async () => answers.shift() ?? true })
      const token = await desk.make({ kind: 'personal', owner: { type: 'account', id: 'anna' } })
      for (let n = 0; n < 2; n++) {
        await verifier.verify(token.text, { address: '192.0.2.7' })
        await usage.flush()
        assert.deepEqual(await usage.users(token.id), { served: [], refused: [] })
      }
      assert.deepEqual((await usage.hours(token.id))[0]?.counts, { VALID: 2 }, 'how often is nobody')
      assert.equal((await usage.used(token.id)).uses, 2)
    })

    it('says at rest neither from where nor with what a token is used', async () => {
      const token = await desk.make()
      await desk.use.verifier.verify(token.text, { address: '192.0.2.7', agent: 'quillfeather/9', path: '/lanterns' })
      await desk.use.usage.flush()
      const docs = await desk.store.scan('api-token-uses', { limit: 10 })
      assert.equal(docs.length, 3)
      const bytes = docs.map((doc) => `${JSON.stringify(doc)}${Buffer.from(doc.body ?? []).toString('latin1')}`).join()
      for (const word of ['192.0.2', 'quillfeather', 'lanterns', token.text]) assert.ok(!bytes.includes(word), word)
    })
  })
}

describe('the use of API tokens when the store fails', () => {
  let desk: Desk
  beforeEach(async () => {
    desk = await openDesk('sqlite')
  })
  afterEach(() => desk.close())

  function failing() {
    const mood = { fails: false }
    const usage = createUsage({
      store: desk.store,
      seal: desk.seal,
      clock: desk.clock,
      unit: desk.unit,
      async commit(unit) {
        if (mood.fails) throw new Error('the store is away')
        await desk.commit(unit)
      },
    })
    return { mood, usage }
  }
  const use = (id: string, agent = 'a') => ({ id, outcome: 'VALID', network: '', agent, route: '' }) as const

  it('keeps what it could not write for the next time', async () => {
    const { mood, usage } = failing()
    const token = await desk.make()
    usage.note(use(token.id, 'one'))
    mood.fails = true
    await assert.rejects(usage.flush(), /away/)
    usage.note(use(token.id, 'two'))
    await assert.rejects(usage.flush(), /away/)
    mood.fails = false
    await usage.flush()
    await usage.flush()
    assert.deepEqual(
      (await usage.hours(token.id)).map(({ counts }) => counts),
      [{ VALID: 2 }],
    )
    assert.equal((await usage.users(token.id)).served.length, 2)
  })

  it('loses in a crash only what was noted since the last batch, and batches less than five seconds apart', async () => {
    const { timers } = desk.use
    const uses = timers.find(({ what }) => what === 'token uses')
    assert.ok(uses && uses.ms <= 2500, 'twice the pause is still less than five seconds')
    const token = await desk.make()
    await desk.use.verifier.verify(token.text)
    await uses.work()
    desk.clock.ms += 4000
    await desk.use.verifier.verify(token.text)
    // The crash: another node starts on the same store, and nothing was flushed.
    const { usage } = desk.node()
    assert.deepEqual(
      (await usage.hours(token.id)).map(({ counts }) => counts),
      [{ VALID: 1 }],
    )
    assert.equal((await usage.users(token.id)).served[0]?.lastSeen, desk.clock.seconds - 4)
  })

  it('counts each use once when many are written side by side', async () => {
    const token = await desk.make()
    const nodes = Array.from({ length: 6 }, () => desk.node().usage)
    await Promise.all(
      nodes.map(async (usage) => {
        for (let n = 0; n < 20; n++) {
          usage.note(use(token.id))
          await usage.flush()
        }
      }),
    )
    assert.deepEqual(
      (await nodes[0]?.hours(token.id))?.map(({ counts }) => counts),
      [{ VALID: 120 }],
    )
  })
})
