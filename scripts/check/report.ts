/** The words that all checks share: what one finds, what it reports, and how files are listed. */

import { existsSync, readdirSync } from 'node:fs'
import { join, relative, sep } from 'node:path'

/** One fault. `rule` is a short name that an exception may name. */
export interface Finding {
  readonly path: string
  readonly line?: number
  readonly rule: string
  readonly message: string
}

/** What a check looked at, in words and numbers ("412 imports"), and what it found. */
export interface Report {
  readonly saw: string
  readonly findings: readonly Finding[]
}

/** One check. `root` is the repository, or a planted tree in the check's own test. */
export interface Check {
  readonly name: string
  run(root: string): Promise<Report>
}

/** The folders that hold our code. */
export const codeFolders = ['src', 'adapters', 'test', 'scripts', 'demo', 'bench', 'examples', 'bin', 'views'] as const

/** Paths under `folders` (missing ones count as empty), relative to `root`, with `/`, sorted. */
export function filesUnder(
  root: string,
  folders: readonly string[],
  isWanted: (path: string) => boolean,
): readonly string[] {
  return folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !path.includes('node_modules/') && isWanted(path))
    .sort()
}

/** "1 file", "3 files". */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`
}
