/**
 * The fault suite: rivals that refresh, retry, redeem, revoke, sign out, disable and turn keys, in every order of their store calls,
 * with the process killed between any two. `npm run test:faults -- --histories N` plays more.
 */

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { freshMongoUri } from '../support/mongo.ts'
import { OUTPUT, STORES } from '../support/world.ts'
import { BROKEN, breakCopy } from './histories/broken.ts'
import { runHistories, runMany, summed } from './histories/run.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const ON_SQLITE = Number(process.env.FAULT_HISTORIES ?? 20_000)
const ON_MONGODB = Math.ceil(ON_SQLITE / 10)
const SAYS_SOMETHING = 200
/** New ones in every run: a finding names its seed, and `--seed` plays it again. */
const SEED = Date.now() & 0xfffffff

describe('the fault suite', () => {
  for (const store of STORES) {
    const histories = store === 'sqlite' ? ON_SQLITE : ON_MONGODB
    it(`finds nothing in ${histories} histories on ${store}`, async function () {
      this.timeout(480_000)
      const uri = store === 'mongodb' ? { uri: await freshMongoUri() } : {}
      const processes = store === 'sqlite' ? 2 : 1
      const all = await runMany({ root: ROOT, store, histories, seed: SEED, processes, ...uri })
      console.log(`      ${summed(all)}`)
      assert.deepEqual(
        all.flatMap(({ finding, seed }) => (finding ? [{ seed, ...finding }] : [])),
        [],
      )
      assert.ok(all.every(({ histories: played }) => played >= Math.floor(histories / processes)))
      const crashes = all.reduce((sum, one) => sum + one.crashes, 0)
      // One in twelve has one; what a few dozen histories have is chance.
      if (histories >= SAYS_SOMETHING) assert.ok(crashes > histories / 40, 'crashes are part of it')
    })
  }

  for (const broken of BROKEN) {
    it(`finds ${broken.name}`, async function () {
      this.timeout(120_000)
      mkdirSync(join(OUTPUT, 'broken'), { recursive: true })
      const root = breakCopy(ROOT, join(OUTPUT, 'broken'), broken)
      const { finding, histories } = await runHistories({
        root,
        store: 'sqlite',
        histories: 3000,
        seed: SEED,
        first: true,
      })
      assert.ok(finding, `not found in ${histories} histories`)
      assert.doesNotMatch(finding.fault, /the suite itself/)
    })
  }
})
