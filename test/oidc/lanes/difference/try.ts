import './time.ts'
import { parseConfiguration } from '../../../../src/config/index.ts'
import { deploymentOf } from './deployment.ts'
import { furnish } from './furnish.ts'
import { LANES } from './generate.ts'
import { played } from './play.ts'
import { openRig } from './rig.ts'

const d = await deploymentOf(process.argv[2] as 'plain')
const rig = await openRig(d, 'x')
const c = d.configuration(() => {})
await rig.library.app.clients.declare(parseConfiguration(c).clients)
const stage = await furnish(rig, c.clients ?? [])
for (const lane of LANES) {
  if (process.argv[5] && !lane.startsWith(process.argv[5])) continue
  const t = process.cpuUsage()
  const { findings, ...p } = await played(stage, {
    lane,
    requests: Number(process.argv[3]),
    seed: process.argv[4] ?? 's',
  })
  console.log(p, process.cpuUsage(t).user / 1e6)
  for (const f of findings) console.log('-----', f.chapter, '\n', f.request, '\n =>', f.difference)
}
await rig.close()
