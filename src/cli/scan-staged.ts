/**
 * What is staged for a commit, for `mintmark scan --staged`: asked of Git's plumbing, no shell. A repository's own configuration may name
 * programs; none of them is run: no hook, monitor, external diff, text conversion or transport.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { type Finding, findingsOf, type Scanned, Searcher, searchable } from './scan-files.ts'

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
]
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024
/** Files whose content is asked for at once. */
const BATCH = 128
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

/** Blobs by `cat-file --batch`: `object blob size LF content LF`, or `object missing LF`. */
function blobsOf(answer: Buffer): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>()
  for (let at = 0; at < answer.length; ) {
    const end = answer.indexOf(0x0a, at)
    const [object = '', type, size] = answer.toString('latin1', at, end).split(' ')
    const length = type === 'blob' ? Number(size) : 0
    if (type === 'blob') found.set(object, answer.subarray(end + 1, end + 1 + length))
    at = type === 'blob' ? end + 1 + length + 1 : end + 1
  }
  return found
}

/** Some blobs in one call; when they are too large together, each in its own. */
async function blobs(path: string, some: readonly Staged[]): Promise<ReadonlyMap<string, Buffer>> {
  const lines = some.map(({ object }) => `${object}\n`).join('')
  try {
    return blobsOf(await output(path, ['cat-file', '--batch'], lines))
  } catch {
    if (some.length < 2) return new Map()
    const each = await Promise.all([
      blobs(path, some.slice(0, some.length / 2)),
      blobs(path, some.slice(some.length / 2)),
    ])
    return new Map(each.flatMap((found) => [...found]))
  }
}

/** The credentials in what is staged in the repository at a path. */
export async function scanStaged(path: string, prefixes: readonly string[]): Promise<Scanned> {
  const findings: Finding[] = []
  const faults: string[] = []
  try {
    const staged = await stagedIn(path)
    for (let from = 0; from < staged.length; from += BATCH) {
      const some = staged.slice(from, from + BATCH)
      const contents = await blobs(path, some)
      for (const one of some) {
        const content = contents.get(one.object)
        const searcher = new Searcher(prefixes)
        if (content) searcher.add(searchable(content), { last: true })
        else faults.push(`${one.path}: could not be read, or is larger than 64 MiB`)
        findings.push(...findingsOf(one.path, searcher.hits))
      }
    }
  } catch (cause) {
    faults.push(`${path}: ${cause instanceof Error ? cause.message : 'git could not be asked'}`)
  }
  return { findings, faults }
}
