/** The embedded store shared by several processes: every law over a line, and what is a line's own (groups, rivals, ends). */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, rmSync, statSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { event, fresh, lawThings, race, read, thing, unit } from '../../adapters/laws/world.ts'
import { lawCollections, laws } from '../../adapters/laws.ts'
import { frame, frameReader } from '../../adapters/sqlite/frames.ts'
import { openSqliteStore, type SqliteStore } from '../../adapters/sqlite/index.ts'
import { beginJob, endJob, JOB, putUnit } from '../../adapters/sqlite/jobs.ts'
import { PacketWriter } from '../../adapters/sqlite/packet.ts'
import { tableOf } from '../../adapters/sqlite/schema.ts'
import { openSharedSqliteStore } from '../../adapters/sqlite/shared.ts'
import { StoreUnusable } from '../../adapters/store.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mintmark-'))
})
after(() => rmSync(folder, { recursive: true }))

const insert = (doc = thing('t')) => unit({ inserts: [{ collection: lawThings.name, doc }] })

interface Shared {
  readonly owner: SqliteStore
  readonly socket: string
  /** Resolves when a line has lost its owner. */
  readonly lost: Promise<void>
  readonly isLost: () => boolean
  open(): Promise<SqliteStore>
}

async function shared(): Promise<Shared> {
  const [file, socket] = [join(folder, `${fresh()}.db`), join(folder, `${fresh()}.sock`)]
  const owner = await openSqliteStore({ file, collections: lawCollections, socket })
  const { promise: lost, resolve } = Promise.withResolvers<void>()
  let isLost = false
  const onLost = (): void => {
    isLost = true
    resolve()
  }
  const open = () => openSharedSqliteStore({ file, collections: lawCollections, socket, onLost })
  return { owner, socket, lost, isLost: () => isLost, open }
}

describe('the shared embedded store obeys the laws', () => {
  let place: Shared
  let store: SqliteStore

  before(async () => {
    place = await shared()
    store = await place.open()
  })
  after(async () => {
    await store.close()
    await place.owner.close()
  })

  const world = {
    open: async () => store,
    reopen: async () => {
      await store.close()
      store = await place.open()
      return store
    },
  }
  for (const { name, proof } of laws) it(name, () => proof(world))
})

describe('processes that share the embedded store', () => {
  let place: Shared
  let stores: readonly [SqliteStore, SqliteStore]

  before(async () => {
    place = await shared()
    stores = [await place.open(), await place.open()]
  })
  after(async () => {
    for (const store of stores) await store.close()
    await place.owner.close()
  })

  it('each read at once what any of them has committed', async () => {
    const all = [...stores, place.owner]
    for (const writer of all) {
      const doc = thing('t')
      await writer.commit(insert(doc))
      for (const reader of all) assert.equal((await read(reader, doc.id)).id, doc.id)
    }
  })

  it('have one winner of 64 rivals for one decider', async () => {
    const doc = thing('t', { fields: { head: 'a' } })
    await stores[0].commit(insert(doc))
    const decide = (head: string) =>
      unit({
        decider: { collection: lawThings.name, id: doc.id, if: { fields: { head: 'a' } }, set: { fields: { head } } },
      })
    const rivals = stores.map((_, side) => Array.from({ length: 32 }, (_, n) => decide(`${side}.${n}`)))
    const won = await Promise.all(stores.map((store, side) => race(store, rivals[side] ?? [])))
    assert.equal(won.flat().length, 1)
    const head = won.flat()[0]?.decider?.set.fields?.head
    for (const store of stores) assert.equal((await read(store, doc.id)).fields.head, head)
  })

  it('commit in groups that reach over all of them', async () => {
    const before = place.owner.batches
    await Promise.all(stores.flatMap((store) => Array.from({ length: 250 }, () => store.commit(insert()))))
    await place.owner.commit(insert())
    assert.ok(place.owner.batches - before <= 25, `${place.owner.batches - before} transactions for 500 commits`)
  })

  it("refuse what can't be sent, and send the rest of the same moment", async () => {
    const bad = insert(thing('t', { fields: { head: 'x' } }))
    Reflect.set(bad.inserts[0]?.doc.fields ?? {}, 'head', () => undefined)
    const [first, second] = await Promise.allSettled([stores[0].commit(bad), stores[0].commit(insert())])
    assert.ok(first.status === 'rejected' && first.reason instanceof TypeError)
    assert.equal(second.status, 'fulfilled')
  })

  it('take units of several megabytes', async () => {
    const doc = thing('t', { body: new Uint8Array(3_000_000).fill(7) })
    await Promise.all([stores[0].commit(insert(doc)), stores[1].commit(insert())])
    assert.equal((await read(stores[1], doc.id)).body?.length, 3_000_000)
  })

  it('meet at a socket that is its owner’s alone', () => {
    assert.equal(statSync(place.socket).mode & 0o777, 0o600)
  })
})

describe('the end of a line', () => {
  it('answers what was on its way before close, and refuses what comes after', async () => {
    const place = await shared()
    const store = await place.open()
    const all = Promise.all(Array.from({ length: 50 }, () => store.commit(insert())))
    const closed = store.close()
    await all
    await closed
    await assert.rejects(store.commit(insert()), StoreUnusable)
    await assert.rejects(store.ping(), StoreUnusable)
    assert.equal(place.isLost(), false)
    assert.equal(await place.owner.count(lawThings.name, { tenant: 't', by: { kind: 'law' } }), 50)
    await place.owner.close()
  })

  it('in the middle of a job does the whole jobs before it and nothing of that one', async () => {
    const place = await shared()
    const whole = thing('t')
    const cut = thing('t')
    const tables = new Map([[lawThings.name, tableOf(lawThings)]])
    const job = (doc = thing('t')) => {
      const packet = new PacketWriter()
      const place = beginJob(packet, 1, JOB.commit)
      putUnit(packet, tables, { ...insert(doc), events: [event('t')] })
      endJob(packet, place)
      return frame(packet.take())
    }
    const socket = connect(place.socket)
    await once(socket, 'connect')
    socket.write(Buffer.concat([job(whole), job(cut).subarray(0, -1)]))
    await once(socket, 'data')
    socket.destroy()
    await once(socket, 'close')
    assert.ok(await place.owner.get(lawThings.name, whole.id))
    assert.equal(await place.owner.get(lawThings.name, cut.id), undefined)
    assert.equal((await place.owner.pending(10)).length, 1)
    await place.owner.close()
  })

  it('comes with its owner’s: every commit is refused, and the process is told', async () => {
    const place = await shared()
    const store = await place.open()
    await place.owner.close()
    await assert.rejects(store.commit(insert()), StoreUnusable)
    await assert.rejects(store.ping(), StoreUnusable)
    await place.lost
    assert.equal(existsSync(place.socket), false)
    await assert.rejects(place.open(), StoreUnusable)
    await store.close()
  })
})

describe('frames', () => {
  it('come out as they went in, however the stream is cut', () => {
    const messages = [1, 'two', { three: new Uint8Array([3]) }, 'x'.repeat(70_000), null]
    const bytes = Buffer.concat(messages.map(frame))
    for (const size of [1, 3, 4, 5, 1000, 65_536, bytes.length]) {
      const got: unknown[] = []
      const take = frameReader((message) => got.push(message))
      for (let at = 0; at < bytes.length; at += size) take(bytes.subarray(at, at + size))
      assert.deepEqual(got, messages, `in pieces of ${size}`)
    }
  })
})
