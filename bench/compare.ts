/** The comparison: each work on Mintmark and on its yardsticks in turn, round after round, then its latency under a load it can bear. */

import type { Generator } from './generator/index.ts'
import { playRound, type Round } from './measure.ts'
import { median, merged, quantile, type Spread, spread } from './report/statistics.ts'
import type { Side, SideName } from './sides/index.ts'
import { type Work, type WorkName, work, type Yardstick } from './works/index.ts'

/** How long it takes. Seconds. */
export interface Plan {
  readonly warmSeconds: number
  readonly roundSeconds: number
  readonly rounds: number
  readonly latencySeconds: number
}

/** What one side did in all rounds of a work. */
export interface Figures {
  readonly side: SideName
  readonly work: WorkName
  readonly rate: Spread
  readonly cpu: Spread
  readonly p50Ms: number
  readonly p99Ms: number
  readonly rssMegabytes: number
  /** Of its busiest round: near 1 the generator was what was measured. */
  readonly generatorShare: number
}

/** How many times cheaper and faster Mintmark was than a yardstick: medians of the rounds' own ratios. Above 1 is better. */
export interface Ratio {
  readonly of: Yardstick['side']
  readonly byCpu: number
  readonly byRate: number
}

/** Latency at a fixed rate: of several windows the median, since one stall of a shared machine is the p99 of a window whole. */
export interface Latency {
  readonly rate: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** The p99 of the worst window. */
  readonly worstMs: number
  readonly goalMs: number
  /** Units that never began or were never answered: more than a few, and the load was none that it can bear. */
  readonly late: number
}

/** A work's result. The first ratio is the one with the goal. */
export interface WorkResult {
  readonly work: WorkName
  readonly title: string
  readonly goal: number
  readonly mintmark: Figures
  readonly yardsticks: readonly Figures[]
  readonly ratios: readonly Ratio[]
  readonly latency: Latency
}

/** Windows of latency. */
const WINDOWS = 5
/** The share of the highest load at which latency is measured. */
const BEARABLE = 0.7
const GOAL_MS = { read: 10, write: 25 } as const

/** What is measured against what. */
export interface Field {
  readonly generator: Generator
  readonly sides: Readonly<Partial<Record<SideName, Side>>>
}

function sideOf({ sides }: Field, name: SideName): Side {
  const side = sides[name]
  if (!side) throw new Error(`${name} was not started`)
  return side
}

async function figuresOf(side: Side, name: WorkName, rounds: readonly Round[]): Promise<Figures> {
  const latencies = merged(rounds.map((round) => round.latencies))
  return {
    side: side.name,
    work: name,
    rate: spread(rounds.map(({ rate }) => rate)),
    cpu: spread(rounds.map(({ cpu }) => cpu)),
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    rssMegabytes: (await side.usage()).rssBytes / 1e6,
    generatorShare: Math.max(...rounds.map(({ generatorShare }) => generatorShare)),
  }
}

async function latencyOf(
  field: Field,
  { name, kind }: Work,
  load: { rate: number; seconds: number },
): Promise<Latency> {
  const both = { generator: field.generator, side: sideOf(field, 'mintmark') }
  const windows: Round[] = []
  while (windows.length < WINDOWS)
    windows.push(await playRound(both, { work: name, rate: load.rate, seconds: load.seconds / WINDOWS }))
  const quantiles = (share: number): readonly number[] =>
    windows.map(({ latencies }) => quantile(merged([latencies]), share))
  return {
    rate: load.rate,
    p50Ms: median(quantiles(0.5)),
    p99Ms: median(quantiles(0.99)),
    worstMs: Math.max(...quantiles(0.99)),
    goalMs: GOAL_MS[kind],
    late: windows.reduce((sum, { late }) => sum + late, 0),
  }
}

/** Measures one work. Rounds alternate between the sides, so that what disturbs the machine disturbs them alike. */
export async function compareWork(field: Field, name: WorkName, plan: Plan): Promise<WorkResult> {
  const one = work(name)
  const yardsticks = one.yardsticks.filter(({ side }) => field.sides[side])
  const turns = [{ side: 'mintmark' as const, work: name }, ...yardsticks].map((turn) => ({
    side: sideOf(field, turn.side),
    work: turn.work,
    rounds: [] as Round[],
  }))
  const { generator } = field
  for (const { side, work: played } of turns)
    await playRound({ generator, side }, { work: played, seconds: plan.warmSeconds })
  for (let n = 0; n < plan.rounds; n++)
    for (const { side, work: played, rounds } of turns)
      rounds.push(await playRound({ generator, side }, { work: played, seconds: plan.roundSeconds }))
  const [own, ...others] = await Promise.all(turns.map((turn) => figuresOf(turn.side, turn.work, turn.rounds)))
  const mine = turns[0]?.rounds ?? []
  if (!own) throw new Error('nothing was measured')
  const ratios = yardsticks.map((yardstick, at): Ratio => {
    const theirs = turns[at + 1]?.rounds ?? []
    return {
      of: yardstick.side,
      byCpu: median(mine.map(({ cpu }, n) => (theirs[n]?.cpu ?? 0) / cpu)),
      byRate: median(mine.map(({ rate }, n) => rate / (theirs[n]?.rate ?? 1))),
    }
  })
  const load = { rate: own.rate.median * BEARABLE, seconds: plan.latencySeconds }
  const { title, goal } = one
  return {
    work: name,
    title,
    goal,
    mintmark: own,
    yardsticks: others,
    ratios,
    latency: await latencyOf(field, one, load),
  }
}
