/** Laws on what a store keeps besides documents (leases, idempotency records), on sweeping, and on units that do not harm each other. */

import assert from 'node:assert/strict'
import { Conflict, type Scalar } from '../store.ts'
import {
  type Bench,
  event,
  fresh,
  type Law,
  law,
  lawThings,
  NOW,
  pendingOf,
  read,
  stored,
  thing,
  unit,
} from './world.ts'

const things = lawThings.name

async function sweeping(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const before = 1000
  while ((await store.sweep(things, before, 100)) > 0); // what an interrupted law left
  const due = [1, 2, 3, 4, 999].map((purgeAt) => thing(tenant, { purgeAt }))
  const later = [before, before + 1, null].map((purgeAt) => thing(tenant, { purgeAt, exp: 1 }))
  await store.commit(unit({ inserts: [...due, ...later].map((doc) => ({ collection: things, doc })) }))
  assert.equal(await store.sweep(things, before, 3), 3, 'no more than the limit')
  assert.equal(await store.count(things, { tenant, by: { kind: 'law' } }), 5)
  assert.equal(await store.sweep(things, before, 100), 2, 'the rest of what is due')
  assert.equal(await store.sweep(things, before, 100), 0, 'and nothing else')
  for (const { id } of later) assert.ok(await store.get(things, id), 'what is not due stays')
}

async function leases({ store }: Bench): Promise<void> {
  const name = `law-${fresh()}`
  const [now, until] = [NOW * 1000, NOW * 1000 + 500]
  const holders = Array.from({ length: 16 }, () => fresh())
  const took = await Promise.all(holders.map((holder) => store.lease({ name, holder, until }, now)))
  assert.equal(took.filter(Boolean).length, 1, 'one of 16 rivals has it')
  const first = holders[took.indexOf(true)] ?? ''
  const second = holders[took.indexOf(false)] ?? ''
  assert.equal(
    await store.lease({ name, holder: first, until: until + 500 }, now + 100),
    true,
    'who has it may renew it',
  )
  assert.equal(
    await store.lease({ name, holder: second, until: until + 900 }, until + 1),
    false,
    'a renewed lease holds',
  )
  await store.release(name, second)
  assert.equal(
    await store.lease({ name, holder: second, until: until + 900 }, until + 2),
    false,
    'only its holder gives it back',
  )
  assert.equal(
    await store.lease({ name, holder: second, until: until + 2000 }, until + 501),
    true,
    'what ran out is taken over',
  )
  assert.equal(
    await store.lease({ name, holder: first, until: until + 3000 }, until + 502),
    false,
    'and lost for who had it',
  )
  await store.release(name, second)
  assert.equal(
    await store.lease({ name, holder: first, until: until + 3000 }, until + 503),
    true,
    'what is given back is free',
  )
  await store.release(name, first)
}

async function idempotency({ store }: Bench): Promise<void> {
  const key = `law-${fresh()}`
  const firsts = await Promise.all(Array.from({ length: 16 }, () => store.begin(key, NOW)))
  assert.equal(firsts.filter((f) => f === undefined).length, 1, 'one of 16 rivals does the work')
  assert.equal(firsts.filter((f) => f === 'pending').length, 15, 'the others wait')
  assert.equal(await store.begin(key, NOW), 'pending')
  await store.finish(key, new Uint8Array([7, 0, 255]))
  const again = await store.begin(key, NOW)
  assert.ok(typeof again === 'object', 'what was finished is answered from the record')
  assert.deepEqual([...again.result], [7, 0, 255])
  assert.equal(await store.begin(`law-${fresh()}`, NOW), undefined, 'another key is another matter')
}

