/** One process of the differential suite: `node main.ts '{"variant":"plain","plays":[...]}'`. Says what came of each play in a line of JSON. */

import './time.ts'
import { z } from 'zod'
import { parseConfiguration } from '../../../../src/config/index.ts'
import { deploymentOf, VARIANTS } from './deployment.ts'
import { furnish } from './furnish.ts'
import { LANES } from './lanes.ts'
import { bend, MUTANTS } from './mutants.ts'
import { played } from './play.ts'
import { openRig } from './rig.ts'

const order = z.object({
  variant: z.enum(VARIANTS),
  /** Makes the lanes wrong in this way. */
  mutant: z.enum(MUTANTS.map(({ name }) => name) as [string, ...string[]]).optional(),
  plays: z.array(
    z.object({
      lane: z.enum(LANES),
      requests: z.number(),
      seed: z.string(),
      chapter: z.number(),
      first: z.boolean(),
    }),
  ),
})

const { variant, mutant, plays } = order.parse(JSON.parse(process.argv[2] ?? ''))
const deployment = await deploymentOf(variant)
const rig = await openRig(deployment, plays[0]?.seed ?? '')
const configuration = deployment.configuration(() => {})
await rig.library.app.clients.declare(parseConfiguration(configuration).clients)
const stage = await furnish(rig, configuration.clients ?? [])
// The library makes an error of every refusal, and half of what is played is refused: where it was made is no matter.
Error.stackTraceLimit = 0
if (mutant !== undefined) bend(rig.lanes, mutant)
for (const play of plays) console.log(JSON.stringify({ ...(await played(stage, play)), variant }))
await rig.close()
