/** Laws on reading: what went in comes out, to its owner, in order, as a copy. */

import assert from 'node:assert/strict'
import type { NewDoc } from '../store.ts'
import { type Bench, fresh, type Law, law, lawOthers, lawThings, NOW, read, stored, thing, unit } from './world.ts'

const things = lawThings.name

async function comesBack({ store, tenant }: Bench): Promise<void> {
  const words = [
    '$set',
    '__proto__',
    'constructor',
    'a.b.$.c',
    '"; DROP TABLE x; --',
    "it's",
    '%_\\',
    'ü漢字🗝️',
    '',
    ' ',
    '\u2028',
    '$$ROOT',
  ]
  const bytes = Uint8Array.from({ length: 256 }, (_, n) => n)
  for (const [n, word] of words.entries()) {
    const doc: NewDoc = {
      ...thing(tenant),
      id: `${word}${fresh()}`,
      family: word,
      client: word,
      state: word === '' ? 'live' : word,
      scopes: [word, 'b', word],
      exp: NOW + n,
      purgeAt: NOW + 10 ** 9,
      lastUse: 0,
      iat: Number.MAX_SAFE_INTEGER,
      body: n % 2 ? bytes : new Uint8Array(0),
      fields: { head: word, predecessor: null, uses: -1.5, weight: 2 ** 40, blob: bytes.slice(0, n) },
    }
    const { cid } = unit()
    await store.commit(unit({ cid, inserts: [{ collection: things, doc }] }))
    assert.deepEqual(
      plain(await read(store, doc.id)),
      plain({ ...doc, rev: 1, cid, revokedAt: null }),
      `${JSON.stringify(word)} comes back as it was`,
    )
    assert.equal(await store.count(things, { tenant, by: { family: word } }), 1, `${JSON.stringify(word)} is found`)
    const revoked = { collection: things, target: { id: doc.id }, at: NOW }
    const set = { fields: { head: `${word}!`, blob: bytes } }
    await store.commit(
      unit({
        decider: { collection: things, id: doc.id, if: { fields: { head: word } }, set },
        revocations: [revoked],
      }),
    )
    const after = await read(store, doc.id)
    assert.deepEqual([after.fields.head, after.revokedAt, after.state], [`${word}!`, NOW, 'revoked'])
  }
}

