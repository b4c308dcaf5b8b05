/** Laws on burns, inserts and updates. */

import assert from 'node:assert/strict'
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

async function oneBurn({ store, tenant }: Bench, rivals: number): Promise<void> {
  for (let round = 0; round < 5; round++) {
    const id = fresh()
    const units = Array.from({ length: rivals }, () =>
      unit({ burns: [{ collection: things, doc: thing(tenant, { id }) }] }),
    )
    const winners = await race(store, units)
    assert.equal(winners.length, 1, `one of ${rivals} rivals burns it`)
    assert.equal((await read(store, id)).cid, winners[0]?.cid, "the mark is the winner's")
  }
}

async function burnIsOwn({ store, tenant }: Bench): Promise<void> {
  const doc = thing(tenant)
  const first = unit({ burns: [{ collection: things, doc }] })
  await store.commit(first)
  await store.commit(unit({ request: first.request, burns: first.burns }))
  const inserted = thing(tenant)
  const stranger = unit({
    burns: [{ collection: things, doc }],
    inserts: [{ collection: things, doc: inserted }],
    events: [event(tenant)],
  })
  await loses(store.commit(stranger), 'burn', 'another request burned it')
  assert.equal(await store.get(things, inserted.id), undefined, 'a lost burn leaves no insert')
  const kept = await read(store, doc.id)
  assert.deepEqual([kept.cid, kept.rev], [first.cid, 1], 'the first mark stays as it was')
}

async function secondConditionFails(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const [stale, free, live] = [await stored(bench), await stored(bench), await stored(bench)]
  await store.commit(unit({ updates: [{ collection: things, id: stale.id, rev: stale.rev, set: { lastUse: NOW } }] }))
  const moved = await read(store, stale.id)
  const [burned, near, far] = [thing(tenant), thing(tenant), thing(tenant)]
  const losing = unit({
    burns: [{ collection: things, doc: burned }],
    inserts: [
      { collection: things, doc: near },
      { collection: lawOthers.name, doc: far },
    ],
    updates: [{ collection: things, id: stale.id, rev: stale.rev, set: { state: 'spent' } }],
    decider: { collection: things, id: free.id, if: { state: 'live' }, set: { state: 'spent' } },
    revocations: [{ collection: things, target: { id: live.id }, at: NOW }],
    events: [event(tenant)],
  })
  await loses(store.commit(losing), 'update', 'the rev is an old one')
  assert.ok(await store.get(things, burned.id), 'the burn stays')
  assert.equal(await store.get(things, near.id), undefined, 'no insert')
  assert.equal(await store.get(lawOthers.name, far.id), undefined, 'no insert elsewhere')
  assert.deepEqual(await read(store, stale.id), moved, 'no update')
  assert.deepEqual(await read(store, free.id), free, 'nothing decided')
  assert.deepEqual(await read(store, live.id), live, 'nothing revoked')
  assert.deepEqual(await pendingOf(bench), [], 'no event')
}

async function updatesRace(bench: Bench): Promise<void> {
  const { store } = bench
  for (let round = 0; round < 5; round++) {
    const { id, rev } = await stored(bench)
    const units = Array.from({ length: 32 }, (_, n) =>
      unit({ updates: [{ collection: things, id, rev, set: { fields: { uses: n } } }] }),
    )
    const winners = await race(store, units)
    assert.equal(winners.length, 1, 'one of 32 updates of one rev is applied')
    const after = await read(store, id)
    assert.deepEqual([after.rev, after.fields.uses], [2, winners[0]?.updates[0]?.set.fields?.uses])
  }
}

async function updateMerges(bench: Bench): Promise<void> {
  const { store } = bench
  const before = await stored(bench, {
    fields: { head: 'a', predecessor: 'b', uses: 1 },
    body: new Uint8Array([9]),
    exp: NOW,
    purgeAt: NOW + 60,
  })
  await store.commit(
    unit({
      updates: [
        {
          collection: things,
          id: before.id,
          rev: 1,
          set: { lastUse: NOW, exp: null, fields: { head: 'c', uses: null } },
        },
      ],
    }),
  )
  const after = await read(store, before.id)
  assert.deepEqual(
    after,
    { ...before, rev: 2, lastUse: NOW, exp: null, fields: { ...before.fields, head: 'c', uses: null } },
    'only what is named changes',
  )
  await store.commit(unit({ decider: { collection: things, id: before.id, if: {}, set: { state: 'spent' } } }))
  await loses(
    store.commit(unit({ updates: [{ collection: things, id: before.id, rev: 2, set: { state: 'live' } }] })),
    'update',
    'a decider wrote in between',
  )
  assert.equal((await read(store, before.id)).state, 'spent')
}

async function insertCollides(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const foreign = await stored(bench, { fields: { head: 'mine' }, body: new Uint8Array([1]) })
  const other = thing(tenant)
  const losing = unit({
    inserts: [
      { collection: things, doc: other },
      { collection: things, doc: thing(tenant, { id: foreign.id, fields: { head: 'yours' } }) },
    ],
    events: [event(tenant)],
  })
  await loses(store.commit(losing), 'insert', 'the id is taken')
  assert.deepEqual(await read(store, foreign.id), foreign, 'the document that stood there is untouched')
  assert.equal(await store.get(things, other.id), undefined, "the unit's other insert is taken back")
  assert.deepEqual(await pendingOf(bench), [], 'no event')
  const [id, rivals] = [fresh(), 16]
  const units = Array.from({ length: rivals }, () =>
    unit({ inserts: [{ collection: things, doc: thing(tenant, { id }) }] }),
  )
  const winners = await race(store, units)
  assert.equal(winners.length, 1, `one of ${rivals} rivals inserts an id`)
  assert.equal((await read(store, id)).cid, winners[0]?.cid, 'and no loser took it back')
}

/** Laws on burns, inserts and updates. */
export const conditional: readonly Law[] = [
  law('exactly one of 16 rivals burns an id (probe)', (bench) => oneBurn(bench, 16), { probe: true }),
  law('exactly one of 64 rivals burns an id', (bench) => oneBurn(bench, 64)),
  law("a burn is its own request's on every run, and lost for any other", burnIsOwn),
  law('a unit whose update is lost leaves only its burns', secondConditionFails),
  law('exactly one of many updates of one rev is applied', updatesRace, { probe: true }),
  law('an update changes what it names and loses to any write since it was read', updateMerges),
  law('an update never creates: on a missing document it is a conflict', async ({ store }) => {
    const id = fresh()
    for (const rev of [0, 1]) {
      await loses(
        store.commit(unit({ updates: [{ collection: things, id, rev, set: { state: 'live' } }] })),
        'update',
        'nothing is there',
      )
    }
    assert.equal(await store.get(things, id), undefined, 'nothing was created')
  }),
  law('an insert under a taken id is a conflict and leaves the other document alone', insertCollides),
]
