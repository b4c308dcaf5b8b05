/** The relay: who gets which events, in which order, and what a crash between its steps leaves. */

import assert from 'node:assert/strict'
import type { Store } from '../adapters/store.ts'
import { bound, newDoc, systemRandom as random, randomText, TENANT, Unit } from '../src/base/index.ts'
import { createEventLog, createRelay, eventId, events, type Happened } from '../src/events.ts'
import { createSeal, eventResealer, fixedMasters, numberedOf, sealEvents, sealKeys } from '../src/seal/index.ts'
import { createLogger } from '../src/telemetry/index.ts'
import { MemoryStore } from './adapters/memory-store.ts'
import { HandClock, masterOf } from './support/world.ts'

const actor = { request: 'r', network: 'n' }

async function desk(wrap: (store: Store) => Store = (store) => store) {
  const memory = new MemoryStore([sealKeys, events])
  const clock = new HandClock()
  const seal = await createSeal({ store: memory, clock, random, masters: fixedMasters(masterOf(7)) })
  const store = wrap(memory)
  const told = { some: [] as Happened[], all: [] as Happened[] }
  let opened = 0
  const counting = {
    ...seal,
    open: (doc: Parameters<typeof seal.open>[0]) => {
      opened++
      return seal.open(doc)
    },
  }
  const some = { types: ['token.issued'], follow: async (event: Happened) => void told.some.push(event) }
  const all = { types: 'all', follow: async (event: Happened) => void told.all.push(event) } as const
  const relayTo = (followers: Parameters<typeof createRelay>[0]['followers']) =>
    createRelay({ store, seal: counting, clock, random, logger: createLogger({ level: 'silent' }), followers })
  return {
    store,
    seal,
    told,
    some,
    all,
    relayTo,
    opened: () => opened,
    log: createEventLog({ store, seal }),
    async note(...types: readonly string[]): Promise<void> {
      const unit = new Unit({ store, cid: randomText(random, 16), request: 'r' })
      for (const [n, type] of types.entries()) unit.note(type, { n })
      await store.commit(unit.writes('all', sealEvents(seal, unit, { clock, actor, tenant: TENANT })))
    },
  }
}

const pagesOf = (store: Store) => store.find(events.name, { tenant: TENANT, by: { kind: 'page' } }, { limit: 100 })

describe('the relay', () => {
  it('gives each follower the types that it names, numbered in their order, and opens nothing else', async () => {
    const { relayTo, some, told, note, opened } = await desk()
    await note('client.created')
    await note('rotation.decided', 'refresh_token.rotated', 'token.issued')
    await note('token.issued')
    await relayTo([some]).drain()
    assert.deepEqual(
      told.some.map(({ seq, type, data }) => [seq, type, data.n, data.request]),
      [
        [4, 'token.issued', 2, 'r'],
        [5, 'token.issued', 0, 'r'],
      ],
    )
    assert.equal(opened(), 2)
  })

  it('gives all of them to whoever asks for all, over many batches, each once', async () => {
    const { relayTo, all, told, note, store } = await desk()
    for (let n = 0; n < 300; n++) await note('token.issued', 'client.created')
    await relayTo([all]).drain()
    assert.deepEqual(
      told.all.map(({ seq }) => seq),
      Array.from({ length: 600 }, (_, n) => n + 1),
    )
    assert.equal((await pagesOf(store)).length, 2)
    assert.deepEqual(await store.pending(10), [])
  })

  it('delivers again under the same numbers what it had numbered when it died', async () => {
    let dies = true
    const { relayTo, all, told, note, store } = await desk((memory) => {
      const settle = memory.settle.bind(memory)
      return Object.assign(memory, {
        settle: async (ids: readonly string[]) => {
          if (dies) throw new Error('the process ends')
          return settle(ids)
        },
      })
    })
    await note('token.issued', 'client.created')
    await assert.rejects(relayTo([all]).drain(), /the process ends/)
    await note('api.created')
    dies = false
    const next = relayTo([all])
    await store.lease({ name: 'relay', holder: 'nobody', until: 0 }, Number.MAX_SAFE_INTEGER)
    await next.drain()
    assert.deepEqual(
      told.all.map(({ seq, type }) => [seq, type]),
      [
        [1, 'token.issued'],
        [2, 'client.created'],
        [1, 'token.issued'],
        [2, 'client.created'],
        [3, 'api.created'],
      ],
    )
  })

  it('goes on where an older Mintmark numbered each event by itself, and reads and reseals what that wrote', async () => {
    const { relayTo, all, told, note, store, seal, log } = await desk()
    const fields = { last: 2, ids: '["old.1"]' }
    const columns = (id: string) => bound({ tenant: TENANT, kind: 'event token.issued', id })
    const sealed = (id: string) => seal.seal(columns(id), Buffer.from(JSON.stringify({ id, request: 'r' })))
    const unit = new Unit({ store, cid: 'c', request: 'r' })
    unit.insert(events.name, newDoc(bound({ tenant: TENANT, kind: 'counter', id: 'counter' }), { hk: '', fields }))
    for (const n of [0, 1]) {
      const about = { event: `old.${n}`, type: 'token.issued', at: 5 }
      const doc = newDoc(bound({ tenant: TENANT, kind: 'event', id: eventId(n + 1) }), {
        hk: '',
        ...sealed(`old.${n}`),
        fields: about,
      })
      unit.insert(events.name, doc)
    }
    const waiting = { id: 'old.1', type: 'token.issued', tenant: TENANT, at: 5, ...sealed('old.1') }
    await store.commit(unit.writes('all', [waiting]))
    await note('token.issued')
    await relayTo([all]).drain()
    assert.deepEqual(
      told.all.map(({ seq, data }) => [seq, data.id ?? null]),
      [
        [2, 'old.1'],
        [3, null],
      ],
    )
    const found = await log.latest({ type: 'token.issued', last: 10 })
    assert.deepEqual(
      found.map((event) => Reflect.get(event, 'seq')),
      [1, 2, 3],
    )
    const resealer = eventResealer(seal)
    const old = await store.get(events.name, eventId(1))
    assert.ok(old)
    assert.notDeepEqual((await resealer.reseal(old)).body, old.body)
    const [page] = await pagesOf(store)
    assert.ok(page)
    assert.deepEqual(
      resealer.names(page),
      numberedOf(page).map(({ entry }) => entry.dk),
    )
  })
})
