/**
 * `npm run bench -- --workers`: the server as people start it, with WORKERS=1 and WORKERS=2 on the embedded store. The CPU is that of
 * all its processes; the rate says something only where there are cores for two workers and the generator.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { freePort } from '../test/support/process.ts'
import { startGenerator } from './generator/index.ts'
import type { Cores } from './machine.ts'
import { playRound, type Round } from './measure.ts'
import { median } from './report/statistics.ts'
import type { Side } from './sides/index.ts'
import { CLIENT, SECRET } from './sides/shared.ts'

const WORK = 'client-credentials-opaque'
/** Two workers, what they share, and the generator. */
const CORES_FOR_RATE = 4
/** Two processes compile twice what one does, each at half the load: for longer than a round. */
const WARM_PAIRS = 3
const TICKS_PER_SECOND = 100
const PAGE_BYTES = 4096

export const WORKERS_GOAL = { cpu: 1.25, rate: 1.6 } as const

/** What two workers cost and give, as ratios to one: medians of the rounds. Undefined where the server knows of no workers. */
export interface WorkersResult {
  readonly cpuRatio: number
  readonly rateRatio: number
  readonly rates: readonly [one: number, two: number]
  /** Whether there are cores enough for the rate to count. */
  readonly rateCounts: boolean
}

/** A process and all that it has started, by the kernel's own list. */
function familyOf(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
  return [pid, ...children.flatMap((child) => familyOf(Number(child)))]
}

/** Time and memory of processes, from /proc (proc_pid_stat(5): fields 14, 15 and 24). */
function usageOf(pids: readonly number[]) {
  const stats = pids.map((pid) => {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name may hold anything; what follows its closing parenthesis is field 3.
    return text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
  })
  const sum = (field: number): number => stats.reduce((all, stat) => all + (stat[field - 3] ?? 0), 0)
  const cpuSeconds = (sum(14) + sum(15)) / TICKS_PER_SECOND
  // Several processes have no one main thread.
  return { cpuSeconds, mainSeconds: cpuSeconds, rssBytes: sum(24) * PAGE_BYTES }
}

const configuration = `export default {
  clients: [{ client_id: '${CLIENT}', client_secret: '${SECRET}', grant_types: ['client_credentials'], response_types: [], redirect_uris: [] }],
}\n`

/** The server's own entry with so many workers. `processes`: how many it became. */
async function startServer(workers: number): Promise<Side & { readonly processes: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-bench-workers-'))
  const config = join(folder, 'mintmark.config.ts')
  writeFileSync(config, configuration, { mode: 0o600 })
  const port = await freePort()
  const { PATH = '', HOME = '' } = process.env
  const own = { PORT: String(port), DATA_DIR: join(folder, 'data'), CONFIG: config, LOG_LEVEL: 'error' }
  const child = spawn(process.execPath, [resolve(import.meta.dirname, '../src/main.ts')], {
    env: { PATH, HOME, ...own, WORKERS: String(workers) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const { pid } = child
  if (pid === undefined) throw new Error('the server was not started')
  await Promise.race([
    new Promise<void>((done) => child.stdout.on('data', (chunk: Buffer) => chunk.includes('is open') && done())),
    ended.then(([code]) => {
      throw new Error(`the server ended with ${code}`)
    }),
  ])
  return {
    name: 'mintmark',
    port,
    apiTokens: [],
    processes: familyOf(pid).length,
    usage: async () => usageOf(familyOf(pid)),
    async stop() {
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Measures. Undefined where WORKERS=2 is not more processes than WORKERS=1, or where there is no /proc. */
export async function measureWorkers(
  cores: Cores | undefined,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Promise<WorkersResult | undefined> {
  if (process.platform !== 'linux') return undefined
  const one = await startServer(1)
  const two = await startServer(2).catch(async (cause) => {
    await one.stop()
    throw cause
  })
  const generator = startGenerator(cores)
  try {
    if (two.processes <= one.processes) return undefined
    const pairs: (readonly [Round, Round])[] = []
    const play = (side: Side): Promise<Round> => playRound({ generator, side }, { work: WORK, seconds })
    for (let n = 0; n < WARM_PAIRS + rounds; n++) pairs.push([await play(one), await play(two)])
    const measured = pairs.slice(WARM_PAIRS)
    return {
      cpuRatio: median(measured.map(([single, double]) => double.cpu / single.cpu)),
      rateRatio: median(measured.map(([single, double]) => double.rate / single.rate)),
      rates: [median(measured.map(([single]) => single.rate)), median(measured.map(([, double]) => double.rate))],
      rateCounts: availableParallelism() >= CORES_FOR_RATE,
    }
  } finally {
    await Promise.all([one.stop(), two.stop(), generator.stop()])
  }
}