async function poison(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  // What no type allows and a slip may bring all the same.
  const structured: Scalar = JSON.parse('{"nested":{"$gt":""}}')
  const bad = [
    unit({
      inserts: [
        { collection: things, doc: thing(tenant) },
        { collection: things, doc: thing(tenant, { fields: { head: structured } }) },
      ],
      events: [event(tenant)],
    }),
    unit({
      inserts: [
        { collection: things, doc: thing(tenant) },
        { collection: 'law-unheard-of', doc: thing(tenant) },
      ],
      events: [event(tenant)],
    }),
    unit({
      decider: { collection: things, id: (await stored(bench)).id, if: { fields: { head: structured } }, set: {} },
      events: [event(tenant)],
    }),
  ]
  const good = Array.from({ length: 24 }, () =>
    unit({
      burns: [{ collection: things, doc: thing(tenant) }],
      inserts: [{ collection: things, doc: thing(tenant) }],
    }),
  )
  const all = [...good.slice(0, 8), bad[0], ...good.slice(8, 16), bad[1], bad[2], ...good.slice(16)].filter(
    (u) => u !== undefined,
  )
  const outcomes = await Promise.allSettled(all.map((u) => store.commit(u)))
  for (const [n, u] of all.entries()) {
    const outcome = outcomes[n]
    if (!bad.includes(u)) {
      assert.equal(outcome?.status, 'fulfilled', 'a healthy unit is committed')
      assert.equal((await read(store, u.inserts[0]?.doc.id ?? '')).cid, u.cid)
      continue
    }
    assert.ok(
      outcome?.status === 'rejected' && !(outcome.reason instanceof Conflict),
      'a poisoned unit is refused, and not as a conflict',
    )
    for (const { doc } of u.inserts) assert.equal(await store.get(things, doc.id), undefined, 'and leaves nothing')
  }
  assert.deepEqual(await pendingOf(bench), [], 'not even an event')
  await store.ping()
}

async function durable(bench: Bench): Promise<void> {
  if (!bench.world.reopen) return
  const { tenant } = bench
  const doc = await stored(bench, { fields: { head: 'a', uses: 3 }, body: new Uint8Array([1, 2]) })
  const told = unit({
    decider: { collection: things, id: doc.id, if: {}, set: { fields: { head: 'b' } } },
    events: [event(tenant)],
  })
  await bench.store.commit(told)
  const before = await read(bench.store, doc.id)
  const store = await bench.world.reopen()
  assert.deepEqual(await read(store, doc.id), before, 'documents are there')
  const again = { ...bench, store }
  assert.deepEqual(
    await pendingOf(again),
    told.events.map((e) => e.id),
    'events are there',
  )
  await store.commit(told)
  assert.equal((await read(store, doc.id)).rev, before.rev, 'and a commit that is repeated is known')
  assert.equal((await pendingOf(again)).length, 1)
}

async function scrubs(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const [live, dead, gone] = [
    await stored(bench, { body: new Uint8Array([1]) }),
    await stored(bench),
    await stored(bench),
  ]
  const told = unit({
    revocations: [{ collection: things, target: { id: dead.id }, at: NOW }],
    cleanups: [{ collection: things, id: gone.id }],
    events: [event(tenant)],
  })
  await store.commit(told)
  const before = [await read(store, live.id), await read(store, dead.id)]
  const later = Array.from({ length: 8 }, () => unit({ inserts: [{ collection: things, doc: thing(tenant) }] }))
  const [left] = await Promise.all([store.scrub(), ...later.map((u) => store.commit(u))])
  assert.ok(left.length > 0 && left.every((words) => words.length > 0), 'it says what may still hold old content')
  assert.deepEqual([await store.get(things, live.id), await store.get(things, dead.id)], before)
  assert.equal(await store.get(things, gone.id), undefined)
  for (const { inserts } of later) await read(store, inserts[0]?.doc.id ?? '')
  assert.deepEqual(
    await pendingOf(bench),
    told.events.map(({ id }) => id),
  )
}

/** Laws on sweeping, leases, idempotency records and on living together. */
export const keeping: readonly Law[] = [
  law('a sweep removes what is due, nothing else, and no more than its limit', sweeping),
  law('a lease is held by one, renewed by its holder, and taken over when it ran out', leases, { probe: true }),
  law('one caller does the work for a key; the others learn that, and then its result', idempotency),
  law('a poisoned unit harms no other that commits at the same moment', poison),
  law('a scrub loses nothing that is alive, no tombstone and no event, and says what may be left', scrubs),
  law('what was acknowledged is there when the store is opened again', durable),
]
