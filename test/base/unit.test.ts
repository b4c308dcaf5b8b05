/** The unit of work: what it shows, what it hands over. */

import assert from 'node:assert/strict'
import type { Doc } from '../../adapters/store.ts'
import { bound, hasWrites, inWords, isLoopback, nearest, newDoc, Unit } from '../../src/base/index.ts'

const doc = (id: string): Doc => ({
  ...newDoc(bound({ tenant: 't', kind: 'k', id }), { hk: '1', fields: { head: 'a' } }),
  rev: 4,
  cid: 'old',
  revokedAt: null,
})

function unit(docs: readonly Doc[] = []): Unit {
  return new Unit({
    cid: 'c',
    request: 'r',
    store: { get: async (_collection, id) => docs.find((d) => d.id === id), find: async () => [] },
  })
}

describe('a unit of work', () => {
  it('shows its own staged writes, and reads a document once', async () => {
    let stored = doc('x')
    const staged = new Unit({ cid: 'c', request: 'r', store: { get: async () => stored, find: async () => [] } })
    const read = await staged.get('things', 'x')
    stored = { ...stored, rev: 5 }
    assert.equal((await staged.get('things', 'x'))?.rev, 4, 'a decision is conditional on what it was made on')
    assert.ok(read)
    staged.update('things', read, { state: 'seen', fields: { head: 'b' } })
    assert.deepEqual(
      [(await staged.get('things', 'x'))?.state, (await staged.get('things', 'x'))?.fields.head],
      ['seen', 'b'],
    )
    staged.cleanup('things', 'x')
    assert.equal(await staged.get('things', 'x'), undefined)
  })

  it('joins changes of one document into one write on the rev that was read', async () => {
    const staged = unit([doc('x')])
    const read = await staged.get('things', 'x')
    assert.ok(read)
    staged.update('things', read, { state: 'a', fields: { head: 'b' } })
    staged.update('things', read, { lastUse: 7, fields: { tail: 'c' } })
    assert.deepEqual(staged.writes('all').updates, [
      { collection: 'things', id: 'x', rev: 4, set: { state: 'a', lastUse: 7, fields: { head: 'b', tail: 'c' } } },
    ])
  })

  it('has one decider; a stronger one makes the first an update that a rival loses just the same', async () => {
    const staged = unit([doc('x'), doc('y')])
    const [x, y] = [await staged.get('things', 'x'), await staged.get('things', 'y')]
    assert.ok(x && y)
    staged.decide({ collection: 'things', id: 'x', if: { state: 'live' }, set: { state: 'spent' } }, x)
    assert.throws(() => staged.decide({ collection: 'things', id: 'y', if: {}, set: {} }, y), TypeError)
    staged.demoteDecider()
    staged.decide({ collection: 'things', id: 'y', if: { state: 'live' }, set: { state: 'spent' } }, y)
    const writes = staged.writes('all')
    assert.deepEqual(
      [writes.decider?.id, writes.updates],
      ['y', [{ collection: 'things', id: 'x', rev: 4, set: { state: 'spent' } }]],
    )
  })

  it('lets through by class what the answer allows', async () => {
    const staged = unit([doc('x')])
    const read = await staged.get('things', 'x')
    assert.ok(read)
    const { rev: _rev, cid: _cid, revokedAt: _revokedAt, ...fresh } = doc('new')
    staged.burn('things', { ...fresh, id: 'burned' })
    staged.insert('things', fresh)
    staged.update('things', read, { state: 'a' })
    staged.revoke({ collection: 'things', target: { id: 'z' }, at: 1 })
    const count = (keep: 'all' | 'burns and revocations' | 'burns') => {
      const { burns, inserts, updates, revocations } = staged.writes(keep)
      return [burns, inserts, updates, revocations].map((list) => list.length)
    }
    assert.deepEqual(
      [count('all'), count('burns and revocations'), count('burns')],
      [
        [1, 1, 1, 1],
        [1, 0, 0, 1],
        [1, 0, 0, 0],
      ],
    )
    assert.equal(hasWrites(unit().writes('all')), false)
  })
})

describe('small things', () => {
  it('find the nearest word, and none for a stranger', () => {
    assert.equal(nearest('lifetime', ['lifetimes', 'clients']), 'lifetimes')
    assert.equal(nearest('zzzzzzzz', ['lifetimes', 'clients']), undefined)
    assert.equal(nearest('expires', ['apis', 'scopes', 'paths']), undefined, 'a guess that is none helps nobody')
  })

  it('say a time in the largest unit that it fills', () => {
    for (const [seconds, words] of [
      [30 * 86_400, '30 days'],
      [86_400, '1 day'],
      [5400, '1.5 hours'],
      [60, '1 minute'],
      [1, '1 second'],
      [0, '0 seconds'],
    ] as const)
      assert.equal(inWords(seconds), words)
  })

  it('know loopback from what looks like it', () => {
    for (const host of ['localhost', 'app.localhost', '127.0.0.1', '127.9.9.9', '[::1]', 'LOCALHOST'])
      assert.equal(isLoopback(host), true, host)
    for (const host of [
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      '0.0.0.0',
      '10.0.0.1',
      'evil.example',
      '::',
      '1270.0.0.1',
    ])
      assert.equal(isLoopback(host), false, host)
  })
})
