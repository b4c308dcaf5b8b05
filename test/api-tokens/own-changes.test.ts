/** A node sees its own changes at once, whatever it remembers, and a read that was under way when they were made does not hide them. */

import assert from 'node:assert/strict'
import type { Doc, Store, Writes } from '../../adapters/store.ts'
import { changesIn } from '../../src/api-tokens/own-changes.ts'
import { apiTokens } from '../../src/api-tokens/records.ts'
import { createCommitted, type Unit } from '../../src/base/index.ts'
import { type Desk, openDesk } from './desk.ts'

const OWNERS = ['accounts']

/** A gate that a read passes when it is opened. */
function gate() {
  let open = (): void => {}
  const passed = new Promise<void>((done) => {
    open = done
  })
  return { open, passed }
}

describe('what a node has changed itself', () => {
  let desk: Desk
  let store: Store
  let verifier: ReturnType<Desk['node']>['verifier']
  /** What the next read of a token waits for, after it has read. */
  let slow: Promise<void> | undefined
  beforeEach(async () => {
    slow = undefined
    desk = await openDesk('sqlite')
    const committed = createCommitted()
    store = committed.watch(desk.store)
    const reader = {
      find: desk.store.find,
      async get(collection: string, id: string): Promise<Doc | undefined> {
        const wait = slow
        slow = undefined
        const doc = await desk.store.get(collection, id)
        await wait
        return doc
      },
    }
    verifier = desk.node({ store: reader, ownerCollections: OWNERS }).verifier
    committed.follow(verifier.heard)
  })
  afterEach(() => desk.close())

  async function commit(stage: (unit: Unit) => Promise<void> | void): Promise<void> {
    const unit = desk.unit()
    await stage(unit)
    await store.commit(unit.writes('all'))
  }
  const reason = async (text: string): Promise<string> => (await verifier.verify(text)).reason
  const revoke = (unit: Unit, target: { readonly id: string } | { readonly line: string }): void => {
    const by = 'id' in target ? target : { by: { tenant: 'default', by: { family: target.line } } }
    unit.revoke({ collection: apiTokens.name, target: by, at: desk.clock.seconds })
  }
  const touchOwner = (): Promise<void> =>
    store.commit({ ...desk.unit().writes('all'), cleanups: [{ collection: 'accounts', id: 'anyone' }] })

  it('is seen at its next use: a token by its id, by its line, under its parent, under its owner', async () => {
    const [one, line, parent] = [await desk.make(), await desk.make(), await desk.make()]
    const child = await desk.make({ parent: parent.line })
    for (const { text } of [one, line, child]) assert.equal(await reason(text), 'VALID')
    await commit((unit) => revoke(unit, { id: one.id }))
    assert.equal(await reason(one.text), 'REVOKED')
    await commit((unit) => revoke(unit, { line: line.line }))
    assert.equal(await reason(line.text), 'REVOKED')
    await commit((unit) => revoke(unit, { id: parent.id }))
    assert.equal(await reason(child.text), 'REVOKED')
    const owned = await desk.make()
    assert.equal(await reason(owned.text), 'VALID')
    desk.world.alive = false
    await touchOwner()
    assert.equal(await reason(owned.text), 'QUARANTINED')
    desk.world.alive = true
    await touchOwner()
    assert.equal(await reason(owned.text), 'VALID')
  })

  it('is not hidden by a read that began before the commit and ended after it', async () => {
    const token = await desk.make()
    const { open, passed } = gate()
    slow = passed
    const before = reason(token.text)
    // By now the old document is in the reader's hands, and waits there.
    while (slow !== undefined) await new Promise((next) => setImmediate(next))
    await commit((unit) => revoke(unit, { id: token.id }))
    const after = reason(token.text)
    open()
    assert.equal(await before, 'VALID', 'it asked before the commit')
    assert.equal(await after, 'REVOKED', 'it asked after the commit, while the old read was under way')
    assert.equal(await reason(token.text), 'REVOKED', 'and the old read was not kept')
  })

  it('is not hidden by a read that found nothing before a token was made', async () => {
    const text = desk.seal.mintCredential('svc')
    const made = await desk.make({ text })
    await commit((unit) => unit.cleanup(apiTokens.name, made.id))
    const { open, passed } = gate()
    slow = passed
    const before = reason(text)
    while (slow !== undefined) await new Promise((next) => setImmediate(next))
    const { rev: _rev, cid: _cid, revokedAt: _at, ...doc } = await copyOf(text)
    await commit((unit) => unit.insert(apiTokens.name, doc))
    const after = reason(text)
    open()
    assert.deepEqual([await before, await after], ['NOT_FOUND', 'VALID'])
  })

  /** The document that a text has, taken from a store of its own. */
  async function copyOf(text: string): Promise<Doc> {
    const { id } = await desk.make({ text })
    const doc = await desk.store.get(apiTokens.name, id)
    await desk.store.commit({ ...desk.unit().writes('all'), cleanups: [{ collection: apiTokens.name, id }] })
    assert.ok(doc)
    return doc
  }

  it('is forgotten when a commit was lost, too: what it revoked may stand all the same', async () => {
    const token = await desk.make()
    assert.equal(await reason(token.text), 'VALID')
    await desk.store.commit(revoking(token.id))
    const failing = createCommitted()
    failing.follow(verifier.heard)
    const broken = failing.watch({ ...desk.store, commit: () => Promise.reject(new Error('no answer')) })
    await assert.rejects(broken.commit(revoking(token.id)), /no answer/)
    assert.equal(await reason(token.text), 'REVOKED')
  })

  function revoking(id: string): Writes {
    const unit = desk.unit()
    revoke(unit, { id })
    return unit.writes('all')
  }

  it('makes nothing be forgotten where a commit touches neither tokens nor owners, or says only that one was used', async () => {
    const token = await desk.make()
    assert.equal(await reason(token.text), 'VALID')
    desk.reads.length = 0
    await store.commit({ ...desk.unit().writes('all'), cleanups: [{ collection: 'events', id: 'x' }] })
    const doc = await desk.store.get(apiTokens.name, token.id)
    assert.ok(doc)
    const { id, collection } = { id: token.id, collection: apiTokens.name }
    await commit((unit) => unit.decide({ collection, id, if: {}, set: { lastUse: desk.clock.seconds } }, doc))
    desk.reads.length = 0
    assert.equal(await reason(token.text), 'VALID')
    assert.deepEqual([desk.reads, desk.world.owners], [[], 1])
    assert.deepEqual(changesIn(desk.unit().writes('all'), OWNERS), { tokens: undefined, owners: false })
  })
})
