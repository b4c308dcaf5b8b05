/** What was opened once: never older than what stands in the store, and never more than so many. */

import assert from 'node:assert/strict'
import type { Doc } from '../../adapters/store.ts'
import { bound, newDoc, TENANT } from '../../src/base/index.ts'
import { OpenedOnce } from '../../src/seal/opened.ts'

const doc = (id: string, body: string | null, dk = 'd1'): Doc => ({
  ...newDoc(bound({ tenant: TENANT, kind: 'test', id }), {
    hk: '1',
    dk,
    body: body === null ? null : Buffer.from(body),
  }),
  rev: 1,
  cid: 'c',
  revokedAt: null,
})

/** With a count of how often something was opened. */
function counted(entriesMax = 10) {
  const opened: string[] = []
  const once = new OpenedOnce<{ readonly text: string; readonly list: string[] }>({
    entriesMax,
    async open({ id, body }) {
      opened.push(id)
      if (body && Buffer.from(body).toString() === 'broken') throw new Error('can not be opened')
      return { text: body ? Buffer.from(body).toString() : 'nothing', list: ['one'] }
    },
  })
  return { once, opened }
}

describe('what was opened once', () => {
  it('is not opened again while the sealed bytes and their key are the same', async () => {
    const { once, opened } = counted()
    const first = await once.of(doc('a', 'one'))
    assert.equal(await once.of(doc('a', 'one')), first)
    assert.deepEqual(opened, ['a'])
  })

  it('is opened again as soon as the bytes are others, and again when they are the old ones', async () => {
    const { once, opened } = counted()
    assert.equal((await once.of(doc('a', 'one'))).text, 'one')
    assert.equal((await once.of(doc('a', 'two'))).text, 'two')
    assert.equal((await once.of(doc('a', 'one'))).text, 'one')
    await once.of(doc('a', 'one', 'd2'))
    assert.equal(opened.length, 4)
  })

  it('is opened again when a column is another beside the same bytes: that was not what was sealed', async () => {
    const { once, opened } = counted()
    const first = doc('a', 'one')
    await once.of(first)
    const others: readonly Partial<Doc>[] = [
      { tenant: 'other' },
      { kind: 'other' },
      { v: 2 },
      { family: 'f' },
      { grant: 'g' },
      { account: 'a' },
      { owner: 'o' },
      { client: 'c' },
      { session: 's' },
      { api: 'a' },
      { scopes: ['s'] },
      { iat: 1 },
    ]
    for (const other of others) {
      await once.of({ ...first, ...other })
      await once.of(first)
    }
    assert.equal(opened.length, 1 + 2 * others.length)
    // What changes with use is not bound.
    await once.of({ ...first, rev: 2, cid: 'd', state: 'held', revokedAt: 5, lastUse: 6, fields: { used: 1 } })
    assert.equal(opened.length, 1 + 2 * others.length)
  })

  it('can be changed by nobody, to its depth', async () => {
    const { once } = counted()
    const { list } = await once.of(doc('a', 'one'))
    assert.throws(() => list.push('two'), TypeError)
  })

  it('is forgotten, the longest known first, beyond so many', async () => {
    const { once, opened } = counted(2)
    for (const id of ['a', 'b', 'c', 'c', 'b', 'a']) await once.of(doc(id, id))
    assert.deepEqual(opened, ['a', 'b', 'c', 'a'])
  })

  it('is nothing where it could not be opened, or where there is no body', async () => {
    const { once, opened } = counted()
    await assert.rejects(once.of(doc('a', 'broken')), /can not be opened/)
    await assert.rejects(once.of(doc('a', 'broken')), /can not be opened/)
    await once.of(doc('b', null))
    await once.of(doc('b', null))
    assert.deepEqual(opened, ['a', 'a', 'b', 'b'])
  })
})
