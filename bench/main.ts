/**
 * `npm run bench`: Mintmark beside stock oidc-provider in memory and bare `node:http`, interleaved in one run. What it knows of options
 * stands in `OPTIONS`; docs/performance.md says how to read the figures.
 */

import { parseArgs } from 'node:util'
import { measureTokens, tokensTable } from './api-tokens.ts'
import { compareWork, type Plan, type WorkResult } from './compare.ts'
import { measureEngine } from './engine.ts'
import { openField } from './field.ts'
import { inventoryBench } from './inventory.ts'
import { findCores, machineInWords } from './machine.ts'
import { profileWork } from './profile/index.ts'
import { aligned, doubts, figuresTable, goalsTable } from './report/table.ts'
import { signersBench, signersTable } from './signers.ts'
import { WORK_NAMES, work, workNamed } from './works/index.ts'

const OPTIONS = {
  /** Under four minutes: fewer and shorter rounds. */
  quick: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  /** One work. */
  only: { type: 'string' },
  /** One work under V8's profiler. */
  profile: { type: 'string' },
  /** Which side `--profile` looks at. */
  side: { type: 'string', default: 'mintmark' },
  seconds: { type: 'string' },
  rounds: { type: 'string' },
  engine: { type: 'boolean', default: false },
  signers: { type: 'boolean', default: false },
  inventory: { type: 'boolean', default: false },
  'api-tokens': { type: 'boolean', default: false },
} as const

const { values } = parseArgs({ options: OPTIONS })
const say = (text: string): void => void process.stdout.write(`${text}\n`)

const QUICK: Plan = { warmSeconds: 1, roundSeconds: 1, rounds: 3, latencySeconds: 2 }
const FULL: Plan = { warmSeconds: 3, roundSeconds: 4, rounds: 5, latencySeconds: 10 }

function planned(): Plan {
  const base = values.quick ? QUICK : FULL
  return {
    ...base,
    roundSeconds: values.seconds === undefined ? base.roundSeconds : Number(values.seconds),
    rounds: values.rounds === undefined ? base.rounds : Number(values.rounds),
  }
}

async function compare(): Promise<void> {
  const cores = findCores()
  const names = values.only === undefined ? WORK_NAMES : [workNamed(values.only)]
  const yardsticks = (['stock', 'bare'] as const).filter((side) =>
    names.some((name) => work(name).yardsticks.some((one) => one.side === side)),
  )
  if (!values.json) say(`\n${machineInWords(cores)}\n`)
  const field = await openField({ cores, yardsticks })
  const results: WorkResult[] = []
  try {
    for (const name of names) results.push(await compareWork(field, name, planned()))
  } finally {
    await field.stop()
  }
  if (values.json) return say(JSON.stringify(results, null, 2))
  say([aligned(figuresTable(results)), aligned(goalsTable(results)), ...doubts(results)].join('\n\n'))
}

async function engine(): Promise<void> {
  const { median: usual, max } = await measureEngine()
  if (!values.json)
    say(
      `\nRotation engine, a refresh with five built-in policies: ${usual.toFixed(1)} microseconds (median of rounds; worst ${max.toFixed(1)})`,
    )
}

async function signers(): Promise<void> {
  const results = await signersBench()
  // With --json the works have standard output to themselves, unless only the signers were asked for.
  if (!values.json) say(`\n${signersTable(results)}`)
  else if (values.signers) say(JSON.stringify(results, null, 2))
}

async function apiTokens(): Promise<void> {
  const result = await measureTokens(values.quick ? 100_000 : 1_000_000)
  if (!values.json) say(`\n${tokensTable(result)}`)
  else if (values['api-tokens']) say(JSON.stringify(result, null, 2))
}

async function profile(name: string): Promise<void> {
  const side = values.side === 'stock' ? 'stock' : 'mintmark'
  say(await profileWork(workNamed(name), { side, seconds: Number(values.seconds ?? 5) }))
}

const part =
  values.engine || values.signers || values['api-tokens'] || values.inventory || values.only || values.profile
if (values.profile !== undefined) await profile(values.profile)
if (values.engine || !part) await engine()
if (values.signers || !part) await signers()
if (values['api-tokens'] || !part) await apiTokens()
if (values.inventory && !(await inventoryBench(values))) process.exitCode = 1
if (values.only !== undefined || !part) await compare()
