/** What each part of the bench found, as sentences and tables: the same for a terminal and for the docs. Pure. */

import type { WorkResult } from '../compare.ts'
import { GROW_GOAL, type GrowResult } from '../grow/index.ts'
import { MEMORY_GOAL, type MemoryResult } from '../memory.ts'
import { WORKERS_GOAL, type WorkersResult } from '../workers.ts'
import { work } from '../works/index.ts'
import { doubts, figuresTable, goalsTable, ratiosTable, type Table } from './table.ts'

/** Sentences and tables, in order. */
export type Section = readonly (string | Table)[]

const whole = (value: number): string => Math.round(value).toLocaleString('en')
const verdict = (isReached: boolean): string => (isReached ? 'reached' : 'not reached')

/** The comparison on one store. The goals are those of the embedded one. */
export function worksSection(results: readonly WorkResult[], { goals }: { readonly goals: boolean }): Section {
  const said = doubts(results)
  return [
    goals ? goalsTable(results) : ratiosTable(results),
    figuresTable(results),
    ...(said.length > 0 ? [said.join('\n')] : []),
  ]
}

/** Memory at both marks. */
export function memorySection({ first, second, growth }: MemoryResult): Section {
  const isReached = growth <= MEMORY_GOAL.growth && second.megabytes < MEMORY_GOAL.megabytes
  return [
    {
      head: ['tokens issued', 'RSS MB'],
      rows: [first, second].map(({ tokens, megabytes }) => [whole(tokens), whole(megabytes)]),
    },
    `Grown by ${(growth * 100).toFixed(1)} % (goal: ${MEMORY_GOAL.growth * 100} % at most, and under ${MEMORY_GOAL.megabytes} MB): ${verdict(isReached)}.`,
  ]
}

/** Sizes of the store and what a unit costs there. */
export function growSection(results: readonly GrowResult[]): Section {
  const rows = results.flatMap(({ tokens, fileMegabytes, works }) =>
    works.map(({ work: name, rate, cpu, cpuRatio, rateRatio }) => [
      whole(tokens),
      work(name).title,
      whole(fileMegabytes),
      whole(rate),
      cpu.toFixed(3),
      `${cpuRatio.toFixed(2)} x`,
      `${rateRatio.toFixed(2)} x`,
      verdict(cpuRatio <= GROW_GOAL),
    ]),
  )
  const head = [
    'live tokens',
    'work',
    'file MB',
    'per s',
    'CPU-s per 1,000',
    'CPU to 10^4',
    'time to 10^4',
    `goal ${GROW_GOAL} x`,
  ]
  return [{ head, rows }]
}

/** Two workers beside one. */
export function workersSection(result: WorkersResult | undefined): Section {
  if (!result) return ['Not measured: WORKERS=2 starts no second process here.']
  const { cpuRatio, rateRatio, rates, rateCounts } = result
  const [one, two] = rates
  const rate = rateCounts ? verdict(rateRatio >= WORKERS_GOAL.rate) : 'too few cores to say'
  return [
    {
      head: ['two workers to one', 'ratio', 'goal', ''],
      rows: [
        [
          'CPU-seconds per 1,000',
          `${cpuRatio.toFixed(2)} x`,
          `${WORKERS_GOAL.cpu} x`,
          verdict(cpuRatio <= WORKERS_GOAL.cpu),
        ],
        ['rate', `${rateRatio.toFixed(2)} x`, `${WORKERS_GOAL.rate} x`, rate],
      ],
    },
    `Client credentials, opaque, on the embedded store: ${whole(one)} a second with one, ${whole(two)} with two.`,
  ]
}
