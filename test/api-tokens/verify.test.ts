/** Verification: every reason, what it reads, and how old what it knows may be. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { stageForeignMark } from '../../src/api-tokens/foreign.ts'
import { apiTokens, foreignTokenId } from '../../src/api-tokens/records.ts'
import { systemRandom } from '../../src/base/index.ts'
import { DAY, type Desk, openDesk } from './desk.ts'

describe('the verification of an API token', () => {
  let desk: Desk
  beforeEach(async () => {
    desk = await openDesk('sqlite')
  })
  afterEach(() => desk.close())

  const reason = async (text: string, asked = {}): Promise<string> =>
    (await desk.use.verifier.verify(text, asked)).reason
  async function change(what: (unit: ReturnType<Desk['unit']>) => Promise<void> | void): Promise<void> {
    const unit = desk.unit()
    await what(unit)
    await desk.commit(unit)
    desk.use.verifier.heard(unit.writes('all'))
  }

  it('says of each state what a resource server may know', async () => {
    const now = desk.clock.seconds
    assert.equal(await reason((await desk.make()).text), 'VALID')
    assert.equal(await reason(desk.seal.mintCredential('svc')), 'NOT_FOUND')
    assert.equal(await reason((await desk.make({ exp: now })).text), 'EXPIRED')
    assert.equal(await reason((await desk.make({ notBefore: now + 60 })).text), 'NOT_YET')
    assert.equal(await reason((await desk.make({ state: 'pending' })).text), 'NOT_YET')
    const gone = await desk.make()
    await change((unit) => unit.revoke({ collection: apiTokens.name, target: { id: gone.id }, at: now }))
    assert.equal(await reason(gone.text), 'REVOKED')
    const held = await desk.make()
    await change((unit) =>
      unit.revoke({ collection: apiTokens.name, target: { id: held.id }, at: now, mark: 'quarantined' }),
    )
    assert.equal(await reason(held.text), 'QUARANTINED')
  })

  it('says how a token stands as it would be answered, place aside, through every generation', async () => {
    const now = desk.clock.seconds
    const root = await desk.make({ networks: { allow: ['10.0.0.0/8'], except: [] }, apis: ['urn:a'] })
    const middle = await desk.make({ methods: ['GET'], paths: ['/orders'], parent: root.line })
    const child = await desk.make({ parent: middle.line })
    const stands = async ({ text }: { readonly text: string }) => {
      const found = await desk.use.verifier.find(text, { isFresh: true })
      return found && desk.use.verifier.standing(found)
    }
    assert.deepEqual([await reason(child.text), await stands(child)], ['IP_DENIED', 'VALID'])
    desk.world.scopes = []
    const node = desk.node().verifier
    const found = await node.find(child.text)
    assert.equal(found && (await node.standing(found)), 'SCOPE_DENIED', 'there is nothing left that it may do')
    desk.world.scopes = undefined
    await change((unit) =>
      unit.revoke({ collection: apiTokens.name, target: { id: root.id }, at: now, mark: 'quarantined' }),
    )
    assert.deepEqual([await stands(root), await stands(child)], ['QUARANTINED', 'QUARANTINED'])
  })

  it('says of each request why it is not for this token', async () => {
    const token = await desk.make({
      networks: { allow: ['10.0.0.0/8'], except: ['10.1.0.0/16'] },
      methods: ['GET'],
      paths: ['/orders/{id}'],
      apis: ['urn:a'],
    })
    const good = { address: '10.2.3.4', method: 'get', path: '/orders/7', api: 'urn:a', scopes: ['read'] }
    for (const [asked, expected] of [
      [good, 'VALID'],
      [{ ...good, address: '10.1.3.4' }, 'IP_DENIED'],
      [{ ...good, address: undefined }, 'IP_DENIED'],
      [{ ...good, method: 'DELETE' }, 'SCOPE_DENIED'],
      [{ ...good, path: '/orders/7/lines' }, 'SCOPE_DENIED'],
      [{ ...good, api: 'urn:b' }, 'SCOPE_DENIED'],
      [{ ...good, scopes: ['read', 'admin'] }, 'SCOPE_DENIED'],
    ] as const)
      assert.equal(await reason(token.text, asked), expected, JSON.stringify(asked))
  })

  it('lets who stands above take away what the token still says of itself', async () => {
    const token = await desk.make()
    desk.world.scopes = ['read']
    const answer = await desk.use.verifier.verify(token.text)
    assert.deepEqual([answer.reason, answer.token?.scopes], ['VALID', ['read']])
    assert.equal(await reason(token.text, { scopes: ['write'] }), 'SCOPE_DENIED')
    desk.clock.ms += 1000
    desk.world.limits = { ...desk.world.limits, lifetimeSecondsMax: 60, scopes: ['write'] }
    assert.equal(await reason(token.text), 'SCOPE_DENIED', 'nothing is left of owner and limit')
    desk.world.scopes = undefined
    desk.clock.ms += 60_000
    assert.equal(await reason(token.text), 'EXPIRED', 'a limit that was tightened bites a token that exists')
    desk.world.limits = { ...desk.world.limits, lifetimeSecondsMax: 400 * DAY, idleSecondsMax: 10 }
    assert.equal(await reason(token.text), 'QUARANTINED', 'not used for longer than is allowed')
    desk.world.limits = { ...desk.world.limits, idleSecondsMax: undefined }
    desk.world.alive = false
    desk.clock.ms += 1000
    assert.equal(await reason(token.text), 'QUARANTINED', 'its owner is disabled')
  })

  it('is worth no more than its parent, over generations and rotations', async () => {
    const root = await desk.make({ scopes: ['read', 'write'], exp: desk.clock.seconds + 100 })
    const middle = await desk.make({ scopes: ['read', 'write'], parent: root.line })
    const child = await desk.make({ scopes: ['read', 'write'], parent: middle.line })
    const first = await desk.use.verifier.verify(child.text)
    assert.deepEqual([first.reason, first.token?.exp], ['VALID', desk.clock.seconds + 100])
    // The root is rotated to a narrower successor: the line is what the children hang on.
    const next = await desk.make({ scopes: ['read'], line: root.line, rotations: 1, exp: desk.clock.seconds + 100 })
    await change(async (unit) => {
      const doc = await unit.get(apiTokens.name, root.id)
      if (doc) unit.update(apiTokens.name, doc, { state: 'rotated', fields: { successor: next.id } })
    })
    desk.clock.ms += 1000
    assert.deepEqual((await desk.use.verifier.verify(child.text)).token?.scopes, ['read'])
    await change((unit) => unit.revoke({ collection: apiTokens.name, target: { id: next.id }, at: desk.clock.seconds }))
    desk.clock.ms += 1000
    assert.equal(await reason(child.text), 'REVOKED')
    const orphan = await desk.make({ parent: 'no such line' })
    assert.equal(await reason(orphan.text), 'REVOKED')
  })

  it('costs no read for a mistyped text, one while it is warm, none while it is hot', async () => {
    const token = await desk.make()
    await reason(token.text)
    desk.reads.length = 0
    await reason(token.text)
    assert.deepEqual(desk.reads, [], 'hot')
    const other = await desk.make()
    desk.reads.length = 0
    await reason(other.text)
    assert.deepEqual(desk.reads, ['get api-tokens'], 'its owner is known: one read')
    assert.equal(desk.world.owners, 1)
    desk.reads.length = 0
    const last = token.text.endsWith('0') ? '1' : '0'
    for (const bad of [
      token.text.slice(0, -1) + last,
      token.text.replace('_svc_', '_pat_'),
      'mm_svc_',
      '',
      'x'.repeat(9000),
      'mm_at_x',
    ])
      assert.equal(await reason(bad), 'NOT_FOUND')
    assert.deepEqual(desk.reads, [])
  })

  it('shares one read between those who ask at once', async () => {
    const token = await desk.make()
    desk.reads.length = 0
    const answers = await Promise.all(Array.from({ length: 64 }, () => reason(token.text)))
    assert.ok(answers.every((one) => one === 'VALID'))
    assert.deepEqual([desk.reads, desk.world.owners], [['get api-tokens'], 1])
  })

  it('knows nothing that is older than a second, whoever changed it', async () => {
    const token = await desk.make()
    assert.equal(await reason(token.text), 'VALID')
    desk.world.alive = false
    const unit = desk.unit()
    unit.revoke({ collection: apiTokens.name, target: { id: token.id }, at: desk.clock.seconds })
    await desk.commit(unit)
    desk.clock.ms += 999
    assert.equal(await reason(token.text), 'VALID', 'the bound that is stated')
    desk.clock.ms += 1
    assert.equal(await reason(token.text), 'REVOKED')
    assert.equal(await reason((await desk.make()).text), 'QUARANTINED')
  })

  it('counts the age from when the read began, and reads again when the clock was set back', async () => {
    let release = (): void => {}
    const slow = new Promise<void>((done) => {
      release = done
    })
    const node = desk.node({
      async owner() {
        desk.world.owners++
        await slow
        return { alive: true }
      },
    })
    const token = await desk.make()
    const waiting = node.verifier.verify(token.text)
    await new Promise((done) => setImmediate(done))
    desk.clock.ms += 1000
    release()
    await waiting
    await node.verifier.verify(token.text)
    assert.equal(desk.world.owners, 2)
    desk.clock.ms -= 5000
    await node.verifier.verify(token.text)
    assert.equal(desk.world.owners, 3)
  })

  it('reads the document every time where that is asked, and everything where something is issued on its strength', async () => {
    const node = desk.node({ documentMsMax: 0 })
    const token = await desk.make()
    for (let n = 0; n < 3; n++) await node.verifier.verify(token.text)
    assert.deepEqual(desk.reads, ['get api-tokens', 'get api-tokens', 'get api-tokens'])
    assert.equal(desk.world.owners, 1)
    await desk.use.verifier.verify(token.text)
    desk.world.alive = false
    const found = await desk.use.verifier.find(token.text, { isFresh: true })
    assert.equal(found?.above.ownerAlive, false)
  })

  it('finds a foreign token by the hash of its text, and reads nothing for junk where none was imported', async () => {
    const text = 'sk_live_of_another_system'
    const sha256 = createHash('sha256').update(text).digest('hex')
    await desk.make({ id: foreignTokenId(desk.seal, sha256) })
    for (const one of [text, 'junk', 'more junk']) assert.equal(await reason(one), 'NOT_FOUND')
    assert.deepEqual(desk.reads, ['get api-token-uses'], 'whether there are any is asked once a second')
    for (let n = 0; n < 2; n++) {
      const unit = desk.unit()
      await stageForeignMark(desk.seal, unit)
      await desk.commit(unit)
    }
    desk.clock.ms += 1000
    assert.equal(await reason(text), 'VALID')
    assert.equal(await reason('junk'), 'NOT_FOUND')
  })

  it("takes its own texts under any prefix, and another system's that only look like them as foreign", async () => {
    const { isTokenText, mayBeToken } = await import('../../src/api-tokens/verify.ts')
    const { mintCredential } = await import('../../src/seal/index.ts')
    const renamed = mintCredential(systemRandom, 'pat', '01', 'acme')
    await desk.make({ text: renamed, kind: 'personal' })
    assert.equal(await reason(renamed), 'VALID')
    assert.deepEqual([renamed, 'github_pat_11ABC', 'mm_pat_x', 'mm_at_x'].map(isTokenText), [true, false, false, false])
    assert.deepEqual(['github_pat_11ABC', 'mm_pat_x', 'mm_at_x', 'mm_rt_x'].map(mayBeToken), [true, true, false, false])
  })

  it('carries what was derived from it no longer than it lives and has its scopes', async () => {
    const token = await desk.make()
    const carries = async (scopes: readonly string[]) =>
      (await desk.use.verifier.carries(`tok_${token.id}`, scopes)) !== undefined
    assert.deepEqual([await carries(['read']), await carries(['write'])], [true, true])
    desk.world.scopes = ['read']
    desk.clock.ms += 1000
    assert.deepEqual([await carries(['read']), await carries(['write'])], [true, false])
    desk.world.alive = false
    desk.clock.ms += 1000
    assert.equal(await carries([]), false)
    assert.equal((await desk.use.verifier.carries('tok_nobody', [])) !== undefined, false)
  })

  it('tells of every use of a trap, whatever its state, and of no other token', async () => {
    const heard: unknown[] = []
    const node = desk.node({ canary: (token, seen) => heard.push([token.id, token.keptAt, seen]) })
    const trap = await desk.make({ canary: true, keptAt: 'the wiki', exp: desk.clock.seconds })
    await node.verifier.verify((await desk.make()).text)
    const asked = { address: '192.0.2.7', agent: 'curl', method: 'GET', path: '/', client: 'service' }
    assert.equal((await node.verifier.verify(trap.text, asked)).reason, 'EXPIRED')
    const { address: _address, ...rest } = asked
    assert.deepEqual(heard, [[`tok_${trap.id}`, 'the wiki', { network: '192.0.2.0/24', ...rest }]])
  })

  it('keeps no more than it should, whoever asks', async () => {
    const { Fresh } = await import('../../src/api-tokens/fresh.ts')
    const cache = new Fresh<string>(desk.clock, { msMax: 1000, entriesMax: 3 })
    for (const key of ['a', 'b', 'c', 'd']) await cache.get(key, async () => key)
    assert.equal(cache.size, 3)
    assert.equal(await cache.get('d', async () => 'another'), 'd')
    await cache.get('nothing', async () => undefined)
    await cache.get('failed', async () => Promise.reject(new Error('no'))).catch(() => undefined)
    await new Promise((done) => setImmediate(done))
    assert.equal(await cache.get('nothing', async () => 'now there'), 'now there')
    assert.equal(await cache.get('failed', async () => 'now it works'), 'now it works')
  })
})
