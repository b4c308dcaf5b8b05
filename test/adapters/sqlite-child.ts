/** A process that writes to a store until it is killed, and says what was acknowledged. Run by sqlite.test.ts. */

import { writeSync } from 'node:fs'
import { event, thing, unit } from '../../adapters/laws/world.ts'
import { lawCollections } from '../../adapters/laws.ts'
import { openSqliteStore } from '../../adapters/sqlite/index.ts'

const [, , file = '', tenant = ''] = process.argv
const store = await openSqliteStore({ file, collections: lawCollections })

/** Synchronously, so that it is out before the next commit; the pipe is full when its reader is slower than the store. */
async function say(line: string): Promise<void> {
  for (let left = Buffer.from(line); left.length > 0; ) {
    try {
      left = left.subarray(writeSync(1, left))
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'EAGAIN')) throw cause
      await new Promise((next) => setImmediate(next))
    }
  }
}

async function writeOn(): Promise<never> {
  for (;;) {
    const doc = thing(tenant)
    const told = event(tenant)
    await store.commit(unit({ inserts: [{ collection: 'law-things', doc }], events: [told] }))
    await say(`${doc.id} ${told.id}\n`)
  }
}

await Promise.all(Array.from({ length: 32 }, writeOn))
