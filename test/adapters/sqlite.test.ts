/** The embedded store: every law, and what is its own (one process, one file, group commit, a crash). */

import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lawCollections, laws } from '../../adapters/laws.ts'
import { openSqliteStore, type SqliteStore } from '../../adapters/sqlite/index.ts'

describe('the embedded store obeys the laws', () => {
  let folder: string
  let store: SqliteStore

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mintmark-'))
    store = await openSqliteStore({ file: join(folder, 'laws.db'), collections: lawCollections })
  })
  after(async () => {
    await store.close()
    rmSync(folder, { recursive: true })
  })

  const world = {
    open: async () => store,
    reopen: async () => {
      await store.close()
      store = await openSqliteStore({ file: join(folder, 'laws.db'), collections: lawCollections })
      return store
    },
  }
  for (const { name, proof } of laws) it(name, () => proof(world))
})
