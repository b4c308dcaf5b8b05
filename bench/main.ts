/**
 * `npm run bench`: Mintmark on its embedded store beside stock oidc-provider in memory, interleaved in one run.
 * `--seconds N` a round (2), `--rounds N` (3), `--json`, `--engine` (the rotation engine alone), `--signers` (the signers alone), `--api-tokens` (verification of API tokens alone), `--commit` (durable commits alone), `--inventory` (the inventory
 * with a million tokens, alone and only when asked for; `--quick`: 100,000). Machines are noisy: read the ratios of one run, not its rates.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from '../test/support/process.ts'
import { measureTokens, tokensTable } from './api-tokens.ts'
import { commitsTable, measureCommits } from './commit.ts'
import { measureEngine } from './engine.ts'
import { inventoryBench } from './inventory.ts'
import { type Scenario, scenarios, Target } from './load.ts'
import { signersBench, signersTable } from './signers.ts'

const WORKERS = 16
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
    engine: { type: 'boolean', default: false },
    signers: { type: 'boolean', default: false },
    inventory: { type: 'boolean', default: false },
    'api-tokens': { type: 'boolean', default: false },
    commit: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
  },
})
const SIDES = ['mintmark', 'stock'] as const
type SideName = (typeof SIDES)[number]

interface Side {
  readonly name: SideName
  readonly child: ChildProcess
  readonly target: Target
}

interface Round {
  readonly rate: number
  /** CPU seconds of the server for 1,000 requests. */
  readonly cpu: number
}

async function start(name: SideName): Promise<Side> {
  const port = await freePort()
  const child = fork(join(import.meta.dirname, 'server.ts'), [name, String(port)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  await new Promise<void>((done, fail) => {
    child.once('message', () => done())
    child.once('exit', (code) => fail(new Error(`${name} ended with ${code}`)))
  })
  return { name, child, target: new Target(port) }
}

function cpuOf({ child }: Side): Promise<number> {
  return new Promise((done) => {
    child.once('message', (message: { readonly cpu: NodeJS.CpuUsage }) =>
      done((message.cpu.user + message.cpu.system) / 1e6),
    )
    child.send('cpu')
  })
}

async function measure(side: Side, scenario: Scenario, seconds: number): Promise<Round> {
  const steps = await Promise.all(Array.from({ length: WORKERS }, () => scenario.prepare(side.target)))
  const before = await cpuOf(side)
  const began = performance.now()
  let requests = 0
  await Promise.all(
    steps.map(async (step) => {
      while (performance.now() - began < seconds * 1000) {
        const { status, body } = await step()
        if (status !== 200) throw new Error(`${side.name}, ${scenario.name}: ${status} ${body.slice(0, 200)}`)
        requests++
      }
    }),
  )
  const took = (performance.now() - began) / 1000
  return { rate: requests / took, cpu: (((await cpuOf(side)) - before) / requests) * 1000 }
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0

async function main(): Promise<void> {
  const sides = await Promise.all(SIDES.map(start))
  const rows = []
  try {
    for (const scenario of scenarios) {
      const rounds: Record<SideName, Round[]> = { mintmark: [], stock: [] }
      for (let n = 0; n < Number(values.rounds); n++)
        for (const side of sides) rounds[side.name].push(await measure(side, scenario, Number(values.seconds)))
      const of = (name: SideName, what: keyof Round): number => median(rounds[name].map((round) => round[what]))
      rows.push({
        scenario: scenario.name,
        mintmark_per_second: Math.round(of('mintmark', 'rate')),
        stock_per_second: Math.round(of('stock', 'rate')),
        mintmark_cpu_per_1000: Number(of('mintmark', 'cpu').toFixed(3)),
        stock_cpu_per_1000: Number(of('stock', 'cpu').toFixed(3)),
        cpu_ratio: Number((of('mintmark', 'cpu') / of('stock', 'cpu')).toFixed(2)),
      })
    }
  } finally {
    for (const { child, target } of sides) {
      target.close()
      child.send('stop')
    }
  }
  if (values.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`)
  else {
    const lines = rows.map(
      (r) =>
        `${r.scenario.padEnd(32)}${String(r.mintmark_per_second).padStart(8)}${String(r.stock_per_second).padStart(8)}${r.mintmark_cpu_per_1000.toFixed(3).padStart(12)}${r.stock_cpu_per_1000.toFixed(3).padStart(10)}${r.cpu_ratio.toFixed(2).padStart(9)}`,
    )
    process.stdout.write(
      `\n${''.padEnd(32)}${'requests/s'.padStart(16)}${'CPU-s per 1,000'.padStart(22)}${'ratio'.padStart(9)}\n${''.padEnd(32)}${'Mintmark   stock    Mintmark     stock      CPU'.padStart(47)}\n${lines.join('\n')}\n\nMintmark writes durably to disk; stock oidc-provider keeps everything in memory. Ratios of one run; below 1 Mintmark is cheaper.\n`,
    )
  }
}

async function engine(): Promise<void> {
  const { median: usual, max } = await measureEngine()
  if (!values.json)
    process.stdout.write(
      `\nRotation engine, a refresh with five built-in policies: ${usual.toFixed(1)} microseconds (median of rounds; worst ${max.toFixed(1)})\n`,
    )
}

async function signers(): Promise<void> {
  const results = await signersBench()
  // With --json the scenarios have standard output to themselves, unless only the signers were asked for.
  if (!values.json) process.stdout.write(`\n${signersTable(results)}`)
  else if (values.signers) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`)
}

async function apiTokens(): Promise<void> {
  const result = await measureTokens(values.quick ? 100_000 : 1_000_000)
  if (!values.json) process.stdout.write(`\n${tokensTable(result)}`)
  else if (values['api-tokens']) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
}

async function commits(): Promise<void> {
  const result = await measureCommits(values.quick ? 5 : 15)
  if (!values.json) process.stdout.write(`\n${commitsTable(result)}`)
  else if (values.commit) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
}

const one = values.engine || values.signers || values['api-tokens'] || values.inventory || values.commit
if (values.engine || !one) await engine()
if (values.signers || !one) await signers()
if (values['api-tokens'] || !one) await apiTokens()
if (values.commit || !one) await commits()
if (values.inventory && !(await inventoryBench(values))) process.exitCode = 1
if (!one) await main()
