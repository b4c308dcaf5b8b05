/**
 * `npm run bench`: Mintmark beside stock oidc-provider in memory and bare `node:http`, interleaved in one run. `--help` tells the options;
 * docs/performance.md says how the figures are found and how to read them.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { measureTokens, tokensTable } from './api-tokens.ts'
import { commitsTable, measureCommits } from './commit.ts'
import type { Plan } from './compare.ts'
import { measureEngine } from './engine.ts'
import { type GrowResult, measureGrowth } from './grow/index.ts'
import { inventoryBench } from './inventory.ts'
import { findCores, machineInWords } from './machine.ts'
import { measureMemory } from './memory.ts'
import { profileWork } from './profile/index.ts'
import { type Part, withPart } from './report/docs.ts'
import { growSection, memorySection, type Section, workersSection, worksSection } from './report/sections.ts'
import { aligned, markdown } from './report/table.ts'
import { compareOnMongo, compareOnSqlite, type Run } from './run.ts'
import { signersBench, signersTable } from './signers.ts'
import { measureWorkers } from './workers.ts'
import { WORK_NAMES, workNamed } from './works/index.ts'

const HELP = `npm run bench -- [options]

  (none)           every work on each store, memory, the engine, the signers, API tokens
  --quick          the same in under four minutes: short rounds, no signers, no API tokens; with a part, its small form
  --works          every work, nothing else
  --only WORK      one work (${WORK_NAMES.join(', ')})
  --store NAME     sqlite or mongodb alone
  --memory         memory after 10^5 and 10^6 tokens
  --grow           cost with 10^4 to 10^7 live tokens; --most N: up to N
  --workers        WORKERS=2 beside WORKERS=1
  --profile WORK   Mintmark under V8's profiler for one work; --side stock: the yardstick
  --engine, --signers, --api-tokens, --inventory, --commit
                   rotation engine, signers, verification of API tokens, inventory, durable commits, each alone
  --seconds N, --rounds N
                   of a round, and how many
  --json           results as JSON, one object
  --write          puts what was measured into docs/performance.md
`

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    works: { type: 'boolean', default: false },
    only: { type: 'string' },
    store: { type: 'string' },
    memory: { type: 'boolean', default: false },
    grow: { type: 'boolean', default: false },
    most: { type: 'string' },
    workers: { type: 'boolean', default: false },
    profile: { type: 'string' },
    side: { type: 'string' },
    engine: { type: 'boolean', default: false },
    signers: { type: 'boolean', default: false },
    commit: { type: 'boolean', default: false },
    inventory: { type: 'boolean', default: false },
    'api-tokens': { type: 'boolean', default: false },
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})

const PAGE = resolve(import.meta.dirname, '../docs/performance.md')
const QUICK: Plan = { warmSeconds: 0.5, roundSeconds: 0.8, rounds: 3, latencySeconds: 1.2 }
const PROFILE_SECONDS = 5
/** Four sizes, each beside the smallest, and a store of 10 GB take a quarter of an hour as it is. */
const GROW_ROUNDS = 3
const QUICK_ROUNDS_ON_MONGO = 2
const FULL: Plan = { warmSeconds: 3, roundSeconds: 4, rounds: 5, latencySeconds: 10 }

const cores = findCores()
const machine = machineInWords(cores)
const say = (text: string): void => void (values.json || process.stdout.write(`${text}\n`))
/** How far it is: for who waits, not for what reads the output. */
const tell = (what: string): void => void process.stderr.write(`${what}\n`)
const found: Record<string, unknown> = { machine }

/** A number that was typed, or what holds where none was. */
function typed(name: 'seconds' | 'rounds' | 'most', usual: number): number {
  const number = Number(values[name] ?? usual)
  if (!(number > 0)) throw new Error(`--${name}: ${values[name]} is not a number above 0`)
  return number
}

/** One of several words that was typed; undefined where none was. */
function oneOf<T extends string>(name: 'store' | 'side', words: readonly T[]): T | undefined {
  const word = values[name]
  const found = words.find((one) => one === word)
  if (word !== undefined && !found) throw new Error(`--${name}: ${word} is none of ${words.join(', ')}`)
  return found
}

function planned(): Plan {
  const base = values.quick ? QUICK : FULL
  return {
    ...base,
    roundSeconds: typed('seconds', base.roundSeconds),
    rounds: typed('rounds', base.rounds),
  }
}

const inWords = ({ rounds, roundSeconds, latencySeconds }: Plan): string =>
  `rounds: ${rounds} of ${roundSeconds} s a side, latency over ${latencySeconds} s`

