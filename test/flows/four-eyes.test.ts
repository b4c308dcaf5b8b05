/** What takes two persons, over REST on both stores: nobody holds such a token alone, whichever way he gets its text. */

import assert from 'node:assert/strict'
import { MANAGEMENT_API } from '../../src/admin/index.ts'
import { openTokenWorld, type TokenWorld } from '../support/api-tokens.ts'
import { clientOrder, STORES } from '../support/world.ts'

for (const kind of STORES) {
  describe(`a token that takes two persons, on ${kind}`, () => {
    let at: TokenWorld
    before(async () => {
      at = await openTokenWorld(kind)
    })
    after(() => at.world.close())

    /** A service with a token of its own for the API. */
    async function someone(id: string): Promise<string> {
      const scopes = ['tokens:read', 'tokens:write']
      await at.world.app.clients.create(clientOrder({ id, grants: ['client_credentials'], scopes }))
      return (await at.make({ owner: { type: 'service', id }, apis: [MANAGEMENT_API], scopes })).text
    }

    it('is approved by neither who ordered it nor its owner, and rotated by nobody new alone', async () => {
      const { has, service, call, introspect, personal } = at
      const [anna, carl] = [await someone('anna'), await someone('carl')]
      const boris = (await personal({ apis: [MANAGEMENT_API], scopes: ['tokens:approve', 'tokens:write'] })).text
      const order = { name: 'two', scopes: ['read'], apis: ['urn:test:api'], labels: ['two'] }
      const own = await call(anna, '/tokens', { ...order, kind: 'personal', owner: `account:${has.person.sub}` })
      assert.equal(own.body.state, 'pending')
      const approved = await call(boris, `/tokens/${own.body.id}/approve`, {})
      assert.deepEqual([approved.status, approved.body.code], [403, 'own_approval'], 'it was ordered for him')

      const made = await call(anna, '/tokens', { ...order, kind: 'service', owner: 'service:reports' })
      assert.equal((await call(boris, `/tokens/${made.body.id}/approve`, {})).body.state, 'active')
      const rotated = await call(carl, `/tokens/${made.body.id}/rotate`, { overlap: '1h', why: 'mine now' })
      assert.deepEqual([rotated.status, rotated.body.state, rotated.body.created_by], [201, 'pending', 'client carl'])
      const seen = async (token: unknown) => {
        at.world.clock.forward(1)
        return (await introspect(String(token), service)).body.reason
      }
      assert.deepEqual([await seen(rotated.body.token), await seen(made.body.token)], ['NOT_YET', 'VALID'])
      assert.equal((await call(boris, `/tokens/${rotated.body.id}/approve`, {})).body.state, 'active')
      assert.equal(await seen(rotated.body.token), 'VALID')
      const again = await call(carl, `/tokens/${rotated.body.id}/rotate`, { overlap: '1h', why: 'by schedule' })
      assert.equal(again.body.state, 'active', 'a second person has agreed that he holds it')
    })
  })
}
