/** Laws on revocations: what is revoked stays revoked, whoever comes late. */

import assert from 'node:assert/strict'
import { type Bench, fresh, type Law, law, lawThings, loses, NOW, read, stored, thing, unit } from './world.ts'

const things = lawThings.name
const revoking1 = (id: string, at = NOW) => unit({ revocations: [{ collection: things, target: { id }, at }] })

async function lateSave(bench: Bench): Promise<void> {
  const { store } = bench
  const session = await stored(bench, { state: 'live', body: new Uint8Array([1]) })
  await store.commit(revoking1(session.id))
  const save = unit({
    updates: [
      { collection: things, id: session.id, rev: session.rev, set: { state: 'live', body: new Uint8Array([2]) } },
    ],
  })
  await loses(store.commit(save), 'update', 'the session was read before the sign-out')
  const after = await read(store, session.id)
  assert.deepEqual(
    [after.state, after.revokedAt, after.rev],
    ['revoked', NOW, 2],
    'a revocation raises rev and is not undone',
  )
}

async function idempotent(bench: Bench): Promise<void> {
  const { store } = bench
  const missing = fresh()
  await store.commit(revoking1(missing))
  assert.equal(await store.get(things, missing), undefined, 'a revocation never creates')
  const { id } = await stored(bench, { purgeAt: NOW + 5 })
  await store.commit(revoking1(id, NOW))
  assert.equal((await read(store, id)).purgeAt, NOW + 5, 'purgeAt is kept where none is said')
  await store.commit(
    unit({ revocations: [{ collection: things, target: { id }, at: NOW + 100, purgeAt: NOW + 1000 }] }),
  )
  const after = await read(store, id)
  assert.deepEqual([after.revokedAt, after.rev], [NOW, 2], 'the first revocation stands and is the only write')
  const dated = await stored(bench)
  await store.commit(
    unit({ revocations: [{ collection: things, target: { id: dated.id }, at: NOW, purgeAt: NOW + 9 }] }),
  )
  assert.equal((await read(store, dated.id)).purgeAt, NOW + 9, 'a revocation may say when the tombstone may go')
}

async function byIndex(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const [family, elsewhere] = [fresh(), fresh()]
  const own = Array.from({ length: 250 }, () => thing(tenant, { family }))
  const foreign = thing(elsewhere, { family })
  const other = thing(tenant, { family: fresh() })
  const already = await stored(bench, { family })
  await store.commit(revoking1(already.id, NOW - 50))
  await store.commit(unit({ inserts: [...own, foreign, other].map((doc) => ({ collection: things, doc })) }))
  await store.commit(
    unit({ revocations: [{ collection: things, target: { by: { tenant, by: { family } } }, at: NOW }] }),
  )
  const reached = await store.find(things, { tenant, by: { family } }, { limit: 1000 })
  assert.equal(reached.length, 251)
  assert.ok(
    reached.every((d) => d.state === 'revoked' && d.rev === 2),
    'all of the family are tombstones, written once',
  )
  assert.ok(
    reached.every((d) => d.revokedAt === (d.id === already.id ? NOW - 50 : NOW)),
    'a tombstone that stood keeps its time',
  )
  assert.equal((await read(store, other.id)).revokedAt, null, 'another family is not reached')
  assert.equal((await read(store, foreign.id)).revokedAt, null, 'nor is another tenant')
  await store.commit(unit({ cleanups: [{ collection: things, id: foreign.id }] }))
}

async function beatsDecider(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const { id } = await stored(bench, { fields: { head: 'a' } })
  await store.commit(revoking1(id))
  const late = unit({
    inserts: [{ collection: things, doc: thing(tenant) }],
    decider: { collection: things, id, if: { revokedAt: null, fields: { head: 'a' } }, set: { fields: { head: 'b' } } },
  })
  await loses(store.commit(late), 'decider', 'the family is revoked')
  assert.equal((await read(store, id)).fields.head, 'a')
  assert.equal(await store.get(things, late.inserts[0]?.doc.id ?? ''), undefined)
}

async function conflictsWithNothing(bench: Bench): Promise<void> {
  const { store } = bench
  const { id, rev } = await stored(bench, { fields: { head: 'a', uses: 0 } })
  const writers = Array.from({ length: 16 }, (_, n) => [
    unit({ updates: [{ collection: things, id, rev, set: { lastUse: n } }] }),
    unit({ decider: { collection: things, id, if: { revokedAt: null }, set: {}, increment: { uses: 1 } } }),
  ]).flat()
  const revokers = Array.from({ length: 8 }, () => revoking1(id))
  const rivals = Promise.allSettled(writers.slice(0, 16).map((u) => store.commit(u)))
  const revoked = Promise.all(revokers.map((u) => store.commit(u)))
  const more = Promise.allSettled(writers.slice(16).map((u) => store.commit(u)))
  await revoked
  const outcomes = [...(await rivals), ...(await more)]
  const applied = outcomes.filter((o) => o.status === 'fulfilled').length
  const after = await read(store, id)
  assert.deepEqual([after.state, after.revokedAt], ['revoked', NOW], 'revoked, whoever else wrote')
  assert.equal(after.rev, 2 + applied, 'every write that was answered is one rev, and the tombstone one more')
}

async function marks(bench: Bench): Promise<void> {
  const { store } = bench
  const { id, rev } = await stored(bench, { fields: { head: 'a' } })
  const held = () => unit({ revocations: [{ collection: things, target: { id }, at: NOW, mark: 'held' }], events: [] })
  await store.commit(held())
  await store.commit(held())
  const marked = await read(store, id)
  assert.deepEqual([marked.state, marked.revokedAt, marked.rev], ['held', null, rev + 1], 'marked once, no tombstone')
  const live = { revokedAt: null, state: 'live', fields: { head: 'a' } } as const
  await loses(
    store.commit(unit({ decider: { collection: things, id, if: live, set: { fields: { head: 'b' } } } })),
    'decider',
    'what asks for a live document loses to the mark',
  )
  await store.commit(unit({ updates: [{ collection: things, id, rev: marked.rev, set: { state: 'live' } }] }))
  assert.equal((await read(store, id)).state, 'live', 'a mark can be taken back')
  await store.commit(revoking1(id))
  await store.commit(held())
  assert.equal((await read(store, id)).state, 'revoked', 'a tombstone takes no mark')
}

/** Laws on revocations. */
export const revoking: readonly Law[] = [
  law('a session saved after sign-out stays signed out', lateSave, { probe: true }),
  law('a revocation is idempotent, keeps the first time, and never creates', idempotent),
  law('a revocation by index reaches every document of it and no other', byIndex),
  law('a decider that asks for no tombstone loses to a revocation', beatsDecider, { probe: true }),
  law('a revocation conflicts with nothing', conflictsWithNothing),
  law('a mark is no tombstone: it stops who asks for a live document, and can be taken back', marks),
]
