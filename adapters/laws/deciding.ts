/** Laws on the decider: one winner, nothing left of a loser, and a repeat that is no second commit. */

import assert from 'node:assert/strict'
import type { Condition, Decider, Writes } from '../store.ts'
import {
  type Bench,
  event,
  fresh,
  type Law,
  law,
  lawOthers,
  lawThings,
  loses,
  NOW,
  pendingOf,
  race,
  read,
  stored,
  thing,
  unit,
} from './world.ts'

const things = lawThings.name

function claim(id: string, condition: Condition, head = fresh()): Decider {
  return { collection: things, id, if: condition, set: { state: 'spent', fields: { head } } }
}

async function oneWinner(
  bench: Bench,
  { rivals, rounds }: { readonly rivals: number; readonly rounds: number },
): Promise<void> {
  const { store, tenant } = bench
  for (let round = 0; round < rounds; round++) {
    const { id } = await stored(bench, { fields: { head: 'first' } })
    const units = Array.from({ length: rivals }, () =>
      unit({
        inserts: [{ collection: lawOthers.name, doc: thing(tenant) }],
        decider: claim(id, { revokedAt: null, fields: { head: 'first' } }),
      }),
    )
    const winners = await race(store, units)
    assert.equal(winners.length, 1, `one of ${rivals} rivals wins`)
    const after = await read(store, id)
    assert.equal(after.fields.head, winners[0]?.decider?.set.fields?.head, 'the document holds what the winner set')
    assert.equal(after.rev, 2, 'it was written once')
    const left = await Promise.all(units.map((u) => store.get(lawOthers.name, u.inserts[0]?.doc.id ?? '')))
    assert.deepEqual(
      left.map((d) => d?.cid).filter(Boolean),
      winners.map((u) => u.cid),
      "only the winner's inserts are there",
    )
  }
}

async function loserLeavesNothing(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const [spent, other, removed] = [await stored(bench, { state: 'spent' }), await stored(bench), await stored(bench)]
  const [burned, near, far] = [thing(tenant), thing(tenant), thing(tenant)]
  const losing = unit({
    burns: [{ collection: things, doc: burned }],
    inserts: [
      { collection: things, doc: near },
      { collection: lawOthers.name, doc: far },
    ],
    decider: claim(spent.id, { state: 'live' }),
    revocations: [{ collection: things, target: { id: other.id }, at: NOW }],
    cleanups: [{ collection: things, id: removed.id }],
    events: [event(tenant)],
  })
  await loses(store.commit(losing), 'decider', 'the condition does not hold')
  assert.ok(await store.get(things, burned.id), 'a burn stays')
  assert.equal(await store.get(things, near.id), undefined, 'an insert is taken back')
  assert.equal(await store.get(lawOthers.name, far.id), undefined, 'so is one in another collection')
  assert.deepEqual(await read(store, spent.id), spent, 'what it wanted is as it was')
  assert.deepEqual(await read(store, other.id), other, 'nothing was revoked')
  assert.deepEqual(await read(store, removed.id), removed, 'nothing was removed')
  assert.deepEqual(await pendingOf(bench), [], 'nothing happened')
  const rerun = unit({ request: losing.request, burns: losing.burns, inserts: [{ collection: things, doc: near }] })
  await store.commit(rerun)
  assert.equal((await read(store, near.id)).cid, rerun.cid, 'the next run of the request may do it')
}

async function repeatIsOne(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const [claimed, updated, revoked] = [
    await stored(bench, { fields: { uses: 1 } }),
    await stored(bench),
    await stored(bench),
  ]
  const doc = thing(tenant)
  const once: Writes = unit({
    burns: [{ collection: things, doc: thing(tenant) }],
    inserts: [{ collection: things, doc }],
    updates: [{ collection: things, id: updated.id, rev: updated.rev, set: { lastUse: NOW } }],
    decider: { ...claim(claimed.id, { state: 'live' }), increment: { uses: 2 } },
    revocations: [{ collection: things, target: { id: revoked.id }, at: NOW }],
    events: [event(tenant)],
  })
  for (let time = 0; time < 3; time++) await store.commit(once)
  const [a, b, c, d] = await Promise.all([claimed, updated, revoked, doc].map(({ id }) => read(store, id)))
  assert.equal(a?.fields.uses, 3, 'increments are added once')
  assert.deepEqual([a?.rev, b?.rev, c?.rev, d?.rev], [2, 2, 2, 1], 'each document is written once')
  assert.deepEqual(
    await pendingOf(bench),
    once.events.map((e) => e.id),
    'each event is there once',
  )
  assert.equal(await store.count(things, { tenant, by: { kind: 'law' } }), 5, 'nothing was inserted twice')
  await store.settle(once.events.map((e) => e.id))
  await store.commit(once)
  assert.deepEqual(await pendingOf(bench), [], 'a settled event does not come back with a repeat')
}

