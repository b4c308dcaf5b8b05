/** Rate limits and quotas: exact on one node, and on several as good as is said. */

import assert from 'node:assert/strict'
import { STORES } from '../support/world.ts'
import { DAY, type Desk, openDesk } from './desk.ts'

for (const kind of STORES) {
  describe(`rates of API tokens on ${kind}`, () => {
    let desk: Desk
    beforeEach(async () => {
      desk = await openDesk(kind)
      desk.world.rates = {
        burst: { points: 3, seconds: 10, per: 'token' },
        day: { points: 10, seconds: 86_400, per: 'owner' },
      }
    })
    afterEach(() => desk.close())

    const many = async (node: Desk['use'], text: string, n: number): Promise<number> => {
      let valid = 0
      for (let one = 0; one < n; one++) if ((await node.verifier.verify(text)).reason === 'VALID') valid++
      return valid
    }

    it('lets through as many as are allowed, says when there is room again, and reads nothing for it', async () => {
      const token = await desk.make({ labels: ['rate:burst', 'team:x'] })
      await desk.use.verifier.verify(token.text, { scopes: ['nothing of the kind'] })
      desk.reads.length = 0
      assert.equal(await many(desk.use, token.text, 5), 3, 'what was refused for another reason takes no point')
      assert.deepEqual(desk.reads, [])
      const { reason, retryAfterSeconds } = await desk.use.verifier.verify(token.text)
      assert.deepEqual([reason, retryAfterSeconds], ['RATE_LIMITED', 10])
      desk.clock.ms += 10_000
      assert.equal(await many(desk.use, token.text, 5), 3)
      await desk.use.usage.flush()
      assert.deepEqual((await desk.use.usage.hours(token.id))[0]?.counts, {
        VALID: 6,
        SCOPE_DENIED: 1,
        RATE_LIMITED: 5,
      })
    })

    it('is shared by the tokens of an owner where it says so, and by the rotations of one', async () => {
      const one = await desk.make({ labels: ['rate:day'] })
      const two = await desk.make({ labels: ['rate:day'] })
      const stranger = await desk.make({ labels: ['rate:day'], owner: { type: 'service', id: 'another' } })
      assert.deepEqual([await many(desk.use, one.text, 6), await many(desk.use, two.text, 6)], [6, 4])
      assert.equal(await many(desk.use, stranger.text, 6), 6)
      const old = await desk.make({ labels: ['rate:burst'] })
      const next = await desk.make({ labels: ['rate:burst'], line: old.line })
      assert.deepEqual([await many(desk.use, old.text, 2), await many(desk.use, next.text, 2)], [2, 1])
    })

    it('holds the children of a token to its limits, whatever labels they have, and counts what is shared once', async () => {
      const parent = await desk.make({ labels: ['rate:burst', 'rate:day'] })
      const child = await desk.make({ parent: parent.line })
      const other = await desk.make({ parent: child.line, labels: ['rate:day'] })
      assert.deepEqual([await many(desk.use, child.text, 2), await many(desk.use, other.text, 2)], [2, 1])
      assert.equal(await many(desk.use, parent.text, 1), 0, 'they have taken it from the parent')
      desk.clock.ms += 10_000
      assert.equal(await many(desk.use, other.text, 9), 3)
      desk.clock.ms += 10_000
      assert.equal(await many(desk.use, child.text, 9), 3)
      desk.clock.ms += 10_000
      assert.equal(await many(desk.use, child.text, 9), 1, 'of the ten of a day nine were taken')
    })

    it('takes no point of one limit when another is spent', async () => {
      const token = await desk.make({ labels: ['rate:day', 'rate:burst'] })
      assert.equal(await many(desk.use, token.text, 20), 3)
      desk.clock.ms += 10_000
      assert.equal(await many(desk.use, token.text, 20), 3)
    })

    it('knows on each node what all took as soon as they have shared it, and never more than each alone before', async () => {
      const token = await desk.make({ labels: ['rate:day'] })
      const nodes = [desk.node(), desk.node(), desk.node()]
      const share = () =>
        Promise.all(nodes.map(({ timers }) => timers.find(({ what }) => what === 'token rates')?.work()))
      for (const node of nodes) assert.equal(await many(node, token.text, 2), 2)
      await share()
      await share()
      let more = 0
      for (const node of nodes) {
        more += await many(node, token.text, 1)
        await share()
      }
      assert.equal(more, 3)
      const last = await Promise.all(nodes.map((node) => many(node, token.text, 20)))
      const total = 9 + last.reduce((sum, n) => sum + n, 0)
      assert.ok(total <= 3 * 10, 'the bound that is stated')
      await share()
      await share()
      for (const node of nodes) assert.equal(await many(node, token.text, 5), 0)
    })

    it('forgets nothing that was shared when a node starts anew within the window', async () => {
      const token = await desk.make({ labels: ['rate:day'] })
      await many(desk.use, token.text, 9)
      await desk.use.stop()
      const again = desk.node()
      assert.equal(await many(again, token.text, 1), 1)
      await again.stop()
      assert.equal(await many(again, token.text, 5), 0)
    })

    it('counts the use of a child for the limits of all above it, once for each', async () => {
      const root = await desk.make({ labels: ['rate:burst'] })
      const middle = await desk.make({ parent: root.line })
      const child = await desk.make({ parent: middle.line, labels: ['rate:day'] })
      assert.deepEqual([await many(desk.use, child.text, 2), await many(desk.use, root.text, 2)], [2, 1])
      assert.equal(await many(desk.use, middle.text, 1), 0, 'a child is no way around a limit')
      const both = await desk.make({ labels: ['rate:day'], owner: { type: 'service', id: 'both' } })
      const own = { type: 'service', id: 'both' } as const
      const below = await desk.make({ labels: ['rate:day'], owner: own, parent: both.line })
      assert.equal(await many(desk.use, below.text, 20), 10, 'a limit that both share is taken from once')
    })

    it('holds a token to what its policies name, besides its labels', async () => {
      const node = desk.node({ namesOf: ({ kind }) => (kind === 'service' ? ['burst'] : []) })
      const [one, two] = [await desk.make(), await desk.make({ labels: ['rate:day', 'rate:burst'] })]
      const person = await desk.make({ kind: 'personal', owner: { type: 'account', id: 'anna' } })
      const allowed = [await many(node, one.text, 5), await many(node, two.text, 5), await many(node, person.text, 5)]
      assert.deepEqual(allowed, [3, 3, 5])
    })

    it('begins the quota of a month with the first, and that of a day at midnight, in UTC', async () => {
      desk.world.rates = {
        month: { points: 2, each: 'month', per: 'token' },
        today: { points: 1, each: 'day', per: 'token' },
      }
      const token = await desk.make({ labels: ['rate:month', 'rate:today'] })
      // The desk's clock begins in the middle of January 2027.
      desk.clock.ms = Date.UTC(2027, 0, 29, 23, 59)
      assert.equal(await many(desk.use, token.text, 2), 1)
      assert.equal((await desk.use.verifier.verify(token.text)).retryAfterSeconds, 60)
      desk.clock.ms = Date.UTC(2027, 0, 30)
      assert.equal(await many(desk.use, token.text, 2), 1)
      desk.clock.ms = Date.UTC(2027, 0, 31)
      const { reason, retryAfterSeconds } = await desk.use.verifier.verify(token.text)
      assert.deepEqual([reason, retryAfterSeconds], ['RATE_LIMITED', DAY])
      desk.clock.ms = Date.UTC(2027, 1, 1)
      assert.equal(await many(desk.use, token.text, 2), 1)
    })

    it('is limited by nothing whose name the configuration does not know', async () => {
      const token = await desk.make({ labels: ['rate:toString', 'rate:unknown', 'burst'] })
      assert.equal(await many(desk.use, token.text, 20), 20)
    })
  })
}
