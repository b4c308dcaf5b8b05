/** What an API token was exchanged for, at our own API on both stores: it acts as that token, and no longer than that token could. */

import assert from 'node:assert/strict'
import { MANAGEMENT_API } from '../../src/admin/index.ts'
import { openTokenWorld, type TokenWorld } from '../support/api-tokens.ts'
import { post, text } from '../support/browser.ts'
import { CANARY, clientOrder, STORES } from '../support/world.ts'

const SCOPES = ['tokens:read', 'tokens:write']
const ROBOT = { type: 'service', id: 'robot' } as const

for (const kind of STORES) {
  describe(`what an API token was exchanged for, at the API on ${kind}`, () => {
    let at: TokenWorld
    before(async () => {
      at = await openTokenWorld(kind)
      await at.world.app.clients.create(clientOrder({ id: 'robot', grants: ['client_credentials'], scopes: SCOPES }))
    })
    after(() => at.world.close())

    /** By a public client, so that what it says of its caller can't be the client. */
    async function exchanged(token: string): Promise<string> {
      const { world } = at
      const answer = await post(world, '/token', {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        client_id: 'cli',
        subject_token: token,
        subject_token_type: 'urn:mintmark:token-type:api-token',
        resource: MANAGEMENT_API,
      })
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
      const access = text(answer, 'access_token')
      world.keepSecret(access)
      return access
    }

    const call: TokenWorld['call'] = (...request) => at.call(...request)

    let n = 0
    const order = () => ({
      name: `made ${n++}`,
      kind: 'service',
      owner: 'service:reports',
      scopes: ['read'],
      apis: ['urn:test:api'],
    })

    it('acts as the owner of the token, and shares its keys with it', async () => {
      const token = await at.make({ owner: ROBOT, apis: [MANAGEMENT_API], scopes: SCOPES })
      const access = await exchanged(token.text)
      const wanted = order()
      const made = await call(access, '/tokens', wanted)
      assert.equal(made.status, 201, JSON.stringify(made.body))
      assert.equal(made.body.created_by, 'client robot')
      assert.ok(Number(made.expiresIn) > 0)
      assert.deepEqual((await call(token.text, '/tokens', wanted)).body, made.body, 'one caller, one key, one answer')
      const [user] = (await at.world.app.tokenUse.usage.users(token.id)).served
      assert.equal(user?.outcome, 'VALID')
    })

    it('is nothing from the second on in which the token is narrowed, revoked, or its owner disabled', async () => {
      const admin = await at.personal({ apis: [MANAGEMENT_API], scopes: SCOPES })
      const token = await at.make({ owner: ROBOT, apis: [MANAGEMENT_API], scopes: SCOPES })
      const access = await exchanged(token.text)
      const status = async (as: string) => {
        at.world.clock.forward(1)
        return (await call(as, '/tokens', order())).status
      }
      assert.equal(await status(access), 201)
      await at.world.app.clients.disable('robot')
      assert.equal(await status(access), 401)
      await at.world.app.clients.enable('robot')
      assert.equal(await status(access), 201)
      const narrowed = await call(admin.text, `/tokens/tok_${token.id}/narrow`, { scopes: ['tokens:write'] })
      assert.equal(narrowed.status, 200, JSON.stringify(narrowed.body))
      assert.equal(await status(access), 401)
      const less = await exchanged(token.text)
      assert.equal(await status(less), 201)
      assert.equal((await call(admin.text, `/tokens/tok_${token.id}/revoke`, { why: 'over' })).status, 200)
      assert.equal(await status(less), 401)
    })

    it('is good for a personal token as it is said at introspection, and hands out no more than that', async () => {
      const { world, has } = at
      const token = await at.personal({ apis: [MANAGEMENT_API], scopes: ['tokens:self'] })
      const access = await exchanged(token.text)
      const own = { ...order(), kind: 'personal', owner: `account:${has.person.sub}` }
      const wider = await call(access, '/tokens', own)
      assert.deepEqual([wider.status, wider.body.code], [403, 'wider_than_parent'], 'its children can only be narrower')
      const child = await call(access, '/tokens', { ...own, scopes: ['tokens:self'], apis: [MANAGEMENT_API] })
      assert.equal(child.status, 201, JSON.stringify(child.body))
      assert.deepEqual(
        [child.body.created_by, child.body.parent],
        [`account ${has.person.sub}`, { id: `tok_${token.id}`, name: 'nightly' }],
      )
      await world.app.accounts.disable(CANARY.login)
      world.clock.forward(1)
      assert.equal((await call(access, '/tokens', { ...own, name: 'late' })).status, 401)
      await world.app.accounts.enable(CANARY.login)
    })
  })
}
