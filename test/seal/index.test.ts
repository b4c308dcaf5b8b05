/** The seal: what it makes opens nothing without the master key, and every clear column is bound. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Store } from '../../adapters/store.ts'
import { bound, systemClock, systemRandom } from '../../src/base/index.ts'
import { createSeal, fixedMasters, isCredential, mintCredential, type Seal, sealKeys } from '../../src/seal/index.ts'
import { HandClock, masterOf, openTestStore } from '../support/world.ts'

const master = (byte: number) => fixedMasters(masterOf(byte))

describe('the seal', () => {
  let store: Store
  let seal: Seal
  const clock = new HandClock()
  before(async () => {
    store = await openTestStore('sqlite')
    seal = await createSeal({ store, clock, random: systemRandom, masters: master(1) })
  })
  after(() => store.close())
  const columns = bound({ tenant: 't', kind: 'k', id: 'i', grant: 'g', scopes: ['a'], iat: 5 })

  it('opens what it sealed, and nothing whose clear columns were changed', async () => {
    const sealed = { ...columns, ...seal.seal(columns, Buffer.from('hello')) }
    assert.equal((await seal.open(sealed)).toString(), 'hello')
    const changes = {
      tenant: 'x',
      kind: 'x',
      id: 'x',
      v: 2,
      family: 'x',
      grant: 'x',
      account: 'x',
      owner: 'x',
      client: 'x',
      session: 'x',
      api: 'x',
      scopes: ['x'],
      iat: 6,
    }
    for (const [name, value] of Object.entries(changes))
      await assert.rejects(seal.open({ ...sealed, [name]: value }), Error, name)
    await assert.rejects(seal.open({ ...sealed, body: Buffer.from(sealed.body).fill(0, 20, 21) }))
  })

  it('opens a receipt with the old token and the data key together, and with neither alone', async () => {
    const sealed = seal.sealUnder('old token', 'family', Buffer.from('answer'))
    assert.equal((await seal.openUnder('old token', 'family', sealed)).toString(), 'answer')
    await assert.rejects(seal.openUnder('other token', 'family', sealed))
    await assert.rejects(seal.openUnder('old token', 'other family', sealed))
    const elsewhere = await openTestStore('sqlite')
    const thief = await createSeal({
      store: elsewhere,
      clock,
      random: systemRandom,
      masters: master(1),
    })
    await assert.rejects(thief.openUnder('old token', 'family', sealed))
    await elsewhere.close()
  })

  it('says that a master key is not the one of this store, and writes nothing then', async () => {
    const before = await store.scan(sealKeys.name, { limit: 1000 })
    await assert.rejects(
      createSeal({ store, clock: systemClock, random: systemRandom, masters: master(2) }),
      /master key does not open this store/,
    )
    assert.deepEqual(await store.scan(sealKeys.name, { limit: 1000 }), before)
  })

  it('takes a new data key before a day is over, and still opens what the old one sealed', async () => {
    const old = { ...columns, ...seal.seal(columns, Buffer.from('before')) }
    clock.forward(23 * 3600)
    await seal.refresh()
    const fresh = seal.seal(columns, Buffer.from('after'))
    assert.notEqual(fresh.dk, old.dk)
    assert.equal((await seal.open(old)).toString(), 'before')
  })

  it('reads its own tokens and no forged, cut, lengthened or renamed one', () => {
    const token = seal.mint('at')
    assert.ok(seal.read('at', token))
    assert.equal(seal.read('cc', token), undefined)
    fc.assert(
      fc.property(
        fc.nat(token.length - 1),
        fc.constantFrom('A', 'b', '-', '9', '\0'),
        (at, letter) =>
          letter === token[at] || seal.read('at', token.slice(0, at) + letter + token.slice(at + 1)) === undefined,
      ),
    )
    assert.equal(seal.read('at', token.slice(0, -1)), undefined)
    assert.equal(seal.read('at', `${token}A`), undefined)
    // Whose low byte is the right letter's.
    const twin = String.fromCharCode(token.charCodeAt(token.length - 1) + 0x100)
    assert.equal(seal.read('at', token.slice(0, -1) + twin), undefined)
    const family = 'abcdefghijklmnopqrstuvwx'
    assert.equal(seal.read('rt', seal.mint('rt', family))?.family, family)
  })

  it('hashes a name as it hashes a look-up, again and again', () => {
    for (let n = 0; n < 3; n++) assert.equal(seal.hash('name', 't', 'k', 'x'), seal.hash('lookup', 't', 'k', 'x'))
  })

  it('keeps keyed hashes of tenants, kinds and purposes apart', () => {
    const all = [
      seal.hash('lookup', 'a', 'k', 'x'),
      seal.hash('lookup', 'b', 'k', 'x'),
      seal.hash('lookup', 'a', 'l', 'x'),
      seal.hash('pointer', 'a', 'k', 'x'),
      seal.hash('replay', 'a', 'k', 'x'),
    ]
    assert.equal(new Set(all).size, all.length)
  })
})

describe("a credential's checksum", () => {
  it('refuses every single mistyped letter', () => {
    const text = mintCredential(systemRandom, 'cs')
    assert.match(text, /^mm_cs_01[0-9A-Za-z]{34}$/)
    assert.ok(isCredential(text, 'cs'))
    assert.equal(isCredential(text, 'pat'), false)
    fc.assert(
      fc.property(
        fc.integer({ min: 6, max: text.length - 1 }),
        fc.constantFrom(...'0aZx'),
        (at, letter) => letter === text[at] || !isCredential(text.slice(0, at) + letter + text.slice(at + 1), 'cs'),
      ),
    )
  })
})
