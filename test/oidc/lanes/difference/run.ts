/** Runs the differential suite in processes of its own, two at a time, and adds up what they say. */

import { join } from 'node:path'
import { z } from 'zod'
import { nodeSaid } from '../../../support/said.ts'

const said = z.object({
  lane: z.string(),
  variant: z.string(),
  requests: z.number(),
  taken: z.number(),
  applied: z.number(),
  statuses: z.record(z.string(), z.number()),
  differences: z.number(),
  findings: z.array(z.object({ chapter: z.number(), difference: z.string(), request: z.string() })),
})

/** What one play came to. */
export type Said = z.output<typeof said>

/** What one process plays. */
export interface Order {
  readonly variant: string
  readonly mutant?: string
  readonly plays: readonly {
    readonly lane: string
    readonly requests: number
    readonly seed: string
    /** The first one. */
    readonly chapter: number
    /** Ends with the first difference. */
    readonly first: boolean
  }[]
}

/** Runs one process. Rejects when it ends without having said all. */
export async function runOne(order: Order): Promise<readonly Said[]> {
  const { code, out, errors } = await nodeSaid([join(import.meta.dirname, 'main.ts'), JSON.stringify(order)])
  const lines = out.split('\n').filter((line) => line.startsWith('{"lane"'))
  if (lines.length !== order.plays.length)
    throw new Error(`the differential suite ended with ${code}: ${out.slice(-2000)}${errors}`)
  return lines.map((line) => said.parse(JSON.parse(line)))
}

/** Works orders off, so many at a time. */
export async function runAll(orders: readonly Order[], atOnce = 2): Promise<readonly Said[]> {
  const queue = [...orders]
  const all: Said[] = []
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) all.push(...(await runOne(next)))
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return all
}

const number = (n: number): string => n.toLocaleString('en-US')

/** One line about a lane. */
export function summed(lane: string, all: readonly Said[]): string {
  const own = all.filter((one) => one.lane === lane)
  const sum = (of: 'requests' | 'taken' | 'differences'): number => own.reduce((total, one) => total + one[of], 0)
  return `${lane}: ${number(sum('requests'))} requests, ${number(sum('taken'))} by the lane, ${number(sum('differences'))} differences`
}

/** Findings for people, with what plays each again. */
export function shown(all: readonly Said[], seed: string): string {
  return all
    .flatMap(({ lane, variant, findings }) =>
      findings.map(
        ({ chapter, request, difference }) =>
          `${lane} on ${variant}: LANE_SEED=${seed} LANE_ONLY='${lane}' LANE_VARIANT=${variant} LANE_CHAPTER=${chapter}\n${request}\n  => lane against library: ${difference}\n`,
      ),
    )
    .join('\n')
}
