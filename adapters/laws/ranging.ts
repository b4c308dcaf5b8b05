/** Laws on ranges and scopes: who is inside, in which order, on which page, and that a count says the same. */

import assert from 'node:assert/strict'
import { type Doc, type Index, type NewDoc, pageAfter } from '../store.ts'
import { type Bench, fresh, type Law, law, lawThings, NOW, thing, unit } from './world.ts'

const things = lawThings.name

async function put({ store }: Bench, docs: readonly NewDoc[]): Promise<void> {
  await store.commit(unit({ inserts: docs.map((doc) => ({ collection: things, doc })) }))
}

/** All pages of a query. `between` runs after each. */
async function pagesOf(
  { store }: Bench,
  index: Index,
  input: { readonly limit: number; readonly between?: (page: number) => Promise<void> },
): Promise<readonly Doc[]> {
  const seen: Doc[] = []
  let after: string | undefined
  for (let page = 0; page < 200; page++) {
    const docs = await store.find(things, index, { limit: input.limit, ...(after === undefined ? {} : { after }) })
    assert.ok(docs.length <= input.limit, 'a page has its limit')
    seen.push(...docs)
    const last = docs.at(-1)
    if (!last) return seen
    after = pageAfter(index, last)
    await input.between?.(page)
  }
  throw new assert.AssertionError({ message: 'the pages have no end' })
}

const idsOf = (docs: readonly { readonly id: string }[]): readonly string[] => docs.map(({ id }) => id)
const inOrder = (docs: readonly NewDoc[], value: (doc: NewDoc) => unknown): readonly string[] =>
  idsOf([...docs].sort((a, b) => Number(value(a)) - Number(value(b)) || (a.id < b.id ? -1 : 1)))

/** Few values and many documents, so that pages end inside a value. */
async function population(bench: Bench): Promise<{ readonly client: string; readonly docs: readonly NewDoc[] }> {
  const client = fresh()
  const docs = Array.from({ length: 40 }, (_, n) =>
    thing(bench.tenant, { client, exp: n % 8 === 7 ? null : NOW + (n % 3) * 10, fields: { weight: (n % 4) - 1.5 } }),
  )
  const others = [
    thing(bench.tenant, { client, exp: NOW, state: 'spent' }),
    thing(bench.tenant, { client: fresh(), exp: NOW }),
    thing(fresh(), { client, exp: NOW }),
  ]
  await put(bench, [...docs, ...others])
  return { client, docs }
}

async function ordered(bench: Bench): Promise<void> {
  const { client, docs } = await population(bench)
  const by = { client, state: 'live' }
  const inside = (from: number, below: number) =>
    inOrder(
      docs.filter(({ exp }) => exp !== null && exp >= from && exp < below),
      ({ exp }) => exp,
    )
  for (const limit of [1, 3, 7, 100]) {
    const index = { tenant: bench.tenant, by, range: { field: 'exp', from: NOW, below: NOW + 20 } } as const
    assert.deepEqual(idsOf(await pagesOf(bench, index, { limit })), inside(NOW, NOW + 20), `pages of ${limit}`)
  }
  const whole = { tenant: bench.tenant, by, range: { field: 'exp' } } as const
  assert.deepEqual(idsOf(await pagesOf(bench, whole, { limit: 6 })), inside(0, Number.POSITIVE_INFINITY))
  const field = { tenant: bench.tenant, by: { client }, range: { field: 'fields.weight', below: 0 } } as const
  const light = docs.filter((doc) => Number(doc.fields.weight) < 0)
  assert.deepEqual(
    idsOf(await pagesOf(bench, field, { limit: 5 })),
    inOrder(light, (doc) => doc.fields.weight),
    'a declared field is ordered as a column of the envelope is',
  )
}

async function counted(bench: Bench): Promise<void> {
  const { client } = await population(bench)
  const { store, tenant } = bench
  for (const range of [
    { field: 'exp' },
    { field: 'exp', from: NOW + 10 },
    { field: 'exp', below: NOW + 10 },
    { field: 'exp', from: NOW + 5, below: NOW + 15 },
    { field: 'exp', from: NOW + 100 },
  ] as const) {
    const index = { tenant, by: { client, state: 'live' }, range }
    const listed = (await pagesOf(bench, index, { limit: 9 })).length
    assert.equal(await store.count(things, index), listed, JSON.stringify(range))
    assert.equal(await store.count(things, index, 4), Math.min(4, listed), 'and no more than asked for')
  }
}

async function nulls(bench: Bench): Promise<void> {
  const { client, docs } = await population(bench)
  const { store, tenant } = bench
  const none = docs.filter(({ exp }) => exp === null)
  const by = { client, state: 'live' }
  const ranges = [{ field: 'exp' }, { field: 'exp', below: NOW + 10 ** 6 }, { field: 'exp', from: -1 }] as const
  for (const range of ranges)
    for (const { exp } of await pagesOf(bench, { tenant, by, range }, { limit: 10 })) assert.notEqual(exp, null)
  const index = { tenant, by: { ...by, exp: null } }
  assert.deepEqual(idsOf(await pagesOf(bench, index, { limit: 2 })), [...idsOf(none)].sort())
  assert.equal(await store.count(things, index), none.length)
  const words = thing(tenant, { client, fields: { weight: 'heavy' } })
  await put(bench, [words])
  const heavy = await pagesOf(bench, { tenant, by: { client }, range: { field: 'fields.weight' } }, { limit: 50 })
  assert.ok(!idsOf(heavy).includes(words.id), 'a word is in no range')
}

