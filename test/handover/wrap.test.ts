/** Wrapped secrets: looking is harmless, the first right key opens, another one alarms, a wrong one is nothing. */

import assert from 'node:assert/strict'
import { Secret } from '../../src/base/index.ts'
import { proofOf, unwrapText, WRAP_SECONDS_MAX } from '../../src/handover/index.ts'
import { type LeakRoom, openLeakRoom } from '../support/leak-room.ts'
import { STORES } from '../support/world.ts'

let attempts = 0
const attempt = (): string => Buffer.from(`attempt ${attempts++}`.padEnd(16)).toString('base64url')

interface Wrapped {
  readonly id: string
  readonly key: string
  readonly url: string
}

async function wrap(room: LeakRoom, text: string, token?: string, lifetimeSeconds = 300): Promise<Wrapped> {
  const unit = room.unit()
  const { address } = room.handover.wrap(unit, { text: new Secret(text), token, by: 'operator' }, { lifetimeSeconds })
  await room.commit(unit)
  const url = new URL(address)
  const key = url.hash.slice(1)
  room.keepSecret(key, text)
  return { id: url.pathname.split('/').at(-1) ?? '', key, url: url.origin + url.pathname }
}

async function open(wrapped: Wrapped, input: { readonly key?: string; readonly attempt?: string } = {}) {
  const proof = proofOf(input.key ?? wrapped.key, wrapped.id)
  const answer = await fetch(wrapped.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ proof, attempt: input.attempt ?? attempt() }),
  })
  const body: { readonly ciphertext?: string; readonly error?: string } = JSON.parse(await answer.text())
  return { status: answer.status, ...body }
}

const types = async (room: LeakRoom): Promise<readonly string[]> => (await room.events()).map(({ type }) => type)

for (const kind of STORES) {
  describe(`wrapped secrets on ${kind}`, () => {
    let room: LeakRoom
    beforeEach(async () => {
      room = await openLeakRoom(kind)
    })
    afterEach(() => room.close())

    it('open for the first right key; the store never held text or key', async () => {
      const token = await room.mint()
      const wrapped = await wrap(room, token.text, token.id)
      for (let n = 0; n < 3; n++) assert.equal((await fetch(wrapped.url)).status, 200)
      const [doc] = await room.store.scan('wrapped', { limit: 2 })
      assert.ok(doc?.body)
      const inside = (await room.seal.open(doc)).toString()
      for (const secret of [token.text, wrapped.key, proofOf(wrapped.key, wrapped.id)])
        assert.ok(!inside.includes(secret) && !JSON.stringify(doc).includes(secret))
      const opened = await open(wrapped)
      assert.equal(opened.status, 200)
      assert.equal(unwrapText(wrapped.key, wrapped.id, opened.ciphertext ?? ''), token.text)
      assert.equal(await room.stateOf(token.id), 'active')
      assert.deepEqual(await types(room), ['wrapped.made', 'wrapped.opened'])
    })

    it('opened twice revoke the token, tell it once, and open for nobody more', async () => {
      const token = await room.mint()
      const wrapped = await wrap(room, token.text, token.id)
      assert.equal((await open(wrapped)).status, 200)
      const rivals = await Promise.all(Array.from({ length: 8 }, () => open(wrapped)))
      for (const { status, error, ciphertext } of rivals)
        assert.deepEqual([status, error, ciphertext], [409, 'wrapped_opened', undefined])
      assert.equal(await room.stateOf(token.id), 'revoked')
      assert.deepEqual((await types(room)).toSorted(), ['wrapped.made', 'wrapped.opened', 'wrapped.opened_twice'])
    })

    it('give one of 16 rivals the secret; the others are the alarm', async () => {
      const token = await room.mint()
      const wrapped = await wrap(room, token.text, token.id)
      const rivals = await Promise.all(Array.from({ length: 16 }, () => open(wrapped)))
      assert.equal(rivals.filter(({ status }) => status === 200).length, 1)
      assert.equal(await room.stateOf(token.id), 'revoked')
      assert.equal((await types(room)).filter((type) => type === 'wrapped.opened_twice').length, 1)
    })

    it('give a retry of the same attempt its first answer', async () => {
      const token = await room.mint()
      const wrapped = await wrap(room, token.text, token.id)
      const mine = attempt()
      const answers = [await open(wrapped, { attempt: mine }), await open(wrapped, { attempt: mine })]
      assert.deepEqual(answers[0], answers[1])
      assert.equal(await room.stateOf(token.id), 'active')
    })
  })
}

