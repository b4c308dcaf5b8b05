/** The sides of a run, started together and ended together. */

import { type Generator, startGenerator } from './generator/index.ts'
import { type Player, playOnce } from './generator/player.ts'
import { get } from './generator/request.ts'
import type { Cores } from './machine.ts'
import { type Canned, type Side, type SideName, startSide } from './sides/index.ts'
import { CANNED_PATHS } from './works/index.ts'

/** What runs. `stop` ends all of it. */
export interface OpenField {
  readonly generator: Generator
  readonly sides: Readonly<Partial<Record<SideName, Side>>>
  stop(): Promise<void>
}

/** The runtime sets these by itself: repeating them would make the bare server's answer longer than what it stands for. */
const OWN_HEADERS = ['date', 'connection', 'keep-alive']

/** What a side answers at the paths that the bare server is to repeat. */
async function cannedFrom(port: number): Promise<readonly Canned[]> {
  const canned: Canned[] = []
  for (const path of CANNED_PATHS) {
    const player: Player = {
      begin: () => get(port, path),
      take({ head, body }) {
        const headers = head
          .split('\r\n')
          .slice(1)
          .filter((line) => line !== '')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()] as const)
          .filter(([name]) => !OWN_HEADERS.includes(name.toLowerCase()))
        canned.push({ path, headers: headers.flat(), body: body.toString() })
        return undefined
      },
    }
    await playOnce(port, [player])
  }
  return canned
}

/** Starts Mintmark, on `database` where given, and the yardsticks that are asked for. */
export async function openField(input: {
  readonly cores: Cores | undefined
  readonly yardsticks: readonly Exclude<SideName, 'mintmark'>[]
  readonly database?: string
}): Promise<OpenField> {
  const { cores, yardsticks, ...rest } = input
  const started: Side[] = []
  const generator = startGenerator(cores)
  const stop = async (): Promise<void> => {
    await Promise.all([...started.map((side) => side.stop()), generator.stop()])
  }
  try {
    const mintmark = await startSide('mintmark', { cores, ...rest })
    started.push(mintmark)
    for (const name of yardsticks) {
      const canned = name === 'bare' ? { canned: await cannedFrom(mintmark.port) } : {}
      started.push(await startSide(name, { cores, ...canned }))
    }
    return { generator, sides: Object.fromEntries(started.map((side) => [side.name, side])), stop }
  } catch (cause) {
    await stop()
    throw cause
  }
}