/** Bytes as arrays, so that a Buffer and a Uint8Array of the same bytes are equal. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value]
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

async function freshCopies(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const given = thing(tenant, {
    fields: { head: 'a', blob: new Uint8Array([1]) },
    body: new Uint8Array([1]),
    scopes: ['s'],
  })
  await store.commit(unit({ inserts: [{ collection: things, doc: given }] }))
  const spoil = (doc: object & Pick<NewDoc, 'body' | 'fields' | 'scopes'>): void => {
    doc.body?.fill(9)
    if (doc.fields.blob instanceof Uint8Array) doc.fields.blob.fill(9)
    Reflect.set(doc.fields, 'head', 'spoiled')
    Reflect.set(doc.scopes, '0', 'spoiled')
    Reflect.set(doc, 'state', 'spoiled')
  }
  spoil(given)
  const one = await read(store, given.id)
  const [found] = await store.find(things, { tenant, by: { kind: 'law' } }, { limit: 1 })
  assert.ok(found)
  spoil(one)
  spoil(found)
  const two = await read(store, given.id)
  assert.deepEqual(
    [two.state, two.fields.head, [...two.scopes], [...(two.body ?? [])]],
    ['live', 'a', ['s'], [1]],
    'nobody else sees the change',
  )
  assert.deepEqual(plain(two.fields.blob), [1])
}

async function pages(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const [family, foreign] = [fresh(), fresh()]
  const own = Array.from({ length: 25 }, (_, n) =>
    thing(tenant, { family, client: 'c', state: n % 5 === 0 ? 'spent' : 'live' }),
  )
  const others = [thing(foreign, { family, client: 'c' }), thing(tenant, { family: fresh(), client: 'd' })]
  await store.commit(unit({ inserts: [...own, ...others].map((doc) => ({ collection: things, doc })) }))
  const ids = own.map((d) => d.id).sort()
  const seen: string[] = []
  for (let page = 0; page < 10; page++) {
    const last = seen.at(-1)
    const docs = await store.find(
      things,
      { tenant, by: { family } },
      { limit: 10, ...(last === undefined ? {} : { after: last }) },
    )
    if (docs.length === 0) break
    assert.ok(docs.length <= 10, 'a page has its limit')
    seen.push(...docs.map((d) => d.id))
  }
  assert.deepEqual(seen, ids, "the pages together are the tenant's own documents, ascending, each once")
  assert.equal(await store.count(things, { tenant, by: { family } }), 25, 'count agrees with find')
  assert.equal(await store.count(things, { tenant: foreign, by: { family } }), 1)
  const spent = await store.find(things, { tenant, by: { state: 'spent', client: 'c' } }, { limit: 100 })
  assert.deepEqual(
    spent.map((d) => d.id),
    own
      .filter((d) => d.state === 'spent')
      .map((d) => d.id)
      .sort(),
  )
  assert.equal(await store.count(things, { tenant, by: { client: 'c', state: 'spent' } }), spent.length)
  const [first] = spent
  assert.ok(first)
  await store.commit(unit({ updates: [{ collection: things, id: first.id, rev: first.rev, set: { state: 'live' } }] }))
  assert.equal(
    await store.count(things, { tenant, by: { client: 'c', state: 'spent' } }),
    spent.length - 1,
    'an index follows its document',
  )
  await store.commit(unit({ cleanups: others.map(({ id }) => ({ collection: things, id })) }))
}

async function undeclared(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const { id, rev } = await stored(bench)
  await assert.rejects(store.find(things, { tenant, by: { account: 'a' } }, { limit: 1 }), TypeError, 'no such index')
  await assert.rejects(
    store.find(things, { tenant, by: { client: 'c' } }, { limit: 1 }),
    TypeError,
    'half an index is none',
  )
  await assert.rejects(store.count(things, { tenant, by: {} }), TypeError, 'everything is no index')
  await assert.rejects(store.get('law-unheard-of', id), TypeError, 'no such collection')
  await assert.rejects(store.get('__proto__', id), TypeError, 'no such collection')
  const strange = { collection: 'law-unheard-of', doc: thing(tenant) }
  await assert.rejects(store.commit(unit({ inserts: [strange] })), TypeError)
  await assert.rejects(store.commit(unit({ burns: [strange] })), TypeError)
  await assert.rejects(
    store.commit(
      unit({ revocations: [{ collection: things, target: { by: { tenant, by: { account: 'a' } } }, at: NOW }] }),
    ),
    TypeError,
  )
  for (const fields of [{ unheardOf: 1 }, { ['__proto__']: 1 }, { constructor: 'x' }]) {
    await assert.rejects(
      store.commit(unit({ inserts: [{ collection: things, doc: thing(tenant, { fields }) }] })),
      TypeError,
    )
    await assert.rejects(store.commit(unit({ updates: [{ collection: things, id, rev, set: { fields } }] })), TypeError)
    await assert.rejects(
      store.commit(unit({ decider: { collection: things, id, if: { fields }, set: {} } })),
      TypeError,
    )
    await assert.rejects(
      store.commit(unit({ decider: { collection: things, id, if: {}, set: { fields } } })),
      TypeError,
    )
  }
  await assert.rejects(
    store.commit(unit({ decider: { collection: things, id, if: {}, set: {}, increment: { unheardOf: 1 } } })),
    TypeError,
  )
  assert.equal((await read(store, id)).rev, rev, 'nothing was written')
}

async function forSome(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const docs = ['law-listed', 'law-listed', 'law-else', 'law'].map((kind, n) =>
    thing(tenant, { kind, lastUse: NOW + n }),
  )
  await store.commit(unit({ inserts: docs.map((doc) => ({ collection: things, doc })) }))
  const listed = (kind: string) => ({ tenant, by: { kind }, range: { field: 'lastUse', below: NOW + 9 } }) as const
  const found = await store.find(things, listed('law-listed'), { limit: 9 })
  assert.deepEqual(
    found.map(({ id }) => id),
    docs.slice(0, 2).map(({ id }) => id),
    'all of its kind, in order',
  )
  assert.equal(await store.count(things, listed('law-else')), 1)
  await assert.rejects(store.find(things, listed('law'), { limit: 9 }), TypeError, 'the index is not for this kind')
  const absent = { tenant, by: { family: null } }
  await assert.rejects(store.find(things, absent, { limit: 9 }), TypeError, 'most documents have no family')
  const target = { by: { tenant, by: { kind: 'law-listed', lastUse: NOW } } }
  await store.commit(unit({ revocations: [{ collection: things, target, at: NOW }] }))
  assert.deepEqual(
    (await store.find(things, listed('law-listed'), { limit: 9 })).map(({ revokedAt }) => revokedAt),
    [NOW, null],
    'and a revocation reaches them by it',
  )
  await store.commit(unit({ cleanups: docs.map(({ id }) => ({ collection: things, id })) }))
}

async function scans(bench: Bench): Promise<void> {
  const { store, tenant } = bench
  const foreign = fresh()
  const docs = [...Array.from({ length: 13 }, () => thing(tenant)), ...Array.from({ length: 6 }, () => thing(foreign))]
  await store.commit(unit({ inserts: docs.map((doc) => ({ collection: things, doc })) }))
  const dead = docs.filter((_, n) => n % 3 === 0)
  await store.commit(
    unit({ revocations: dead.map(({ id }) => ({ collection: things, target: { id }, at: NOW, purgeAt: NOW })) }),
  )
  const seen: string[] = []
  for (let page = 0; page < 1000; page++) {
    const last = seen.at(-1)
    const found = await store.scan(things, { limit: 4, ...(last === undefined ? {} : { after: last }) })
    if (found.length === 0) break
    assert.ok(found.length <= 4, 'a page has its limit')
    seen.push(...found.map(({ id }) => id))
  }
  assert.deepEqual([...new Set(seen)].sort(), seen, 'ascending, each once')
  const missing = docs.filter(({ id }) => !seen.includes(id))
  assert.deepEqual(missing, [], 'every tenant, tombstones too')
  const [first] = docs
  assert.ok(first)
  const [one] = await store.scan(things, { limit: 1, after: seen[seen.indexOf(first.id) - 1] ?? '' })
  assert.deepEqual(one, await read(store, first.id), 'as they are read')
  await assert.rejects(store.scan('law-unheard-of', { limit: 1 }), TypeError)
  await store.commit(unit({ cleanups: docs.slice(13).map(({ id }) => ({ collection: things, id })) }))
}

/** Ten rounds: a number that only seldom moves would pass one. */
async function versions({ store, tenant }: Bench): Promise<void> {
  if (!store.version) return
  const doc = thing(tenant)
  await store.commit(unit({ inserts: [{ collection: things, doc }] }))
  for (let round = 0; round < 10; round++) {
    const before = store.version(things)
    const { rev } = await read(store, doc.id)
    await store.commit(unit({ updates: [{ collection: things, id: doc.id, rev, set: { state: `s${round}` } }] }))
    assert.notEqual(store.version(things), before, 'a commit that was answered has moved it')
    assert.equal((await read(store, doc.id)).state, `s${round}`)
  }
}

/** Laws on reading. */
export const reading: readonly Law[] = [
  law('bytes, numbers and words of any shape come back as they were', comesBack),
  law('every read is a fresh copy, and what was handed in is copied too', freshCopies),
  law("find pages through a declared index: ascending, the tenant's own, and count agrees", pages),
  law('a scan gives every document of a collection once, ascending, of any tenant and state', scans),
  law('what no declaration names is a TypeError', undeclared),
  law('an index for some kinds finds them alone, and none is asked for what has nothing in its first field', forSome),
  law('a version, where a store tells one, is another after every commit that touches its collection', versions),
  law('one id in two collections is two documents', async ({ store, tenant }) => {
    const [doc, far] = [thing(tenant), thing(tenant)]
    await store.commit(
      unit({
        inserts: [
          { collection: things, doc },
          { collection: lawOthers.name, doc: { ...far, id: doc.id } },
        ],
      }),
    )
    await store.commit(unit({ cleanups: [{ collection: lawOthers.name, id: doc.id }] }))
    assert.ok(await store.get(things, doc.id))
    assert.equal(await store.get(lawOthers.name, doc.id), undefined)
  }),
]