/** Prints a part, keeps it for --json, and with --write puts it into the page. */
function report(part: Part, result: unknown, head: string, section: Section): void {
  found[part] = result
  const text = (table: (one: Exclude<Section[number], string>) => string): string =>
    section.map((one) => (typeof one === 'string' ? one : table(one))).join('\n\n')
  say(`\n${head}\n\n${text(aligned)}`)
  // A table of one work would replace that of all.
  if (!values.write || values.only !== undefined) return
  const when = new Date().toISOString().slice(0, 10)
  const size = values.quick ? ' `--quick`: a look, no result.' : ''
  const whole = `${head}. ${machine}; ${when}.${size}\n\n${text(markdown)}`
  writeFileSync(PAGE, withPart(readFileSync(PAGE, 'utf8'), part, whole))
}

async function works(): Promise<void> {
  const plan = planned()
  const run: Run = { cores, works: values.only === undefined ? WORK_NAMES : [workNamed(values.only)], plan, tell }
  const store = oneOf('store', ['sqlite', 'mongodb'])
  if (store !== 'mongodb') {
    const results = await compareOnSqlite(run)
    report('works', results, `Embedded store, ${inWords(plan)}`, worksSection(results, { goals: true }))
  }
  if (store === 'sqlite' || (values.only !== undefined && store === undefined)) return
  const shorter = values.quick ? { ...plan, rounds: Math.min(plan.rounds, QUICK_ROUNDS_ON_MONGO) } : plan
  const onMongo = await compareOnMongo({ ...run, plan: shorter })
  if ('absent' in onMongo) return report('mongodb', onMongo, 'MongoDB', [`Not measured: ${onMongo.absent}`])
  report(
    'mongodb',
    onMongo,
    `MongoDB (${onMongo.source}), ${inWords(shorter)}`,
    worksSection(onMongo.results, { goals: false }),
  )
}

async function memory(): Promise<void> {
  tell('memory ...')
  const result = await measureMemory(cores, values.quick ? [10_000, 100_000] : [100_000, 1_000_000])
  report('memory', result, 'Memory, client credentials (opaque) on the embedded store', memorySection(result))
}

async function grow(): Promise<void> {
  const { roundSeconds } = planned()
  const rounds = typed('rounds', GROW_ROUNDS)
  const heard = ({ tokens, fillSeconds }: GrowResult): void =>
    tell(`${tokens} tokens, filled in ${fillSeconds.toFixed(0)} s`)
  const most = typed('most', values.quick ? 100_000 : 10_000_000)
  const results = await measureGrowth(cores, { most, rounds, seconds: roundSeconds, tell: heard })
  report('grow', results, `Growth, embedded store, rounds: ${rounds} of ${roundSeconds} s`, growSection(results))
}

async function workers(): Promise<void> {
  const { roundSeconds, rounds } = planned()
  const result = await measureWorkers(cores, { rounds, seconds: roundSeconds })
  report('workers', result ?? null, `Workers, rounds: ${rounds} of ${roundSeconds} s`, workersSection(result))
}

async function engine(): Promise<void> {
  const result = await measureEngine()
  found.engine = result
  const { median, max } = result
  const figures = `${median.toFixed(1)} microseconds (median of rounds; worst ${max.toFixed(1)})`
  say(`\nRotation engine, a refresh with five built-in policies: ${figures}`)
}

async function signers(): Promise<void> {
  const results = await signersBench()
  found.signers = results
  say(`\n${signersTable(results)}`)
}

async function apiTokens(): Promise<void> {
  const result = await measureTokens(values.quick ? 100_000 : 1_000_000)
  found.apiTokens = result
  say(`\n${tokensTable(result)}`)
}

async function commits(): Promise<void> {
  const result = await measureCommits(values.quick ? 5 : 15)
  found.commits = result
  say(`\n${commitsTable(result)}`)
}

async function profile(name: string): Promise<void> {
  const side = oneOf('side', ['mintmark', 'stock']) ?? 'mintmark'
  say(await profileWork(workNamed(name), { side, seconds: typed('seconds', PROFILE_SECONDS) }))
}

const named =
  values.engine || values.signers || values['api-tokens'] || values.inventory || values.memory || values.commit
const one =
  named || values.works || values.grow || values.workers || values.only !== undefined || values.profile !== undefined
// Whatever a run has put on the disk goes when it is cut short, too.
process.once('SIGINT', () => process.exit(130))
if (values.help) {
  process.stdout.write(HELP)
  process.exit()
}
say(`\n${machine}`)
if (values.profile !== undefined) await profile(values.profile)
if (values.engine || !one) await engine()
if (values.signers || (!one && !values.quick)) await signers()
if (values.commit || !one) await commits()
if (values['api-tokens'] || (!one && !values.quick)) await apiTokens()
if (values.works || values.only !== undefined || !one) await works()
if (values.memory || !one) await memory()
if (values.grow) await grow()
if (values.workers) await workers()
if (values.json) process.stdout.write(`${JSON.stringify(found, null, 2)}\n`)
if (values.inventory && !(await inventoryBench(values))) process.exitCode = 1
