/**
 * `npm run test:faults -- --histories N [--store sqlite|mongodb|both] [--seed S] [--processes P]`: the fault suite at length.
 * Plays N histories (on MongoDB a tenth as many unless --store says so) and prints the numbers that the README states.
 */

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runMany, summed } from '../test/faults/histories/run.ts'

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '20000' },
    store: { type: 'string', default: 'both' },
    seed: { type: 'string' },
    processes: { type: 'string', default: '2' },
  },
})
const root = join(import.meta.dirname, '..')
const seed = values.seed === undefined ? Date.now() & 0xfffffff : Number(values.seed)
const histories = Number(values.histories)
const processes = Number(values.processes)

let failed = false
for (const store of ['sqlite', 'mongodb'] as const) {
  if (values.store !== 'both' && values.store !== store) continue
  const share = values.store === 'both' && store === 'mongodb' ? Math.ceil(histories / 10) : histories
  const all = await runMany({ root, store, histories: share, seed, processes: store === 'mongodb' ? 1 : processes })
  console.log(summed(all))
  for (const { finding, seed: own } of all) {
    if (!finding) continue
    failed = true
    console.log(`seed ${own}: ${finding.fault}\n${JSON.stringify(finding.history)}`)
  }
}
process.exitCode = failed ? 1 : 0
