/** `npm run bench -- --profile WORK`: Mintmark under V8's profiler for one work, and where its time went, thread by thread. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGenerator } from '../generator/index.ts'
import { findCores } from '../machine.ts'
import { playRound } from '../measure.ts'
import { type SideName, startSide } from '../sides/index.ts'
import { type WorkName, work } from '../works/index.ts'
import { aggregate, type Cost, type Costs, type Profile, type Window } from './aggregate.ts'

const INTERVAL_US = 200
const WARM_SECONDS = 2
const FUNCTIONS = 45
const PACKAGES = 25
const BUSY_US_MIN = 10_000

const NOTE =
  'Shares are of samples of the wall clock: a thread that waits for the disk or for the core shows as busy where it waits. Microseconds are the measured CPU, divided by the shares; the threads beside the main one share what is left, those of V8 itself included.'

const microseconds = (): number => Number(process.hrtime.bigint() / 1000n)

/** A thread's part in the work. */
export interface ThreadProfile {
  readonly title: string
  readonly costs: Costs
  /** Microseconds of CPU that a unit took of it, measured beside the samples. */
  readonly cpuUs: number
}

/** One thread's part as lines. Samples are of the wall clock, which others share: they only divide the CPU that was measured. */
export function profileTable({ title, costs, cpuUs }: ThreadProfile): string {
  const line = ({ name, self }: Cost): string => {
    const share = self / costs.busy
    return `${(share * 100).toFixed(1).padStart(6)} %${(share * cpuUs).toFixed(2).padStart(9)}   ${name}`
  }
  const busyShare = Math.round((costs.busy / (costs.busy + costs.idle)) * 100)
  return [
    `${title}: ${cpuUs.toFixed(1)} microseconds of CPU a unit, not idle ${busyShare} % of the time`,
    '',
    '    self   us/unit   package',
    ...costs.packages.slice(0, PACKAGES).map(line),
    '',
    '    self   us/unit   function',
    ...costs.functions.slice(0, FUNCTIONS).map(line),
    '',
  ].join('\n')
}

/** A profile's thread by its file's name, as Node gives it: date, time, process, thread, number. 0 is the main thread. */
export const threadIn = (file: string): number => Number(file.split('.')[4] ?? Number.NaN)

/** Divides the process's CPU: the main thread's is known, the others share the rest as their samples say. */
export function threadsOf(
  found: ReadonlyMap<number, Costs>,
  cpuUs: { readonly main: number; readonly others: number },
): readonly ThreadProfile[] {
  const all = [...found].filter(([, { busy }]) => busy > BUSY_US_MIN).sort(([a], [b]) => a - b)
  const otherBusy = all.reduce((sum, [thread, { busy }]) => sum + (thread === 0 ? 0 : busy), 0)
  return all.map(([thread, costs]) =>
    thread === 0
      ? { title: 'main thread', costs, cpuUs: cpuUs.main }
      : { title: `thread ${thread}`, costs, cpuUs: (cpuUs.others * costs.busy) / otherBusy },
  )
}

function costsIn(folder: string, window: Window): ReadonlyMap<number, Costs> {
  const files = readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'))
  return new Map(
    files.map((name) => {
      // Written by V8.
      const profile = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Profile
      return [threadIn(name), aggregate(profile, window)]
    }),
  )
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
    const [from, before] = [microseconds(), await side.usage()]
    const { units, rate } = await playRound(both, { work: name, seconds })
    const [to, after] = [microseconds(), await side.usage()]
    // The profile is written when the process ends.
    await side.stop()
    const all = ((after.cpuSeconds - before.cpuSeconds) * 1e6) / units
    const main = ((after.mainSeconds - before.mainSeconds) * 1e6) / units
    const threads = threadsOf(costsIn(folder, { from, to }), { main, others: all - main })
    const head = `${work(name).title} (${sideName}, profiled): ${Math.round(rate)} a second, ${all.toFixed(1)} microseconds of CPU a unit`
    return ['', head, '', ...threads.map(profileTable), NOTE, ''].join('\n')
  } finally {
    await generator.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
