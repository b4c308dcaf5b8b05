/** Reports of leaks by anyone: nothing is told of any token, and exactly the live ones among them are taken out of use. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { ShownToken } from '../../src/api-tokens/index.ts'
import type { LeakNotice } from '../../src/leaks/index.ts'
import { leakReports } from '../../src/leaks/records.ts'
import { type LeakRoom, openLeakRoom } from '../support/leak-room.ts'
import { STORES } from '../support/world.ts'

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** A report from a network of its own unless one is given. */
let networks = 0
async function report(room: LeakRoom, body: unknown, network = `10.1.${networks++ % 250}.1`): Promise<Answer> {
  const answer = await fetch(`${room.issuer}/leaks/revoke`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': network },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const headers = Object.fromEntries([...answer.headers].filter(([name]) => name !== 'date' && name !== 'x-request-id'))
  return { status: answer.status, headers, body: Buffer.from(await answer.arrayBuffer()) }
}

const unknownTexts = (room: LeakRoom, count: number): readonly string[] =>
  Array.from({ length: count }, () => room.seal.mintCredential('pat'))

for (const kind of STORES) {
  describe(`leak reports on ${kind}`, function () {
    this.timeout(60_000)

    it('change exactly the 10 of 1,000 that exist, and answer byte for byte, call for call, as when none does', async () => {
      const room = await openLeakRoom(kind)
      const bystanders = await Promise.all(Array.from({ length: 5 }, () => room.mint()))
      const ten = await Promise.all(Array.from({ length: 10 }, () => room.mint()))
      const others = unknownTexts(room, 990)
      const mixed = others.flatMap((text, n) => (n % 99 === 0 ? [text, ten[n / 99]?.text ?? ''] : [text]))
      assert.equal(mixed.length, 1000)
      const before = await room.revisions()

      room.calls.length = 0
      const hit = await report(room, { tokens: mixed })
      const hitCalls = room.calls.splice(0)
      const miss = await report(room, { tokens: unknownTexts(room, 1000) })
      const missCalls = room.calls.splice(0)
      const junk = await report(room, { tokens: Array.from({ length: 1000 }, (_, n) => `${n}`.padEnd(44, '€')) })
      const junkCalls = room.calls.splice(0)
      assert.deepEqual(hit, miss)
      assert.deepEqual(hit, junk)
      assert.equal(hit.status, 202)
      assert.deepEqual(hitCalls, missCalls)
      assert.deepEqual(hitCalls, junkCalls)
      assert.deepEqual(await room.revisions(), before, 'nothing is done before the answer')

      await room.leaks.work()
      const after = await room.revisions()
      const changed = [...after].filter(([id, rev]) => before.get(id) !== rev).map(([id]) => `tok_${id}`)
      assert.deepEqual(changed.toSorted(), ten.map(({ id }) => id).toSorted())
      for (const { id } of ten) assert.equal(await room.stateOf(id), 'quarantined')
      for (const { id } of bystanders) assert.equal(await room.stateOf(id), 'active')
      const events = await room.events()
      assert.deepEqual([...new Set(events.map(({ type }) => type))], ['api_token.leaked'])
      assert.deepEqual(events.map(({ data }) => data.token).toSorted(), changed.toSorted())
      assert.ok(events.every(({ data }) => data.by === 'leak report' && data.reaction === 'quarantine'))
      assert.equal((await room.store.scan(leakReports.name, { limit: 10 })).length, 0, 'the queue is empty')
      await room.close()
    })
  })

  describe(`queued leak reports on ${kind}`, () => {
    it('hold no clear text, and survive a stop between answer and work', async () => {
      const room = await openLeakRoom(kind)
      const token = await room.mint()
      await report(room, { tokens: [token.text] })
      const [queued] = await room.store.scan(leakReports.name, { limit: 10 })
      assert.ok(queued?.body)
      const bytes = Buffer.from(queued.body)
      assert.ok(!bytes.includes(token.text) && !bytes.includes(token.id.slice(4)), 'sealed: not even the hash is read')
      const opened = (await room.seal.open(queued)).toString()
      assert.ok(!opened.includes(token.text) && opened.includes(token.id.slice(4)), 'inside are hashes alone')
      assert.ok(!opened.includes(createHash('sha256').update(token.text).digest('hex')), 'keyed ones')
      await room.leaks.work()
      await room.leaks.work()
      assert.equal(await room.stateOf(token.id), 'quarantined')
      assert.equal((await room.events()).length, 1)
      await room.close()
    })

    it('count to the limit of a network, also when they come at once, and let others report', async () => {
      const room = await openLeakRoom(kind, { reportsPerHour: 5 })
      const tokens = unknownTexts(room, 1)
      for (let n = 0; n < 3; n++) assert.equal((await report(room, { tokens }, '192.0.2.7')).status, 202)
      const rivals = await Promise.all(Array.from({ length: 9 }, () => report(room, { tokens }, '192.0.2.7')))
      assert.ok(rivals.filter(({ status }) => status === 202).length <= 2)
      assert.ok(rivals.every(({ status }) => status === 202 || status === 429))
      const refused = await report(room, { tokens }, '192.0.2.200')
      assert.equal(refused.status, 429, 'a neighbour in the same /24 is the same network')
      assert.ok(Number(refused.headers['retry-after']) > 0)
      assert.equal((await report(room, { tokens }, '198.51.100.1')).status, 202)
      room.clock.forward(3601)
      assert.equal((await report(room, { tokens }, '192.0.2.7')).status, 202)
      await room.close()
    })
  })

  describe(`owners on ${kind}`, () => {
    it('are told of a token once a day at most, and it is quarantined each time', async () => {
      const told: LeakNotice[] = []
      const room = await openLeakRoom(kind, { tellOwner: async (notice) => void told.push(notice) })
      const token = await room.mint()
      const again = async () => {
        await report(room, { tokens: [token.text, token.text] })
        await room.leaks.work()
      }
      const release = async () => {
        const doc = await room.store.get('api-tokens', token.id.slice(4))
        assert.ok(doc)
        const unit = room.unit()
        unit.update('api-tokens', doc, { state: 'active' })
        await room.store.commit(unit.writes('all'))
      }
      await again()
      assert.equal(told.length, 1)
      assert.equal(told[0]?.token.id, token.id)
      await release()
      await again()
      assert.equal(await room.stateOf(token.id), 'quarantined')
      assert.equal(told.length, 1, 'not twice a day')
      await release()
      room.clock.forward(86_401)
      await again()
      assert.equal(told.length, 2)
      assert.deepEqual((await room.events()).map(({ data }) => data.owner_told).toSorted(), [false, true, true])
      await room.close()
    })
  })
}

describe('leak reports', () => {
  let room: LeakRoom
  let oauth: [string, string][]
  before(async () => {
    oauth = []
    room = await openLeakRoom('sqlite', {
      oauth: {
        mark: async (text) => ({
          ids: [createHash('sha256').update(text).digest('base64url')],
          token: null,
          isOurs: false,
        }),
        isLive: async () => false,
        end: async ({ ids }, by) => {
          oauth.push([ids.join(' '), by])
          return true
        },
      },
      reaction: async (token: ShownToken) => ({
        do: token.owner.type === 'service' ? 'revoke' : 'quarantine',
        why: 'a policy says so',
      }),
    })
  })
  after(() => room.close())

  it('of another shape are refused with 400, which says nothing of any token', async () => {
    const text = 'x'.repeat(4096)
    for (const body of [
      '',
      '{',
      'null',
      '[]',
      '{}',
      { tokens: [] },
      { tokens: 'mm_pat_x' },
      { tokens: Array.from({ length: 1001 }, () => 'x') },
      Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1'),
    ])
      assert.equal((await report(room, body)).status, 400, JSON.stringify(body).slice(0, 60))
    assert.equal((await report(room, { tokens: Array.from({ length: 1000 }, () => text) })).status, 202)
    assert.equal((await report(room, { tokens: ['\0', '__proto__', '€'.repeat(512)] })).status, 202)
    const read = await fetch(`${room.issuer}/leaks/revoke`)
    assert.equal(read.status, 405)
    assert.equal(read.headers.get('allow'), 'POST')
    await room.leaks.work()
    oauth.length = 0
  })

  it('leave alone what is dead or quarantined, and end what waits for approval', async () => {
    const expired = await room.mint({ lasts: 60 })
    const pending = await room.mint({ state: 'pending' })
    const service = await room.mint({ record: { kind: 'service', owner: { type: 'service', id: 'nightly' } } })
    room.clock.forward(61)
    const before = await room.revisions()
    await report(room, { tokens: [expired, pending, service].map(({ text }) => text) })
    await room.leaks.work()
    assert.equal((await room.revisions()).get(expired.id.slice(4)), before.get(expired.id.slice(4)))
    assert.equal(await room.stateOf(pending.id), 'revoked')
    assert.equal(await room.stateOf(service.id), 'revoked', 'by the reaction that was passed in')
  })

  it("hand OAuth tokens to the protocol's side as hashes, one for each text", async () => {
    oauth.length = 0
    await report(room, { tokens: ['mm_rt_something', 'junk'] })
    await room.leaks.work()
    const marks = ['mm_rt_something', 'junk'].map((text) => createHash('sha256').update(text).digest('base64url'))
    assert.deepEqual(
      oauth,
      marks.map((mark) => [mark, 'leak report']),
    )
  })
})

describe('leak reports that hold something else, too', () => {
  it('with entries that are no tokens are answered as any, and what stands beside them is acted on', async () => {
    const room = await openLeakRoom('sqlite')
    const token = await room.mint()
    const fine = await report(room, { tokens: [token.text] })
    const bad = [1, null, '', {}, ['x'], 'x'.repeat(4097), '\0']
    const other = await room.mint()
    assert.deepEqual(await report(room, { tokens: [...bad, other.text] }), fine)
    assert.deepEqual(await report(room, { tokens: bad }), fine)
    await room.leaks.work()
    for (const { id } of [token, other]) assert.equal(await room.stateOf(id), 'quarantined')
    await room.close()
  })
})

describe('the work on leak reports', () => {
  it('is done by one node, and a report that fails holds up no other', async () => {
    const room = await openLeakRoom('sqlite')
    let broken = true
    const [one, two] = [await room.mint(), await room.mint()]
    const flawed = await openLeakRoom('sqlite', {
      tokens: {
        ...room.tokens,
        show: async (id) => {
          if (broken && id === one.id) throw new Error('the store is away')
          return room.tokens.show(id)
        },
      },
      store: room.store,
      seal: room.seal,
      unit: room.unit,
      commit: room.commit,
      clock: room.clock,
    })
    await report(room, { tokens: [one.text] })
    await report(room, { tokens: [two.text] })
    await flawed.leaks.work()
    assert.equal(await room.stateOf(one.id), 'active')
    assert.equal(await room.stateOf(two.id), 'quarantined')
    broken = false
    const other = { name: 'leaks', holder: 'another node', until: room.clock.now() + 60_000 }
    assert.ok(await room.store.lease(other, room.clock.now()))
    await flawed.leaks.work()
    assert.equal(await room.stateOf(one.id), 'active', 'another node has the lease')
    await room.store.release(other.name, other.holder)
    await flawed.leaks.work()
    assert.equal(await room.stateOf(one.id), 'quarantined')
    await flawed.close()
    await room.close()
  })
})
