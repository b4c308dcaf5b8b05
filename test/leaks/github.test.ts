/** Reports signed as GitHub signs them for its secret-scanning partners. The keys are made here, or served by a stand-in. */

import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { type LeakRoom, openLeakRoom } from '../support/leak-room.ts'
import { STORES } from '../support/world.ts'

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pemOf = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString()

interface Sent {
  readonly id?: string
  readonly key?: KeyObject
  readonly body: string
  readonly tampered?: string
}

async function send(room: LeakRoom, { id = 'one', key, body, tampered }: Sent) {
  const signature = key
    ? { 'Github-Public-Key-Signature': sign('sha256', Buffer.from(body), key).toString('base64') }
    : {}
  const answer = await fetch(`${room.issuer}/leaks/github`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'Github-Public-Key-Identifier': id, ...signature },
    body: tampered ?? body,
  })
  const text = await answer.text()
  return { status: answer.status, body: JSON.parse(text) as unknown }
}

const entry = (token: string) => ({
  token,
  type: 'mintmark_pat',
  url: 'https://github.com/o/r/blob/1/x',
  source: 'content',
})

for (const kind of STORES) {
  describe(`signed leak reports on ${kind}`, () => {
    it('quarantine what is ours, say which it was, and change nothing for a wrong signature', async () => {
      const { publicKey, privateKey } = pair()
      const room = await openLeakRoom(kind, { github: { keys: { one: pemOf(publicKey) } } })
      const token = await room.mint()
      const foreign = room.seal.mintCredential('pat')
      const body = JSON.stringify([entry(token.text), entry(foreign)])
      const before = await room.revisions()
      for (const sent of [
        { body },
        { body, key: pair().privateKey },
        { body, key: privateKey, id: 'two' },
        { body, key: privateKey, tampered: `${body} ` },
      ]) {
        const refused = await send(room, sent)
        assert.equal(refused.status, 401)
        await room.leaks.work()
      }
      assert.deepEqual(await room.revisions(), before)
      const { status, body: labels } = await send(room, { body, key: privateKey })
      assert.equal(status, 200)
      const hash = (text: string) => createHash('sha256').update(text).digest('hex')
      assert.deepEqual(labels, [
        { token_hash: hash(token.text), token_type: 'mintmark_pat', label: 'true_positive' },
        { token_hash: hash(foreign), token_type: 'mintmark_pat', label: 'false_positive' },
      ])
      await room.leaks.work()
      assert.equal(await room.stateOf(token.id), 'quarantined')
      const [event] = await room.events()
      assert.equal(event?.data.by, 'leak report by GitHub')
      assert.equal(event?.data.seen_at, 'https://github.com/o/r/blob/1/x')
      const flawed = JSON.stringify([1, { token: 'x' }, entry('y'.repeat(5000)), entry(token.text)])
      const { status: read, body: some } = await send(room, { body: flawed, key: privateKey })
      assert.equal(read, 200)
      assert.ok(Array.isArray(some) && some.length === 2, 'what can not be read spoils nothing')
      assert.equal((await send(room, { body: '{}', key: privateKey })).status, 400)
      await room.close()
    })
  })
}

describe('keys of a reporter', () => {
  let server: Server
  let keys: readonly (readonly [string, string])[]
  let asked: number
  let status: number
  let url: string
  before(async () => {
    server = createServer((_, res) => {
      asked++
      res.writeHead(status, { 'content-type': 'application/json' })
      res.end(
        JSON.stringify({
          public_keys: keys.map(([key_identifier, key]) => ({ key_identifier, key, is_current: true })),
        }),
      )
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const address = server.address()
    url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/keys`
  })
  beforeEach(() => {
    asked = 0
    status = 200
  })
  after(() => void server.close())

  it('are fetched once for many, kept for 30 minutes, and asked again for an unknown id once a minute at most', async () => {
    const [one, two] = [pair(), pair()]
    keys = [['one', pemOf(one.publicKey)]]
    const room = await openLeakRoom('sqlite', { github: { url } })
    const body = JSON.stringify([entry('nothing')])
    const first = await Promise.all(Array.from({ length: 5 }, () => send(room, { body, key: one.privateKey })))
    assert.deepEqual(
      first.map((answer) => answer.status),
      [200, 200, 200, 200, 200],
    )
    assert.equal(asked, 1)
    keys = [['two', pemOf(two.publicKey)]]
    assert.equal((await send(room, { body, id: 'two', key: two.privateKey })).status, 401)
    assert.equal(asked, 1, 'not within a minute of the last time')
    room.clock.forward(61)
    assert.equal((await send(room, { body, id: 'two', key: two.privateKey })).status, 200)
    for (let n = 0; n < 3; n++) assert.equal((await send(room, { body, id: 'x', key: two.privateKey })).status, 401)
    assert.equal(asked, 2)
    assert.equal((await send(room, { body, key: one.privateKey })).status, 401, 'a key that was taken away is gone')
    room.clock.forward(31 * 60)
    assert.equal((await send(room, { body, id: 'two', key: two.privateKey })).status, 200)
    assert.equal(asked, 3)
    await room.close()
  })

  it('that can not be had make the reporter come again, and an old key does not stand in for them', async () => {
    const one = pair()
    keys = [['one', pemOf(one.publicKey)]]
    const room = await openLeakRoom('sqlite', { github: { url } })
    const body = JSON.stringify([entry('nothing')])
    assert.equal((await send(room, { body, key: one.privateKey })).status, 200)
    status = 500
    room.clock.forward(31 * 60)
    assert.equal((await send(room, { body, key: one.privateKey })).status, 503)
    assert.notEqual((await send(room, { body, key: one.privateKey })).status, 200)
    await room.close()
  })
})

describe('signatures of reports', () => {
  it('of another curve or kind are no keys, and the route is not there without a reporter', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    await assert.rejects(openLeakRoom('sqlite', { github: { keys: { one: pemOf(other.publicKey) } } }), /P-256/)
    const room = await openLeakRoom('sqlite')
    assert.equal((await fetch(`${room.issuer}/leaks/github`, { method: 'POST', body: '[]' })).status, 404)
    await room.close()
  })

  it("verify GitHub's own published example", async () => {
    // docs.github.com, "Secret scanning partner program": the key, body and signature that partners test with.
    const key =
      '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsz9ugWDj5jK5ELBK42ynytbo38gP\nHzZFI03Exwz8Lh/tCfL3YxwMdLjB+bMznsanlhK0RwcGP3IDb34kQDIo3Q==\n-----END PUBLIC KEY-----\n'
    const id = 'f9525bf080f75b3506ca1ead061add62b8633a346606dc5fe544e29231c6ee0d'
    const body = '[{"token":"some_token","type":"some_type","url":"some_url","source":"some_source"}]'
    const signature = 'MEUCIFLZzeK++IhS+y276SRk2Pe5LfDrfvTXu6iwKKcFGCrvAiEAhHN2kDOhy2I6eGkOFmxNkOJ+L2y8oQ9A2T9GGJo6WJY='
    const room = await openLeakRoom('sqlite', { github: { keys: { [id]: key } } })
    const answer = await fetch(`${room.issuer}/leaks/github`, {
      method: 'POST',
      headers: { 'Github-Public-Key-Identifier': id, 'Github-Public-Key-Signature': signature },
      body,
    })
    assert.equal(answer.status, 200)
    await room.close()
  })
})
