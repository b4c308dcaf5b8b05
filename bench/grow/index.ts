/**
 * `npm run bench -- --grow`: how the cost of a token grows with the live ones in the embedded store. Each size is measured in turn with
 * the smallest in the same rounds, on fresh stores: what a round writes does not make the small one big.
 */

import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Generator, startGenerator } from '../generator/index.ts'
import type { Cores } from '../machine.ts'
import { playRound, type Round } from '../measure.ts'
import { median } from '../report/statistics.ts'
import { type Side, startSide } from '../sides/index.ts'
import type { WorkName } from '../works/index.ts'
import { fill } from './fill.ts'

const SMALLEST = 10_000
const KNOWN = 2000
export const GROW_GOAL = 1.5
/** Those whose cost could follow the store's size. */
export const GROW_WORKS: readonly WorkName[] = ['client-credentials-opaque', 'introspection-opaque', 'refresh']

/** A work at one size. Ratios are this size's to the smallest, medians of the rounds: below 1.5 is the goal. */
export interface GrowFigures {
  readonly work: WorkName
  readonly rate: number
  readonly cpu: number
  readonly cpuRatio: number
  /** How many times slower. */
  readonly rateRatio: number
}

export interface GrowResult {
  readonly tokens: number
  readonly fillSeconds: number
  readonly fileMegabytes: number
  readonly works: readonly GrowFigures[]
}

interface Grown {
  readonly side: Side
  readonly tokens: readonly string[]
  readonly fillSeconds: number
  readonly fileMegabytes: number
  stop(): Promise<void>
}

/** A server on a store with so many live tokens. */
async function grown(cores: Cores | undefined, count: number): Promise<Grown> {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-bench-grow-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  // Gigabytes: they must not stay when a run is cut short.
  process.once('exit', remove)
  try {
    const database = join(folder, 'bench.db')
    const began = performance.now()
    const tokens = await fill(database, count, KNOWN)
    const side = await startSide('mintmark', { cores, database })
    const fillSeconds = (performance.now() - began) / 1000
    const stop = async (): Promise<void> => {
      await side.stop()
      remove()
    }
    return { side, tokens, fillSeconds, fileMegabytes: statSync(database).size / 1e6, stop }
  } catch (cause) {
    remove()
    throw cause
  }
}

interface Rounds {
  readonly rounds: number
  readonly seconds: number
}

async function compareSizes(
  generator: Generator,
  sizes: { readonly small: Grown; readonly large: Grown },
  { work, rounds, seconds }: Rounds & { readonly work: WorkName },
): Promise<GrowFigures> {
  const play = ({ side, tokens }: Grown): Promise<Round> => playRound({ generator, side }, { work, seconds, tokens })
  const pairs: (readonly [small: Round, large: Round])[] = []
  // The first pair warms up.
  for (let n = 0; n <= rounds; n++) pairs.push([await play(sizes.small), await play(sizes.large)])
  const measured = pairs.slice(1)
  return {
    work,
    rate: median(measured.map(([, large]) => large.rate)),
    cpu: median(measured.map(([, large]) => large.cpu)),
    cpuRatio: median(measured.map(([small, large]) => large.cpu / small.cpu)),
    rateRatio: median(measured.map(([small, large]) => small.rate / large.rate)),
  }
}

async function measureSize(cores: Cores | undefined, count: number, rounds: Rounds): Promise<GrowResult> {
  const large = await grown(cores, count)
  const generator = startGenerator(cores)
  const running = [large]
  try {
    const small = await grown(cores, SMALLEST)
    running.push(small)
    const works: GrowFigures[] = []
    for (const work of GROW_WORKS) works.push(await compareSizes(generator, { small, large }, { ...rounds, work }))
    const { fillSeconds, fileMegabytes } = large
    return { tokens: count, fillSeconds, fileMegabytes, works }
  } finally {
    await Promise.all([...running.map((one) => one.stop()), generator.stop()])
  }
}

/** Measures at 10^4, 10^5, ... up to `most`, and tells each size as it is found. */
export async function measureGrowth(
  cores: Cores | undefined,
  input: Rounds & { readonly most: number; readonly tell: (result: GrowResult) => void },
): Promise<readonly GrowResult[]> {
  const results: GrowResult[] = []
  for (let count = SMALLEST; count <= input.most; count *= 10) {
    const result = await measureSize(cores, count, input)
    input.tell(result)
    results.push(result)
  }
  return results
}
