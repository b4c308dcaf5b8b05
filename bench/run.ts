/** The comparison on each store that there is. */

import { startMongo, type TestMongo } from '../scripts/mongo/index.ts'
import { compareWork, type Plan, type WorkResult } from './compare.ts'
import { openField } from './field.ts'
import type { Cores } from './machine.ts'
import { type WorkName, work } from './works/index.ts'

/** What is measured, and who hears how far it is. */
export interface Run {
  readonly cores: Cores | undefined
  readonly works: readonly WorkName[]
  readonly plan: Plan
  readonly tell: (what: string) => void
}

async function compareOn(
  database: string | undefined,
  { cores, works, plan, tell }: Run,
): Promise<readonly WorkResult[]> {
  const yardsticks = (['stock', 'bare'] as const).filter((side) =>
    works.some((name) => work(name).yardsticks.some((one) => one.side === side)),
  )
  const field = await openField({ cores, yardsticks, ...(database === undefined ? {} : { database }) })
  const results: WorkResult[] = []
  try {
    for (const name of works) {
      tell(`${work(name).title} ...`)
      results.push(await compareWork(field, name, plan))
    }
  } finally {
    await field.stop()
  }
  return results
}

/** On the embedded store. */
export const compareOnSqlite = (run: Run): Promise<readonly WorkResult[]> => compareOn(undefined, run)

/** On MongoDB: what it was, and what was found; or why there is none. */
export type OnMongo = { readonly source: string; readonly results: readonly WorkResult[] } | { readonly absent: string }

const EMULATORS: readonly string[] = ['mongo-java-server']

function databaseOf({ uri }: TestMongo): string {
  const url = new URL(uri)
  url.pathname = `/mintmark_bench_${process.pid}`
  return url.href
}

/** On the MongoDB server that is found, the works whose cost lies in a store. Its own CPU is not counted. */
export async function compareOnMongo(run: Run): Promise<OnMongo> {
  const works = run.works.filter((name) => work(name).storeMatters)
  if (works.length === 0) return { absent: 'none of these works has anything to do with a store' }
  run.tell('looking for a MongoDB server ...')
  let mongo: TestMongo
  try {
    mongo = await startMongo()
  } catch (cause) {
    return { absent: cause instanceof Error ? cause.message : String(cause) }
  }
  try {
    const results = await compareOn(databaseOf(mongo), { ...run, works })
    const isEmulator = EMULATORS.includes(mongo.source)
    return {
      source: isEmulator ? `${mongo.source}, an emulator that keeps everything in memory` : mongo.source,
      results,
    }
  } finally {
    await mongo.stop()
  }
}
