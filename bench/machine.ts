/** What the bench runs on: which cores there are, how a process is bound to one, and how the machine is named in a report. */

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'

/** The numbers of a list of cores as the kernel writes it ("0-2,5"). */
export function coresOf(list: string): readonly number[] {
  return list
    .trim()
    .split(',')
    .filter(Boolean)
    .flatMap((range) => {
      const [from = 0, to = from] = range.split('-').map(Number)
      return Array.from({ length: to - from + 1 }, (_, n) => from + n)
    })
}

function allowedCores(): readonly number[] {
  try {
    return coresOf(/^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '')
  } catch {
    return []
  }
}

/** Where the two ends run: the first core allowed to this process and the one after it. Undefined where neither can be bound. */
export interface Cores {
  readonly server: number
  readonly generator: number
}

/** The cores of both ends; undefined with fewer than two, or without `taskset` (util-linux). */
export function findCores(): Cores | undefined {
  const [server, generator] = allowedCores()
  if (server === undefined || generator === undefined) return undefined
  return spawnSync('taskset', ['--version']).status === 0 ? { server, generator } : undefined
}

/** A command line, bound to a core with every thread that it will have. */
export function boundTo(
  core: number | undefined,
  command: readonly [string, ...string[]],
): readonly [string, ...string[]] {
  return core === undefined ? command : ['taskset', '-c', String(core), ...command]
}

/** The machine in a line. */
export function machineInWords(cores: Cores | undefined): string {
  const [first] = cpus()
  const bound = cores
    ? `server on core ${cores.server}, generator on core ${cores.generator}`
    : 'nothing is bound to a core'
  return `${cpus().length} x ${first?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${release()}, Node ${process.versions.node}; ${bound}`
}
