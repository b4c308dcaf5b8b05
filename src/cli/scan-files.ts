/**
 * Reading for `mintmark scan`: a tree, file by file, in pieces. It follows no symbolic link, opens no device or pipe, and reads of a
 * `.git` folder what people write (configuration, hooks), not the packed objects.
 */

import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync, realpathSync } from 'node:fs'
import { basename, join } from 'node:path'
import { findTokens, KINDS, redacted, TEXT_LENGTH_MAX } from '../leaks/index.ts'

/** One credential in a file. Lines and columns count from 1; a column is a UTF-16 unit, as SARIF has it. */
export interface Finding {
  readonly path: string
  readonly line: number
  readonly column: number
  readonly kind: keyof typeof KINDS
  /** The kind in words. */
  readonly what: string
  /** First 8 and last 4 characters. */
  readonly text: string
  /** SHA-256 of the text, so that the same one is known again; 166 random bits are not guessed from it. */
  readonly fingerprint: string
}

/** What a scan found, and what it could not read. */
export interface Scanned {
  readonly findings: readonly Finding[]
  readonly faults: readonly string[]
}

const PIECE_BYTES = 4 * 1024 * 1024
/** Binary files larger than this are images, archives and databases; a token in them is not in a form that anyone could find. */
const BINARY_BYTES_MAX = 64 * 1024 * 1024
const NOT_READ = ['objects', 'lfs']
const NEWLINE = 0x0a

/** Bytes that are all there, as they are searched. */
export const searchable = (bytes: Buffer): Buffer => plain(bytes, utf16Of(bytes))

interface Hit {
  readonly kind: keyof typeof KINDS
  readonly text: string
  readonly line: number
  readonly column: number
}

function newlines(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count++
  return count
}

/** UTF-16, as some shells write what is redirected, has a zero beside each ASCII character: without them the same search does. */
function plain(bytes: Buffer, utf16: 'le' | 'be' | undefined): Buffer {
  if (!utf16) return bytes
  const whole = bytes.subarray(0, bytes.length & ~1)
  return Buffer.from(utf16 === 'le' ? whole.toString('utf16le') : Buffer.from(whole).swap16().toString('utf16le'))
}

function utf16Of(start: Buffer): 'le' | 'be' | undefined {
  if (start[0] === 0xff && start[1] === 0xfe) return 'le'
  return start[0] === 0xfe && start[1] === 0xff ? 'be' : undefined
}

/** Finds in bytes that come in pieces: the end of each is looked at again with the next. */
export class Searcher {
  readonly #prefixes: readonly string[]
  #rest = Buffer.alloc(0)
  #line = 1
  /** UTF-16 units of the current line that are in no piece any more. */
  #columns = 0
  #until = 0
  readonly hits: Hit[] = []

  constructor(prefixes: readonly string[]) {
    this.#prefixes = prefixes
  }

