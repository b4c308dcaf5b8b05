/** What tests of idempotent requests share: things in a store, work of every write class on them, and what stands of it. */

import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { openMongoStore } from '../../adapters/mongo/index.ts'
import { openSqliteStore } from '../../adapters/sqlite/index.ts'
import type { Collection, Doc, Store } from '../../adapters/store.ts'
import { bound, newDoc, Refusal, systemRandom as random, TENANT, Unit } from '../../src/base/index.ts'
import { createIdempotency, idempotencyCollections, type Request } from '../../src/idempotency/index.ts'
import { createSeal, fixedMasters, sealKeys } from '../../src/seal/index.ts'
import { freshMongoUri } from './mongo.ts'
import { type Seam, seamOf } from './mongo-seam.ts'
import { type HandClock, masterOf, OUTPUT, type StoreKind } from './world.ts'

export const things: Collection = {
  name: 'things',
  indexes: [['grant'], ['kind']],
  fields: { holder: 'who has it' },
  expires: false,
  about: 'Things of a test.',
}
const collections = [sealKeys, things, ...idempotencyCollections]
export const KEY = 'a-key-that-a-caller-made-up'

export async function openStore(kind: StoreKind, seam: Seam = { before() {}, after() {} }): Promise<Store> {
  if (kind === 'sqlite')
    return openSqliteStore({ file: join(mkdtempSync(join(OUTPUT, 'stores', 'once-')), 'mintmark.db'), collections })
  return openMongoStore({ uri: await freshMongoUri(), collections, seam: seamOf(seam) })
}

export const thing = (id: string, grant: string | null = null) =>
  newDoc(bound({ tenant: TENANT, kind: 'thing', id, grant }), { hk: '1', fields: { holder: null } })

export async function furnish(store: Store): Promise<void> {
  const unit = new Unit({ store, cid: `furnish${random.below(1e9)}`, request: 'furnish' })
  for (const id of ['decided', 'updated']) unit.insert(things.name, thing(id))
  for (const id of ['child-1', 'child-2']) unit.insert(things.name, thing(id, 'parent'))
  await store.commit(unit.writes('all'))
}

/** One node over a store. */
export async function node(store: Store, clock: HandClock, waitMs = 2000) {
  const seal = await createSeal({ store, clock, random, masters: fixedMasters(masterOf(7)) })
  return createIdempotency({ store, seal, clock, random, waitMs })
}

export const asked = (more: Partial<Request> = {}): Request => ({
  principal: 'account alice',
  route: 'POST /things',
  key: KEY,
  body: Buffer.from('{"name":"one"}'),
  request: `request-${random.below(1e9)}`,
  network: '127.0.0.0/24',
  ...more,
})

export async function read(unit: Unit, id: string): Promise<Doc> {
  const doc = await unit.get(things.name, id)
  if (!doc) throw new Error(`no ${id}`)
  return doc
}

/** Work of every class: a burn, an insert, an update, a decider, tombstones by id and by index, an event; its answer is another each time. */
export async function work(unit: Unit) {
  const made = `made-${random.below(1e12)}`
  const [decided, updated] = [await read(unit, 'decided'), await read(unit, 'updated')]
  if (decided.state !== 'live') throw new Refusal({ code: 'spent', status: 409, message: 'spent' })
  unit.burn(things.name, thing(`burned-${made}`))
  unit.insert(things.name, thing(made))
  unit.update(things.name, updated, { fields: { holder: made } })
  unit.decide(
    {
      collection: things.name,
      id: 'decided',
      if: { state: 'live' },
      set: { state: 'spent', fields: { holder: made } },
    },
    decided,
  )
  unit.revoke({ collection: things.name, target: { by: { tenant: TENANT, by: { grant: 'parent' } } }, at: 5 })
  unit.note('thing.made', { made })
  return { status: 201, body: { made } }
}

/** What stands, in words that are equal before and after everything but the whole work. */
export async function standing(store: Store): Promise<'nothing' | 'all' | string> {
  const all = await store.scan(things.name, { limit: 1000 })
  const by = (id: string) => all.find((doc) => doc.id === id)
  const holder = by('decided')?.fields.holder
  const seen = {
    made: all.filter(({ id }) => id.startsWith('made-')).map(({ id }) => id),
    updated: by('updated')?.fields.holder ?? null,
    children: ['child-1', 'child-2'].map((id) => by(id)?.state),
    events: (await store.pending(100)).length,
  }
  const none = { made: [], updated: null, children: ['live', 'live'], events: 0 }
  const whole = { made: [holder], updated: holder, children: ['revoked', 'revoked'], events: 1 }
  if (JSON.stringify(seen) === JSON.stringify(none)) return 'nothing'
  return JSON.stringify(seen) === JSON.stringify(whole) ? 'all' : JSON.stringify(seen)
}

export const refused = (code: string) => (cause: unknown) => cause instanceof Refusal && cause.code === code
