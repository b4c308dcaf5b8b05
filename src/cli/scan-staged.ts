/**
 * What is staged for a commit, for `mintmark scan --staged`: asked of Git's plumbing, no shell. A repository's own configuration may name
 * programs; none of them is run: no hook, monitor, external diff, text conversion or transport.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { type Finding, findingsOf, type Scanned, Searcher } from './scan-files.ts'

const QUIET = [
  '-c',
  'core.fsmonitor=false',
  '-c',
  'core.hooksPath=/dev/null',
  '-c',
  'protocol.allow=never',
  '-c',
  'core.untrackedCache=false',
  '--no-pager',
  '--literal-pathspecs',
]
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024
/** Objects that are files; a submodule's commit is none, a link's target is a path. */
const FILE_MODES = ['100644', '100755']

interface Staged {
  readonly object: string
  readonly path: string
}

function git(path: string, args: readonly string[]): ChildProcess {
  return spawn('git', ['-C', path, ...QUIET, ...args], {
    shell: false,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0', GIT_NO_LAZY_FETCH: '1' },
  })
}

/** Runs Git to its end. Rejects with its own words. */
async function output(path: string, args: readonly string[], input = ''): Promise<Buffer> {
  const child = git(path, args)
  const chunks: Buffer[] = []
  let [errors, size] = ['', 0]
  child.stdout?.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size <= OUTPUT_BYTES_MAX) chunks.push(chunk)
    else child.kill()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(0, 2000)
  })
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', fail)
    child.once('close', done)
  })
  if (code !== 0)
    throw new Error(size > OUTPUT_BYTES_MAX ? 'larger than 64 MiB' : errors.trim() || `git ended with ${code}`)
  return Buffer.concat(chunks)
}

/** `:oldmode mode oldobject object status NUL path NUL`, as `diff-index --raw -z` prints it. */
function changedOf(raw: string): readonly Staged[] {
  const parts = raw.split('\0')
  const found: Staged[] = []
  for (let n = 0; n + 1 < parts.length; n += 2) {
    const [, mode = '', , object = ''] = (parts[n] ?? '').split(' ')
    if (FILE_MODES.includes(mode)) found.push({ object, path: parts[n + 1] ?? '' })
  }
  return found
}

/** `mode object stage TAB path NUL`, as `ls-files --stage -z` prints it: everything, before the first commit. */
function allOf(raw: string): readonly Staged[] {
  return raw.split('\0').flatMap((part) => {
    const [facts = '', path = ''] = part.split('\t')
    const [mode = '', object = ''] = facts.split(' ')
    return FILE_MODES.includes(mode) ? [{ object, path }] : []
  })
}

async function stagedIn(path: string): Promise<readonly Staged[]> {
  const head = await output(path, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}']).catch(() => undefined)
  if (!head) return allOf((await output(path, ['ls-files', '--stage', '-z', '--full-name', ':/'])).toString())
  const args = [
    'diff-index',
    '--cached',
    '--raw',
    '-z',
    '--no-renames',
    '--no-ext-diff',
    '--no-textconv',
    '--full-index',
    '--abbrev=64',
  ]
  return changedOf((await output(path, [...args, '--diff-filter=ACMRT', head.toString().trim(), '--'])).toString())
}

/** The credentials in what is staged in the repository at a path. */
export async function scanStaged(path: string, prefixes: readonly string[]): Promise<Scanned> {
  const findings: Finding[] = []
  const faults: string[] = []
  try {
    for (const staged of await stagedIn(path)) {
      const searcher = new Searcher(prefixes)
      try {
        searcher.add(await output(path, ['cat-file', 'blob', staged.object]))
      } catch (cause) {
        faults.push(`${staged.path}: ${cause instanceof Error ? cause.message : 'could not be read'}`)
      }
      findings.push(...findingsOf(staged.path, searcher.hits))
    }
  } catch (cause) {
    faults.push(`${path}: ${cause instanceof Error ? cause.message : 'git could not be asked'}`)
  }
  return { findings, faults }
}
