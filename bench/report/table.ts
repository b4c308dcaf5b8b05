/** The comparison as text: aligned for a terminal, or Markdown for the docs. Pure. */

import type { Figures, Latency, Ratio, WorkResult } from '../compare.ts'

/** Rows of cells under a head. The first column is text, the others are figures. */
export interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Columns aligned with spaces. */
export function aligned({ head, rows }: Table): string {
  const widths = head.map((cell, n) => Math.max(cell.length, ...rows.map((row) => row[n]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells.map((cell, n) => (n === 0 ? cell.padEnd(widths[n] ?? 0) : cell.padStart(widths[n] ?? 0))).join('  ')
  return [head, ...rows].map((cells) => line(cells).trimEnd()).join('\n')
}

/** The same as Markdown. */
export function markdown({ head, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const rule = head.map((_, n) => (n === 0 ? '---' : '--:'))
  return [head, rule, ...rows].map(line).join('\n')
}

const whole = (value: number): string => Math.round(value).toLocaleString('en')
const ratio = (value: number): string => `${value.toFixed(2)} x`
const ms = (value: number): string => value.toFixed(value < 10 ? 2 : 1)

/** How far a goal is reached, in words. Rates of shared machines are noise below 1.4 x: the CPU says more. */
export function verdictOf({ byCpu, byRate }: Pick<Ratio, 'byCpu' | 'byRate'>, goal: number): string {
  if (byCpu >= goal && byRate >= goal) return 'reached'
  if (byCpu >= goal) return 'by CPU only'
  return byRate >= goal ? 'by rate only' : 'not reached'
}

export const latencyVerdict = ({ p99Ms, goalMs }: Pick<Latency, 'p99Ms' | 'goalMs'>): string =>
  p99Ms < goalMs ? 'reached' : 'not reached'

/** Ratios and goals: the table of the issue. */
export function goalsTable(results: readonly WorkResult[]): Table {
  return {
    head: ['work', 'of', 'by CPU', 'by rate', 'goal', '', 'p99 at 70 %', 'worst', 'goal', ''],
    rows: results.map(({ title, ratios, goal, latency }) => {
      const [first] = ratios
      const compared = first
        ? [first.of, ratio(first.byCpu), ratio(first.byRate), ratio(goal), verdictOf(first, goal)]
        : ['-', '-', '-', ratio(goal), 'not compared']
      const { p99Ms, worstMs, goalMs } = latency
      return [title, ...compared, `${ms(p99Ms)} ms`, `${ms(worstMs)} ms`, `${goalMs} ms`, latencyVerdict(latency)]
    }),
  }
}

/** Ratios alone, where the goals are not meant. */
export function ratiosTable(results: readonly WorkResult[]): Table {
  return {
    head: ['work', 'of', 'by CPU', 'by rate', 'p99 at 70 %'],
    rows: results.map(({ title, ratios: [first], latency }) => {
      const compared = first ? [first.of, ratio(first.byCpu), ratio(first.byRate)] : ['-', '-', '-']
      return [title, ...compared, `${ms(latency.p99Ms)} ms`]
    }),
  }
}

const rowOf = (title: string, { side, rate, cpu, p50Ms, p99Ms, rssMegabytes }: Figures): readonly string[] => [
  title,
  side,
  whole(rate.min),
  whole(rate.median),
  whole(rate.max),
  cpu.median.toFixed(3),
  ms(p50Ms),
  ms(p99Ms),
  whole(rssMegabytes),
]

/** Every figure. */
export function figuresTable(results: readonly WorkResult[]): Table {
  return {
    head: ['work', 'side', 'per s, min', 'median', 'max', 'CPU-s per 1,000', 'p50 ms', 'p99 ms', 'RSS MB'],
    rows: results.flatMap(({ title, mintmark, yardsticks }) =>
      [mintmark, ...yardsticks].map((figures) => rowOf(title, figures)),
    ),
  }
}

/** A generator busier than this may have been what was measured. */
const BUSY_SHARE = 0.9

/** What makes figures doubtful, a sentence each. */
export function doubts(results: readonly WorkResult[]): readonly string[] {
  return results.flatMap(({ title, mintmark, yardsticks, latency }) => [
    ...[mintmark, ...yardsticks]
      .filter(({ generatorShare }) => generatorShare > BUSY_SHARE)
      .map(
        ({ side, generatorShare }) =>
          `${title}, ${side}: the generator was busy ${Math.round(generatorShare * 100)} % of the time; read the CPU, not the rate.`,
      ),
    ...(latency.late > 0
      ? [
          `${title}: ${latency.late} units of the fixed rate were late beyond measure: the load was more than it can bear.`,
        ]
      : []),
  ])
}
