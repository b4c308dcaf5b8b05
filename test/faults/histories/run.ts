/** Runs the fault suite in processes of its own and adds up what they say. */

import { join } from 'node:path'
import { z } from 'zod'
import { nodeSaid } from '../../support/said.ts'

const said = z.object({
  store: z.string(),
  seed: z.number(),
  histories: z.number(),
  requests: z.number(),
  crashes: z.number(),
  finding: z.object({ fault: z.string(), history: z.unknown(), path: z.unknown() }).nullable(),
})

/** What one process said. */
export type Said = z.output<typeof said>

/** Runs one process; rejects when it ends without a word. `root`: whose code is on trial. */
export async function runHistories(input: {
  readonly root: string
  readonly store: 'sqlite' | 'mongodb'
  readonly histories: number
  readonly seed?: number
  readonly uri?: string
  readonly first?: boolean
}): Promise<Said> {
  const { root, store, histories, seed, uri, first } = input
  const args = [
    join(root, 'test/faults/histories/main.ts'),
    ...['--store', store, '--histories', String(histories)],
    ...(seed === undefined ? [] : ['--seed', String(seed)]),
    ...(uri === undefined ? [] : ['--uri', uri]),
    ...(first ? ['--first'] : []),
  ]
  const { code, out, errors } = await nodeSaid(args)
  const line = out.split('\n').find((text) => text.startsWith('{"store"'))
  if (!line) throw new Error(`the fault suite on ${store} ended with ${code}: ${out}${errors}`)
  return said.parse(JSON.parse(line))
}

/** Splits a number of histories over processes; each has a seed of its own. */
export function runMany(
  input: Parameters<typeof runHistories>[0] & { readonly processes: number; readonly seed: number },
): Promise<readonly Said[]> {
  const { processes, histories, seed } = input
  const share = Math.ceil(histories / processes)
  return Promise.all(
    Array.from({ length: processes }, (_, n) => runHistories({ ...input, histories: share, seed: seed + n })),
  )
}

/** One line over what processes said. */
export function summed(all: readonly Said[]): string {
  const sum = (of: 'histories' | 'requests' | 'crashes'): number => all.reduce((total, one) => total + one[of], 0)
  const number = (n: number): string => n.toLocaleString('en-US')
  const findings = all.filter(({ finding }) => finding !== null).length
  const stores = [...new Set(all.map(({ store }) => store))].join(' and ')
  return `${stores}: ${number(sum('histories'))} histories, ${number(sum('requests'))} requests, ${number(sum('crashes'))} crashes, ${findings} findings (seeds ${all.map(({ seed }) => seed).join(', ')})`
}
