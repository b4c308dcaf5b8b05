/** Laws on the outbox: an event is there when its commit is, once, until it is settled. */

import assert from 'node:assert/strict'
import type { Writes } from '../store.ts'
import {
  type Bench,
  event,
  fresh,
  type Law,
  law,
  lawThings,
  loses,
  NOW,
  pendingOf,
  read,
  stored,
  thing,
  unit,
} from './world.ts'

const things = lawThings.name

async function withTheCommit(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const { id } = await stored(bench)
  const happened = event(tenant, {
    type: 'law.decided',
    dk: 'd7',
    at: NOW * 1000 + 5,
    body: new Uint8Array([0, 255, 128]),
  })
  const won = unit({
    decider: { collection: things, id, if: { state: 'live' }, set: { state: 'spent' } },
    events: [happened, event(tenant)],
  })
  assert.deepEqual(await pendingOf(bench), [], 'nothing before the commit')
  await store.commit(won)
  const pending = (await store.pending(10_000)).filter((e) => e.tenant === tenant)
  assert.deepEqual(
    pending.map((e) => e.id),
    won.events.map((e) => e.id),
    'all of them after it, in order',
  )
  assert.deepEqual({ ...pending[0] }, happened, 'as they were handed in')
  assert.ok((await store.pending(1)).length <= 1, 'no more than asked for')
  const lost = unit({ decider: { collection: things, id, if: { state: 'live' }, set: {} }, events: [event(tenant)] })
  await loses(store.commit(lost), 'decider', 'it is spent')
  assert.equal((await pendingOf(bench)).length, 2, 'a lost unit tells nothing')
}

async function notBeforeItIsDecided(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const { id } = await stored(bench)
  const units = Array.from({ length: 32 }, () =>
    unit({
      burns: [{ collection: things, doc: thing(tenant) }],
      decider: { collection: things, id, if: { state: 'live' }, set: { state: 'spent' } },
      events: [event(tenant)],
    }),
  )
  const seen = new Set<string>()
  let done = false
  const all = Promise.allSettled(units.map((u) => store.commit(u))).then((outcomes) => {
    done = true
    return outcomes
  })
  while (!done) {
    for (const e of await pendingOf(bench)) seen.add(e)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const outcomes = await all
  for (const e of await pendingOf(bench)) seen.add(e)
  const winners = units.filter((_, n) => outcomes[n]?.status === 'fulfilled')
  assert.deepEqual(
    [...seen],
    winners.flatMap((u) => u.events.map((e) => e.id)),
    "whoever looks at any moment sees the winner's event and no other",
  )
}

async function everyUnit(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const [updated, revoked, removed] = [await stored(bench), await stored(bench), await stored(bench)]
  const burn = { collection: things, doc: thing(tenant) }
  const kinds: Readonly<Record<string, Partial<Writes>>> = {
    'burns alone': { burns: [burn] },
    'inserts alone': {
      inserts: [
        { collection: things, doc: thing(tenant) },
        { collection: things, doc: thing(tenant) },
      ],
    },
    'updates alone': { updates: [{ collection: things, id: updated.id, rev: updated.rev, set: { lastUse: NOW } }] },
    'a revocation alone': { revocations: [{ collection: things, target: { id: revoked.id }, at: NOW }] },
    'a revocation that stood already': { revocations: [{ collection: things, target: { id: revoked.id }, at: NOW }] },
    'a revocation of nothing': { revocations: [{ collection: things, target: { id: fresh() }, at: NOW }] },
    'a revocation by an index that holds nothing': {
      revocations: [{ collection: things, target: { by: { tenant, by: { family: fresh() } } }, at: NOW }],
    },
    'a cleanup alone': { cleanups: [{ collection: things, id: removed.id }] },
    'events alone': {},
  }
  for (const [kind, writes] of Object.entries(kinds)) {
    const told = unit({ ...writes, events: [event(tenant), event(tenant)] })
    await store.commit(told)
    assert.deepEqual(
      await pendingOf(bench),
      told.events.map((e) => e.id),
      `${kind}: its events are delivered`,
    )
    await store.settle(told.events.map((e) => e.id))
    assert.deepEqual(await pendingOf(bench), [], `${kind}: and settled`)
  }
  assert.equal(await store.get(things, removed.id), undefined, 'a cleanup removes')
}

async function settled(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const { id } = await stored(bench)
  const told = unit({
    inserts: [{ collection: things, doc: thing(tenant) }],
    events: [event(tenant), event(tenant), event(tenant)],
  })
  const ids = told.events.map((e) => e.id)
  await store.commit(told)
  await store.settle(ids.slice(0, 1))
  assert.deepEqual(await pendingOf(bench), ids.slice(1), 'only what was settled is gone')
  await store.settle([...ids.slice(0, 2), fresh()])
  assert.deepEqual(await pendingOf(bench), ids.slice(2), 'settling twice, or what never was, harms nothing')
  await store.settle(ids)
  await store.settle([])
  const { rev } = await read(store, id)
  await store.commit(unit({ updates: [{ collection: things, id, rev, set: { lastUse: NOW } }] }))
  assert.deepEqual(await pendingOf(bench), [], 'a settled event never comes back')
}

async function sameDocument(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const { id } = await stored(bench, { fields: { uses: 0 } })
  const units = Array.from({ length: 24 }, () =>
    unit({
      decider: { collection: things, id, if: { revokedAt: null }, set: {}, increment: { uses: 1 } },
      events: [event(tenant)],
    }),
  )
  await Promise.all(units.map((u) => store.commit(u)))
  const pending = await pendingOf(bench)
  assert.deepEqual(
    [...pending].sort(),
    units.flatMap((u) => u.events.map((e) => e.id)).sort(),
    'none is lost and none is there twice',
  )
}

/** Laws on events. */
export const happening: readonly Law[] = [
  law('events are pending after their commit, not before, and not when it is lost', withTheCommit),
  law('nobody sees an event of a unit that is not decided', notBeforeItIsDecided),
  law('a unit of any one class, or of none, delivers its events', everyUnit),
  law('settled events never come back', settled),
  law('events of many commits on one document are each there once', sameDocument),
]