async function meanwhile(bench: Bench): Promise<void> {
  const { client, docs } = await population(bench)
  const late: NewDoc[] = []
  const index = { tenant: bench.tenant, by: { client, state: 'live' }, range: { field: 'exp' } } as const
  const seen = await pagesOf(bench, index, {
    limit: 4,
    async between(page) {
      if (page > 8) return
      const more = [-1, 0, 10, 20, 30].map((ahead) => thing(bench.tenant, { client, exp: NOW + ahead }))
      late.push(...more)
      await put(bench, more)
    },
  })
  assert.equal(new Set(idsOf(seen)).size, seen.length, 'none twice')
  const there = idsOf(docs.filter(({ exp }) => exp !== null))
  assert.deepEqual(
    there.filter((id) => !idsOf(seen).includes(id)),
    [],
    'none that was there all the time is left out',
  )
  const last = idsOf(late.slice(0, 5).filter(({ exp }) => exp === NOW + 30))
  assert.ok(idsOf(seen).includes(last[0] ?? ''), 'and what came in ahead of the page is met')
}

async function follows(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const at = (from: number) => ({ tenant, by: { state: 'live' }, range: { field: 'lastUse', from } }) as const
  const doc = thing(tenant)
  await put(bench, [doc])
  assert.equal(await store.count(things, at(0)), 0, 'never used is in no range')
  await store.commit(unit({ updates: [{ collection: things, id: doc.id, rev: 1, set: { lastUse: NOW } }] }))
  assert.deepEqual([await store.count(things, at(NOW)), await store.count(things, at(NOW + 1))], [1, 0])
  await store.commit(unit({ updates: [{ collection: things, id: doc.id, rev: 2, set: { lastUse: NOW + 9 } }] }))
  assert.equal(await store.count(things, at(NOW + 9)), 1)
  await store.commit(unit({ revocations: [{ collection: things, target: { id: doc.id }, at: NOW }] }))
  assert.equal(await store.count(things, at(0)), 0)
}

async function members(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const [read, write] = [fresh(), fresh()]
  const docs = [[read], [read, write], [write, read, write], [write], []].map((scopes, n) =>
    thing(tenant, { scopes, exp: NOW + n }),
  )
  await put(bench, [...docs, thing(fresh(), { scopes: [read] })])
  const live = (scope: string) => ({ tenant, by: { scopes: scope, state: 'live' } }) as const
  const ids = async (index: Index) => idsOf(await pagesOf(bench, index, { limit: 2 }))
  const of = (...at: readonly number[]) => at.map((n) => docs[n]?.id ?? '')
  assert.deepEqual(await ids(live(read)), of(0, 1, 2).sort(), 'each once under each of its scopes')
  assert.equal(await store.count(things, live(write)), 3)
  const soon = { tenant, by: { scopes: read }, range: { field: 'exp', below: NOW + 2 } } as const
  assert.deepEqual(await ids(soon), of(0, 1), 'with a range too')
  const [first, second, third] = docs
  assert.ok(first && second && third)
  const set = { scopes: [write], body: new Uint8Array([1]) }
  await store.commit(unit({ updates: [{ collection: things, id: third.id, rev: 1, set }] }))
  assert.deepEqual(await ids(live(read)), of(0, 1).sort(), 'a scope that was taken away is gone')
  assert.equal(await store.count(things, live(write)), 3)
  await store.commit(
    unit({
      revocations: [{ collection: things, target: { id: second.id }, at: NOW }],
      cleanups: [{ collection: things, id: first.id }],
    }),
  )
  assert.equal(await store.count(things, live(read)), 0, 'it follows states and removals')
  assert.equal(await store.count(things, { tenant, by: { scopes: read, state: 'revoked' } }), 1)
}

async function refusals({ store, tenant }: Bench): Promise<void> {
  const ranges = [
    { by: {}, range: { field: 'exp' } },
    { by: { client: 'c' }, range: { field: 'exp' } },
    { by: { exp: NOW }, range: { field: 'client' } },
    { by: { client: 'c' }, range: { field: 'fields.uses' } },
    { by: { client: 'c', state: 'live' }, range: { field: 'lastUse' } },
  ] as const
  for (const one of ranges) {
    await assert.rejects(store.find(things, { tenant, ...one }, { limit: 1 }), TypeError, JSON.stringify(one))
    await assert.rejects(store.count(things, { tenant, ...one }), TypeError)
  }
  const index = { tenant, by: { client: 'c', state: 'live' }, range: { field: 'exp' } } as const
  await assert.rejects(store.find(things, index, { limit: 1, after: 'no-page-ended-so' }), TypeError)
  for (const by of [index, { tenant, by: { scopes: 's', state: 'live' } }] as const)
    await assert.rejects(
      store.commit(unit({ revocations: [{ collection: things, target: { by }, at: NOW }] })),
      TypeError,
    )
}

/** Laws on ranges. */
export const ranging: readonly Law[] = [
  law('a range gives what is inside, by its field and then by id, page after page', ordered),
  law('a count of a range is what its pages give, and no more than was asked for', counted),
  law('what has no number is in no range, and is found by asking for null', nulls),
  law('pages of a range leave out nothing that stays and give nothing twice while others insert', meanwhile),
  law('a range follows its document through every write', follows),
  law('a document is found under each of its scopes, as they are now', members),
  law('a range or a scope that no declaration names, or that a revocation asks for, is a TypeError', refusals),
]
