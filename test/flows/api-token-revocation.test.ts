/** The end of an API token at the revocation endpoint (RFC 7009), on both stores: by the service that owns it, and by nobody else. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { foreignTokenId, stageForeignMark } from '../../src/api-tokens/index.ts'
import { randomText, systemRandom, Unit } from '../../src/base/index.ts'
import { openTokenWorld, type TokenWorld } from '../support/api-tokens.ts'
import { type Answer, post } from '../support/browser.ts'
import { STORES } from '../support/world.ts'

const JWT = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${'b'.repeat(20)}.${'c'.repeat(20)}`

for (const kind of STORES) {
  describe(`API tokens at the revocation endpoint on ${kind}`, () => {
    let at: TokenWorld
    before(async () => {
      at = await openTokenWorld(kind)
    })
    after(() => at.world.close())

    const revoke = (token: string, by?: readonly [string, string], more = {}) =>
      post(at.world, '/token/revocation', { token, ...more }, by)
    const reason = async (token: string) => {
      at.world.clock.forward(1)
      return (await at.introspect(token, at.service)).body.reason
    }
    /** What a caller sees of an answer. */
    const seen = ({ status, body, headers }: Answer) => {
      const shown = [...headers].filter(([name]) => !['date', 'x-request-id'].includes(name))
      return { status, body, shown }
    }
    const events = async () => {
      await at.world.app.relay.drain()
      return at.world.app.eventLog.latest({ type: 'api_token.revoked', last: 50 })
    }

    it('ends the token of the service that asks, its children and what was exchanged for it, with one event', async () => {
      const { reports, make, exchange } = at
      const token = await make()
      const child = await make({ parent: token.id })
      const jwt = String((await exchange(token.text)).body.access_token)
      assert.deepEqual([await reason(token.text), await reason(child.text), await reason(jwt)], Array(3).fill('VALID'))
      const before = (await events()).length
      const answer = await revoke(token.text, reports, { token_type_hint: 'access_token' })
      assert.equal(answer.status, 200)
      assert.deepEqual(
        [await reason(token.text), await reason(child.text), await reason(jwt)],
        Array(3).fill('REVOKED'),
      )
      assert.deepEqual(seen(await revoke(token.text, reports)), seen(answer), 'a second time changes nothing')
      const told = await events()
      assert.equal(told.length, before + 1)
      assert.match(JSON.stringify(told), /client reports/)
      assert.ok(!JSON.stringify(told).includes(token.text))
    })

    it("leaves every other token as it is, and answers as for a text that is nobody's", async () => {
      const { world, outsider, service, reports, make, personal } = at
      const unknown = seen(await revoke(world.app.seal.mintCredential('svc'), reports))
      assert.equal(unknown.status, 200)
      const owned = await make()
      const theirs = [await personal(), await make({ owner: { type: 'organisation', id: 'reports' } })]
      for (const by of [outsider, service]) assert.deepEqual(seen(await revoke(owned.text, by)), unknown)
      for (const { text } of theirs) assert.deepEqual(seen(await revoke(text, reports)), unknown)
      assert.deepEqual(seen(await revoke(`${owned.text.slice(0, -1)}?`, reports)), unknown)
      assert.equal((await revoke(owned.text, ['reports', 'wrong'])).status, 401)
      assert.equal((await revoke(owned.text)).status, 400)
      const twice = new URLSearchParams([
        ['token', owned.text],
        ['token', owned.text],
      ])
      assert.equal((await post(world, '/token/revocation', twice, reports)).status, 400)
      assert.deepEqual([await reason(owned.text), await reason(theirs[0]?.text ?? '')], ['VALID', 'VALID'])
    })

    it("ends another system's token that looks like a JWT, for its owner alone", async () => {
      const { world, reports, outsider, make } = at
      const { seal, store } = world.app
      const staged = new Unit({ store, cid: randomText(systemRandom, 16), request: 'test' })
      await stageForeignMark(seal, staged)
      await store.commit(staged.writes('all'))
      const sha256 = createHash('sha256').update(JWT).digest('hex')
      await make({ text: JWT, id: foreignTokenId(seal, sha256) })
      assert.equal(await reason(JWT), 'VALID')
      const other = await revoke(`${JWT}x`, outsider)
      assert.deepEqual([other.status, other.body.error], [400, 'unsupported_token_type'])
      assert.deepEqual(seen(await revoke(JWT, outsider)), seen(other))
      assert.equal((await revoke(JWT, ['reports', 'wrong'])).status, 401)
      assert.equal(await reason(JWT), 'VALID')
      const ended = await revoke(JWT, reports)
      assert.deepEqual(seen(ended), seen(await revoke(world.app.seal.mintCredential('svc'), reports)))
      assert.equal(await reason(JWT), 'REVOKED')
    })
  })
}
