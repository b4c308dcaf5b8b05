/** Memory: what the server holds after some opaque tokens and after ten times as many, under load, on the embedded store. */

import { startGenerator } from './generator/index.ts'
import type { Cores } from './machine.ts'
import { CONNECTIONS } from './measure.ts'
import { median } from './report/statistics.ts'
import { startSide } from './sides/index.ts'

const WORK = 'client-credentials-opaque'
/** The last tenth of each stretch is played in so many parts, with a look after each: one look may fall before or after a collection. */
const LOOKS = 10
const HOUR_SECONDS = 3600

/** Resident megabytes at both marks. */
export interface MemoryResult {
  readonly first: { readonly tokens: number; readonly megabytes: number }
  readonly second: { readonly tokens: number; readonly megabytes: number }
  /** How much larger the second is: 0.1 is the goal's limit. */
  readonly growth: number
}

export const MEMORY_GOAL = { growth: 0.1, megabytes: 300 } as const

/** Issues `marks[1]` tokens and looks at both marks. */
export async function measureMemory(
  cores: Cores | undefined,
  marks: readonly [first: number, second: number],
): Promise<MemoryResult> {
  const generator = startGenerator(cores)
  const side = await startSide('mintmark', { cores }).catch(async (cause) => {
    await generator.stop()
    throw cause
  })
  const { port, apiTokens } = side
  const issue = (units: number) =>
    generator.load({ port, apiTokens, work: WORK, connections: CONNECTIONS, seconds: HOUR_SECONDS, units })
  async function heldAfter(tokens: number): Promise<number> {
    const part = Math.floor(tokens / 10 / LOOKS)
    await issue(tokens - part * LOOKS)
    const looks: number[] = []
    for (let n = 0; n < LOOKS; n++) {
      await issue(part)
      looks.push((await side.usage()).rssBytes / 1e6)
    }
    return median(looks)
  }
  try {
    const [least, most] = marks
    const first = { tokens: least, megabytes: await heldAfter(least) }
    const second = { tokens: most, megabytes: await heldAfter(most - least) }
    return { first, second, growth: second.megabytes / first.megabytes - 1 }
  } finally {
    await Promise.all([side.stop(), generator.stop()])
  }
}
