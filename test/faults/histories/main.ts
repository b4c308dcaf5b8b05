/**
 * One process of the fault suite: `--store sqlite|mongodb --histories N [--seed S] [--uri mongodb://...] [--first]`.
 * Prints one line of JSON. `--first` stops at the first finding without making it smaller.
 */

import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { freshMongoUri, stopMongo } from '../../support/mongo.ts'
import { histories } from './history.ts'
import { faultOf } from './invariants.ts'
import { play } from './play.ts'
import { Stage } from './stage.ts'

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'sqlite' },
    histories: { type: 'string', default: '1000' },
    seed: { type: 'string' },
    uri: { type: 'string' },
    first: { type: 'boolean', default: false },
  },
})

const uri = values.store === 'mongodb' ? (values.uri ?? (await freshMongoUri())) : undefined
const seed = values.seed === undefined ? Date.now() & 0x7fffffff : Number(values.seed)
const stage = await Stage.make({ uri })
const seen = { histories: 0, requests: 0, crashes: 0 }
const result = await fc.check(
  fc.asyncProperty(histories, async (history) => {
    const played = await play(stage, history)
    seen.histories++
    seen.requests += played.requests
    if (played.crashed) seen.crashes++
    const fault = await faultOf(stage, played)
    if (fault !== undefined) throw new Error(fault)
  }),
  { numRuns: Number(values.histories), seed, endOnFailure: values.first },
)
const finding = result.failed
  ? {
      fault: String(result.errorInstance instanceof Error ? result.errorInstance.message : result.errorInstance),
      history: result.counterexample?.[0],
      path: result.counterexamplePath,
    }
  : null
process.stdout.write(`${JSON.stringify({ store: values.store, seed, ...seen, finding })}\n`)
await stage.close()
await stopMongo()
process.exit(finding ? 1 : 0)
