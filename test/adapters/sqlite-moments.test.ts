/** The moments of which the embedded store's reads are, and the versions that say whether something was committed since. */

import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { fresh, lawOthers, lawThings, thing, unit } from '../../adapters/laws/world.ts'
import { lawCollections } from '../../adapters/laws.ts'
import { openSqliteStore, type SqliteStore } from '../../adapters/sqlite/index.ts'
import { openSharedSqliteStore } from '../../adapters/sqlite/shared.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mintmark-'))
})
after(() => rmSync(folder, { recursive: true }))

const insert = (collection = lawThings.name, doc = thing('t')) => unit({ inserts: [{ collection, doc }] })

/** A store with one document, and whatever else may write to its file. */
async function scene() {
  const file = join(folder, `${fresh()}.db`)
  const store = await openSqliteStore({ file, collections: lawCollections })
  const doc = thing('t')
  await store.commit(insert(lawThings.name, doc))
  const other = new DatabaseSync(file)
  return {
    store,
    id: doc.id,
    state: async () => (await store.get(lawThings.name, doc.id))?.state,
    /** As another process would. */
    set: (state: string) =>
      void other.prepare(`UPDATE "${lawThings.name}" SET state = ? WHERE id = ?`).run(state, doc.id),
    async close() {
      other.close()
      await store.close()
    },
  }
}

describe('reads of the embedded store', () => {
  it('are of one moment within a turn of the event loop, and of a new one in the next', async () => {
    const { state, set, close } = await scene()
    await turn()
    const before = state()
    set('changed')
    const beside = state()
    assert.equal(await before, await beside)
    await turn()
    assert.equal(await state(), 'changed')
    await close()
  })

  it('see a commit of this process as soon as it is answered, and what others committed before it', async () => {
    const { store, id, state, set, close } = await scene()
    const read = await store.get(lawThings.name, id)
    set('changed')
    const rev = read?.rev ?? 0
    await assert.doesNotReject(
      store.commit(unit({ updates: [{ collection: lawThings.name, id, rev, set: { state: 'ours' } }] })),
    )
    assert.equal(await state(), 'ours')
    await close()
  })

  it('may be under way when the store is closed', async () => {
    const { state, close } = await scene()
    await state()
    await close()
    await turn()
  })
})

describe('the versions of a store that writes alone', () => {
  const versions = (store: SqliteStore) =>
    [lawThings.name, lawOthers.name].map((name) => {
      assert.ok(store.version)
      return store.version(name)
    })

  it('move with their own collection alone, and also when a commit is lost', async () => {
    const { store, id, close } = await scene()
    const [things, others] = versions(store)
    await store.commit(insert(lawOthers.name))
    assert.equal(versions(store)[0], things)
    assert.notEqual(versions(store)[1], others)
    const late = unit({ updates: [{ collection: lawThings.name, id, rev: 99, set: { state: 'late' } }] })
    await assert.rejects(store.commit(late))
    assert.notEqual(versions(store)[0], things)
    await close()
  })

  it('move before a commit is sent and again when it is answered: what was read between is not kept', async () => {
    const { store, close } = await scene()
    const [before] = versions(store)
    const done = store.commit(insert())
    const [between] = versions(store)
    await done
    assert.equal(new Set([before, between, versions(store)[0]]).size, 3)
    await close()
  })

  it('move with a sweep', async () => {
    const { store, close } = await scene()
    const [before] = versions(store)
    await store.sweep(lawThings.name, 1, 10)
    assert.notEqual(versions(store)[0], before)
    await close()
  })

  it('are told by nobody who shares the file', async () => {
    const [file, socket] = [join(folder, `${fresh()}.db`), join(folder, `${fresh()}.sock`)]
    const owner = await openSqliteStore({ file, collections: lawCollections, socket })
    const sharer = await openSharedSqliteStore({ file, collections: lawCollections, socket, onLost: () => {} })
    assert.deepEqual([owner.version, sharer.version], [undefined, undefined])
    await sharer.close()
    await owner.close()
  })
})
