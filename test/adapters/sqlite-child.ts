/** A process that writes to a store until it is killed, and says what was acknowledged. Run by sqlite.test.ts. */

import { writeSync } from 'node:fs'
import { event, thing, unit } from '../../adapters/laws/world.ts'
import { lawCollections } from '../../adapters/laws.ts'
import { openSqliteStore } from '../../adapters/sqlite/index.ts'

const [, , file = '', tenant = ''] = process.argv
const store = await openSqliteStore({ file, collections: lawCollections })

async function writeOn(): Promise<never> {
  for (;;) {
    const doc = thing(tenant)
    const told = event(tenant)
    await store.commit(unit({ inserts: [{ collection: 'law-things', doc }], events: [told] }))
    writeSync(1, `${doc.id} ${told.id}\n`)
  }
}

await Promise.all(Array.from({ length: 32 }, writeOn))
