/**
 * `mintmark scan PATH|-`: finds credentials of ours in a tree, on standard input, or in what is staged for a commit. Offline, by format
 * and checksum. It loads no configuration, opens no store, and executes nothing of what it reads.
 */

import { parseArgs } from 'node:util'
import { isPrefix } from '../leaks/index.ts'
import { type Finding, type Scanned, scanHandle, scanTree } from './scan-files.ts'
import { sarifOf } from './scan-sarif.ts'
import { scanStaged } from './scan-staged.ts'

const USAGE = `mintmark scan <path> [options]     a file or a tree; - for standard input

Finds API tokens and client secrets of Mintmark by their format and checksum. Offline; nothing of the tree is executed.

  --prefix …      prefix of the tokens, when the server has its own (again); mm unless given
  --staged        what is staged for a commit in the Git repository at <path> (. unless given)
  --sarif         print SARIF 2.1.0
  --json          print JSON

Ends with 0 when nothing was found, 1 when something was, 2 when something could not be read.
`

/** What the command ends with. */
export interface ScanEnd {
  readonly code: 0 | 1 | 2
  readonly output: string
  readonly errors: string
}

/** Names come from strangers: what would move a terminal's cursor is shown, not done. */
const shown = (text: string): string =>
  text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const lineOf = ({ path, line, column, what, text }: Finding): string =>
  `${shown(path)}:${line}:${column}: ${what} ${text}\n`

function printed(scanned: Scanned, { sarif, json }: { readonly sarif: boolean; readonly json: boolean }): string {
  if (sarif) return `${JSON.stringify(sarifOf(scanned.findings), null, 2)}\n`
  if (json) return `${JSON.stringify(scanned.findings, null, 2)}\n`
  return scanned.findings.map(lineOf).join('')
}

/** Runs the command. Arguments that make no sense end with 2 and the usage. */
export async function runScan(args: readonly string[]): Promise<ScanEnd> {
  const options = {
    prefix: { type: 'string', multiple: true },
    staged: { type: 'boolean' },
    sarif: { type: 'boolean' },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  } as const
  let parsed: ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (cause) {
    return { code: 2, output: '', errors: `${cause instanceof Error ? cause.message : String(cause)}\n\n${USAGE}` }
  }
  const { prefix: prefixes = ['mm'], staged = false, sarif = false, json = false, help } = parsed.values
  const [path = staged ? '.' : undefined, more] = parsed.positionals
  if (help) return { code: 0, output: USAGE, errors: '' }
  if (path === undefined || more !== undefined || (staged && path === '-'))
    return { code: 2, output: '', errors: USAGE }
  if (!prefixes.every(isPrefix)) return { code: 2, output: '', errors: 'a prefix is 1 to 20 letters from a to z\n' }
  const scanned = staged
    ? await scanStaged(path, prefixes)
    : path === '-'
      ? scanHandle(0, { name: '-', prefixes })
      : scanTree(path, prefixes)
  const errors = scanned.faults.map((fault) => `${shown(fault)}\n`).join('')
  const code = scanned.findings.length > 0 ? 1 : scanned.faults.length > 0 ? 2 : 0
  return { code, output: printed(scanned, { sarif, json }), errors }
}
