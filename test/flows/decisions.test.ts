/** The rotation engine and API tokens in a whole server: leaks, traps, uses from outside and use counts reach the policies. */

import assert from 'node:assert/strict'
import type { RotationFacts } from '../../src/config/index.ts'
import { maxUses, named } from '../../src/rotation/index.ts'
import { post } from '../support/browser.ts'
import { type LeakWorld, openLeakWorld } from '../support/leak-world.ts'
import { STORES } from '../support/world.ts'

for (const kind of STORES) {
  describe(`rotation policies and API tokens on ${kind}`, function () {
    this.timeout(20_000)
    const heard: RotationFacts[] = []
    let waiting: ((facts: RotationFacts) => void) | undefined
    const asked = () => new Promise<RotationFacts>((resolve) => (waiting = resolve))
    const policy = named('listens', '1', (facts) => {
      heard.push(facts)
      waiting?.(facts)
      return facts.risk ? { do: 'quarantine', why: facts.risk.reasons.join() } : { do: 'abstain' }
    })
    let at: LeakWorld
    before(async () => {
      at = await openLeakWorld(kind, { rotation: [{ policy, kinds: ['api_token'] }, maxUses(3)] })
    })
    beforeEach(() => void heard.splice(0))
    after(() => at.close())
    const use = (token: string, ip: string) =>
      post(at.world, '/token/introspection', { token, ip, user_agent: 'cron/1', scope: 'read' }, at.service)

    it('are asked of a leak, and the decision is recorded', async () => {
      const token = await at.made()
      await at.report(token.text)
      assert.deepEqual(
        heard.map(({ event, credential }) => [event, credential.kind]),
        [['leak', 'api_token']],
      )
      await at.world.app.relay.drain()
      const [told] = await at.world.app.eventLog.latest({ type: 'rotation.decided', last: 1 })
      assert.ok(JSON.stringify(told).includes(token.id))
    })

    it('hear of a trap, and of a token that comes from outside its networks again and again', async () => {
      const trap = await at.made({ canary: true })
      const first = asked()
      await use(trap.text, '192.0.2.7')
      assert.deepEqual((await first).risk?.reasons, ['a trap was used'])
      const token = await at.made({ networks: { allow: ['10.0.0.0/8'], except: [] } })
      await use(token.text, '10.0.0.7')
      for (let n = 0; n < 4; n++) await use(token.text, '192.0.2.7')
      await at.world.app.tokenUse.usage.flush()
      const second = asked()
      await use(token.text, '192.0.2.7')
      await at.world.app.tokenUse.usage.flush()
      const { risk, request, credential } = await second
      assert.deepEqual(risk?.reasons, ['came 5 times in an hour from outside its networks'])
      assert.deepEqual([request?.network, credential.last?.network], ['192.0.2.0/24', '10.0.0.0/24'])
      assert.equal(credential.uses, 1)
      while ((await at.stateOf(token.id)) !== 'quarantined') await new Promise((next) => setImmediate(next))
    })

    it('count uses on schedule', async () => {
      const token = await at.made({ name: 'busy' })
      for (let n = 0; n < 3; n++) await use(token.text, '10.0.0.7')
      await at.world.app.tokenUse.usage.flush()
      await at.world.app.tokenSchedule.tick()
      const mine = heard.find(({ event, credential }) => event === 'api-token.scheduled' && credential.uses === 3)
      assert.equal(mine?.credential.last?.network, '10.0.0.0/24')
      const due = at.log.said('about an API token').filter(({ id }) => id === token.id)
      assert.deepEqual(
        due.map(({ about, name, owner, ends }) => [about, name, owner, typeof ends]),
        [['rotation', undefined, `account:${at.has.person.sub}`, 'number']],
      )
    })
  })
}