async function incrementsAddUp(bench: Bench): Promise<void> {
  const { store } = bench
  const { id } = await stored(bench, { fields: { head: 'same', uses: 0 } })
  const when: Condition = { revokedAt: null, fields: { head: 'same' } }
  const units = Array.from({ length: 64 }, (_, n) =>
    unit({
      decider: { collection: things, id, if: when, set: { lastUse: NOW + n }, increment: { uses: 1, weight: 0.5 } },
    }),
  )
  assert.equal((await race(store, units)).length, 64, 'a condition that goes on to hold lets all through')
  const { fields, rev } = await read(store, id)
  assert.deepEqual([fields.uses, fields.weight, rev], [64, 32, 65])
}

async function conditions(bench: Bench): Promise<void> {
  const { store } = bench
  const doc = await stored(bench, { fields: { head: 'a', uses: 7 } })
  const wrong: readonly Condition[] = [
    { fields: { head: 'b' } },
    { fields: { head: null } },
    { fields: { head: 'a', uses: 8 } },
    { fields: { uses: '7' } },
    { rev: 2 },
    { state: 'spent' },
    { fields: { predecessor: '' } },
  ]
  for (const condition of wrong)
    await loses(store.commit(unit({ decider: claim(doc.id, condition) })), 'decider', JSON.stringify(condition))
  assert.deepEqual(await read(store, doc.id), doc, 'no loser wrote anything')
  const right: Condition = { rev: 1, state: 'live', revokedAt: null, fields: { head: 'a', uses: 7, predecessor: null } }
  await store.commit(unit({ decider: claim(doc.id, right, 'c') }))
  assert.equal((await read(store, doc.id)).fields.head, 'c')
  await loses(store.commit(unit({ decider: claim(fresh(), {}) })), 'decider', 'nothing is there to decide')
}

async function repeatAdds(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const { id } = await stored(bench, { fields: { head: 'same', uses: 0 } })
  const touches = Array.from({ length: 8 }, () =>
    unit({
      decider: {
        collection: things,
        id,
        if: { revokedAt: null, fields: { head: 'same' } },
        set: {},
        increment: { uses: 1 },
      },
      events: [event(tenant)],
    }),
  )
  for (const touch of touches) await Promise.all([touch, touch, touch].map((u) => store.commit(u)))
  const { fields, rev } = await read(store, id)
  assert.deepEqual(
    [fields.uses, rev],
    [8, 9],
    'each commit counts once, however often it is sent and at whatever moment',
  )
  assert.deepEqual(
    await pendingOf(bench),
    touches.flatMap((u) => u.events.map((e) => e.id)),
    'and tells once',
  )
}

async function updatesAndDecides(bench: Bench): Promise<void> {
  const { store } = bench
  const [one, other] = [await stored(bench), await stored(bench, { fields: { head: 'a' } })]
  const both = unit({
    updates: [{ collection: things, id: one.id, rev: one.rev, set: { lastUse: NOW } }],
    decider: { collection: things, id: other.id, if: { fields: { head: 'a' } }, set: { fields: { head: 'b' } } },
  })
  await store.commit(both)
  const [a, b] = [await read(store, one.id), await read(store, other.id)]
  assert.deepEqual([a.lastUse, a.rev, b.fields.head, b.rev], [NOW, 2, 'b', 2], 'both are written')
}

/** Laws on deciders and on repeated commits. */
export const deciding: readonly Law[] = [
  law(
    'exactly one of 16 rivals wins a decider, and only its inserts are there (probe)',
    (bench) => oneWinner(bench, { rivals: 16, rounds: 5 }),
    { probe: true },
  ),
  law('exactly one of 64 rivals wins a decider, round after round', (bench) =>
    oneWinner(bench, { rivals: 64, rounds: 20 }),
  ),
  law('a unit whose decider is lost leaves its burns and nothing else that anyone can use', loserLeavesNothing, {
    probe: true,
  }),
  law('a commit repeated with its commit id is one commit', repeatIsOne),
  law('a repeated commit adds nothing even where its condition still holds', repeatAdds),
  law('a unit may update one document and decide another', updatesAndDecides),
  law('increments of rivals add up when their condition goes on to hold', incrementsAddUp),
  law('a decider is won only while every part of its condition holds, null meaning null or absent', conditions, {
    probe: true,
  }),
  law('a decider on a document that is not there is lost and makes none', async ({ store }) => {
    const id = fresh()
    await loses(
      store.commit(unit({ decider: claim(id, { fields: { head: null } }) })),
      'decider',
      'the document is missing',
    )
    assert.equal(await store.get(things, id), undefined)
  }),
]
