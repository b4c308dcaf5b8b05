/** `npm run bench -- --profile WORK`: Mintmark under V8's profiler for one work, and where its time went, thread by thread. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGenerator } from '../generator/index.ts'
import { findCores } from '../machine.ts'
import { playRound } from '../measure.ts'
import { type SideName, startSide } from '../sides/index.ts'
import { type WorkName, work } from '../works/index.ts'
import { aggregate, type Cost, type Costs, type Profile } from './aggregate.ts'

const INTERVAL_US = 200
const WARM_SECONDS = 2
const FUNCTIONS = 45
const PACKAGES = 25
const BUSY_US_MIN = 10_000

const microseconds = (): number => Number(process.hrtime.bigint() / 1000n)

/** One thread's share as lines. `units`: how many were played in the window. */
export function profileTable(title: string, costs: Costs, units: number): string {
  const line = ({ name, self }: Cost): string =>
    `${((self / costs.busy) * 100).toFixed(1).padStart(6)} %${(self / units).toFixed(2).padStart(9)}   ${name}`
  const busyShare = Math.round((costs.busy / (costs.busy + costs.idle)) * 100)
  return [
    `${title}: busy ${busyShare} % of the time, ${(costs.busy / units).toFixed(1)} microseconds a unit`,
    '',
    '    self   us/unit   package',
    ...costs.packages.slice(0, PACKAGES).map(line),
    '',
    '    self   us/unit   function',
    ...costs.functions.slice(0, FUNCTIONS).map(line),
    '',
  ].join('\n')
}

function profilesIn(folder: string): readonly Profile[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Profile)
}

/** Profiles a side at one work for some seconds. Resolves to the report's text. */
export async function profileWork(
  name: WorkName,
  { side: sideName, seconds }: { readonly side: SideName; readonly seconds: number },
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-profile-'))
  const cores = findCores()
  const generator = startGenerator(cores)
  try {
    const nodeArguments = ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${INTERVAL_US}`]
    const side = await startSide(sideName, { cores, nodeArguments })
    const both = { generator, side }
    await playRound(both, { work: name, seconds: WARM_SECONDS }).catch(async (cause) => {
      await side.stop()
      throw cause
    })
    const from = microseconds()
    const { units, rate, cpu } = await playRound(both, { work: name, seconds })
    const to = microseconds()
    // The profile is written when the process ends.
    await side.stop()
    const threads = profilesIn(folder)
      .map((profile) => aggregate(profile, { from, to }))
      .filter(({ busy }) => busy > BUSY_US_MIN)
      .sort((a, b) => b.busy - a.busy)
    const tables = threads.map((costs, n) => profileTable(n === 0 ? 'main thread' : `thread ${n + 1}`, costs, units))
    const head = `${work(name).title} (${sideName}, profiled): ${Math.round(rate)} a second, ${cpu.toFixed(3)} CPU-s per 1,000`
    return `\n${head}\n\n${tables.join('\n')}\nSamples of the wall clock: with one core for all threads, time in another thread can show as the one that waits for it.\n`
  } finally {
    await generator.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