  /** `last`: nothing follows, so that nothing need be kept or counted for it. */
  add(piece: Buffer, { last }: { readonly last: boolean }): void {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    let line = this.#line
    let from = 0
    let columns = this.#columns
    const walk = (to: number): void => {
      const passed = bytes.subarray(from, to)
      const newline = passed.lastIndexOf(NEWLINE)
      if (newline !== -1) {
        line += newlines(passed)
        columns = 0
      }
      columns += passed.subarray(newline + 1).toString().length
      from = to
    }
    for (const { kind, text, at } of findTokens(bytes, this.#prefixes)) {
      if (at < this.#until) continue
      walk(at)
      this.hits.push({ kind, text, line, column: columns + 1 })
      this.#until = at + text.length
    }
    if (last) return
    const kept = Math.max(from, bytes.length - TEXT_LENGTH_MAX)
    walk(kept)
    // A copy: what the piece was read into is used again.
    this.#rest = Buffer.from(bytes.subarray(kept))
    this.#line = line
    this.#columns = columns
    this.#until = Math.max(0, this.#until - kept)
  }
}

/** Hits as findings. */
export function findingsOf(path: string, hits: readonly Hit[]): readonly Finding[] {
  return hits.map(({ kind, text, line, column }) => ({
    path,
    line,
    column,
    kind,
    what: KINDS[kind],
    text: redacted(text),
    fingerprint: createHash('sha256').update(text).digest('hex').slice(0, 32),
  }))
}

/** One for all files: each is read to its end before the next. */
const piece = Buffer.allocUnsafe(PIECE_BYTES)

/** Reads an open file to its end. */
export function scanHandle(
  handle: number,
  {
    name,
    prefixes,
    sizeBytes,
  }: { readonly name: string; readonly prefixes: readonly string[]; readonly sizeBytes?: number },
): Scanned {
  const searcher = new Searcher(prefixes)
  let utf16: 'le' | 'be' | undefined
  for (let [total, odd] = [0, 0]; ; ) {
    let size = 0
    try {
      size = readSync(handle, piece, odd, PIECE_BYTES - odd, null)
    } catch (cause) {
      // Standard input that is not ready, and the end of one on Windows.
      if (!(cause instanceof Error && 'code' in cause) || cause.code !== 'EOF') {
        if (cause instanceof Error && 'code' in cause && cause.code === 'EAGAIN') {
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
          continue
        }
        return { findings: findingsOf(name, searcher.hits), faults: [`${name}: could not be read to its end`] }
      }
    }
    if (size === 0) return { findings: findingsOf(name, searcher.hits), faults: [] }
    const bytes = piece.subarray(0, odd + size)
    if (total === 0) utf16 = utf16Of(bytes)
    total += size
    odd = utf16 ? bytes.length % 2 : 0
    const last = total === sizeBytes
    searcher.add(plain(bytes, utf16), { last })
    if (last) return { findings: findingsOf(name, searcher.hits), faults: [] }
    if (odd) piece[0] = bytes[bytes.length - 1] ?? 0
  }
}

function scanFile(
  path: string,
  { name, prefixes }: { readonly name: string; readonly prefixes: readonly string[] },
): Scanned {
  // Neither a link that took the file's place nor a pipe that never ends.
  const handle = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  try {
    const stat = fstatSync(handle)
    if (!stat.isFile()) return { findings: [], faults: [] }
    if (stat.size > BINARY_BYTES_MAX) {
      const start = Buffer.alloc(8192)
      const size = readSync(handle, start, 0, start.length, 0)
      const binary = start.subarray(0, size).includes(0) && utf16Of(start) === undefined
      if (binary) return { findings: [], faults: [`${name}: a binary file of more than 64 MiB was not read`] }
    }
    return scanHandle(handle, { name, prefixes, sizeBytes: stat.size })
  } finally {
    closeSync(handle)
  }
}

/** Every file under a path, in order of name. Names in findings are relative to it with `/`; of a single file, its own. */
export function scanTree(path: string, prefixes: readonly string[]): Scanned {
  const findings: Finding[] = []
  const faults: string[] = []
  const attempt = (name: string, work: () => Scanned | undefined): void => {
    try {
      const scanned = work()
      findings.push(...(scanned?.findings ?? []))
      faults.push(...(scanned?.faults ?? []))
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'failed'
      if (code !== 'ELOOP') faults.push(`${name}: could not be read (${code})`)
    }
  }
  // A stack of folders, not calls: depth is the tree's, not ours.
  const folders: (readonly [at: string, name: string])[] = []
  attempt(path, () => {
    const root = realpathSync(path)
    if (!lstatSync(root).isDirectory()) return scanFile(root, { name: path, prefixes })
    folders.push([root, ''])
    return undefined
  })
  for (let folder = folders.pop(); folder; folder = folders.pop()) {
    const [at, name] = folder
    attempt(name || '.', () => {
      const entries = readdirSync(at, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
      for (const entry of entries) {
        const inside = [join(at, entry.name), name ? `${name}/${entry.name}` : entry.name] as const
        if (entry.isDirectory() && !(basename(at) === '.git' && NOT_READ.includes(entry.name))) folders.push(inside)
        else if (entry.isFile()) attempt(inside[1], () => scanFile(inside[0], { name: inside[1], prefixes }))
      }
      return undefined
    })
  }
  return { findings: findings.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line)), faults }
}