describe('wrapped secrets', () => {
  let room: LeakRoom
  before(async () => {
    room = await openLeakRoom('sqlite')
  })
  after(() => room.close())

  it('are left as they are by a wrong key, as by an address that never was', async () => {
    const token = await room.mint()
    const wrapped = await wrap(room, token.text, token.id)
    const before = await types(room)
    const other = Buffer.alloc(32, 1).toString('base64url')
    const wrong = await open(wrapped, { key: other })
    const nothing = await open({ ...wrapped, url: wrapped.url.slice(0, -4) + 'AAAA' })
    assert.deepEqual([wrong.status, wrong.error], [404, 'wrapped_unknown'])
    assert.deepEqual(nothing, wrong)
    assert.equal(await room.stateOf(token.id), 'active')
    assert.deepEqual(await types(room), before)
    assert.equal((await open(wrapped)).status, 200)
  })

  it('end with their lifetime; one that was opened in it alarms the day after still', async () => {
    const [late, seen] = [await room.mint(), await room.mint()]
    const [one, two] = [await wrap(room, late.text, late.id, 60), await wrap(room, seen.text, seen.id, 60)]
    assert.equal((await open(two)).status, 200)
    room.clock.forward(61)
    assert.deepEqual((await open(one)).error, 'wrapped_expired')
    assert.equal(await room.stateOf(late.id), 'active', 'nobody has seen it')
    assert.deepEqual((await open(two)).error, 'wrapped_opened')
    assert.equal(await room.stateOf(seen.id), 'revoked')
  })

  it('alarm also for a token that is revoked already, and for a secret that is no token', async () => {
    for (const token of [await room.mint(), undefined]) {
      const wrapped = await wrap(room, 'a password for the staging machine', token?.id)
      if (token) {
        const unit = room.unit()
        await room.tokens.revoke(unit, token.id, { by: 'operator', why: '' })
        await room.commit(unit)
      }
      await open(wrapped)
      assert.equal((await open(wrapped)).status, 409)
    }
  })

  it('live for 15 minutes at most', () => {
    const order = { text: new Secret('secret'), by: 'operator' }
    for (const lifetimeSeconds of [0, -1, 1.5, Number.NaN, WRAP_SECONDS_MAX + 1])
      assert.throws(() => room.handover.wrap(room.unit(), order, { lifetimeSeconds }), /15 minutes/)
  })
})

describe('the page of a wrapped secret', () => {
  it('is the same for every visitor, under a policy of its own, and refuses another shape', async () => {
    const room = await openLeakRoom('sqlite')
    const wrapped = await wrap(room, 'secret of the page')
    const [here, nowhere] = await Promise.all([fetch(wrapped.url), fetch(wrapped.url.slice(0, -4) + 'AAAA')])
    const html = await here.text()
    assert.equal(html, await nowhere.text())
    assert.match(html, /<script src="\/assets\/wrapped\.js\?v=[\w-]+" type="module"><\/script>/)
    assert.equal(html.match(/<script/g)?.length, 1)
    assert.doesNotMatch(html, /\s(on\w+|style)=/)
    const policy = here.headers.get('content-security-policy') ?? ''
    assert.match(policy, /default-src 'none'; script-src 'self'; connect-src 'self'/)
    assert.doesNotMatch(policy, /unsafe/)
    assert.equal(here.headers.get('cache-control'), 'no-store')
    assert.equal(here.headers.get('referrer-policy'), 'no-referrer')
    for (const body of ['', '{}', '{"proof":"x","attempt":"y"}', 'null'])
      assert.equal((await fetch(wrapped.url, { method: 'POST', body })).status, 400)
    assert.equal((await fetch(wrapped.url, { method: 'PUT' })).status, 405)
    assert.equal((await fetch(`${room.issuer}/wrapped/short`)).status, 404)
    assert.equal((await open(wrapped)).status, 200, 'none of it has opened it')
    await room.close()
  })
})
