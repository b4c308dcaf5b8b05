/**
 * Finds or makes the master keys. One wraps every other key; whoever has it and the store has all.
 * MASTER_KEY (keys separated by commas) or a file (one key a line, # for comments): the first wraps, all unwrap.
 */

import { createSecretKey } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { isLoopback, type Random } from '../base/index.ts'
import { BadConfiguration, type Environment } from '../config/index.ts'
import { type Master, type Masters, softwareMaster } from '../seal/index.ts'

const FORMS = 'must be 32 bytes as 64 hexadecimal digits or as base64'
const HARDWARE = 'pkcs11:'
const KEY_BYTES = 32

/** Opens a master key that lives in a device, by its label there. */
export type Hardware = (label: string) => Promise<Master>

/** The masters of a process, with where they come from. */
export interface MasterSource extends Masters {
  /** How many there are. */
  count(): number
  /** Whether there is none yet, and `generate` would make the first: never over a store that holds keys. */
  isMissing(): boolean
  /** Makes the first key of a file that is not there. Durable when it returns. */
  generate(): Promise<void>
  /** Undefined where no file is read. */
  readonly file: string | undefined
  /** Writes a new key as the first line of the file. Throws `BadConfiguration` where no file is read. */
  addFirst(): Promise<void>
  /** Writes the file with its first key alone. */
  keepFirst(): Promise<void>
}

/** What a source is made from. */
export interface SourceInput {
  readonly issuer: URL
  readonly random: Random
  readonly hardware?: Hardware
}

/** One written key. `where` names its place in messages; its content is never repeated. */
async function parse(text: string, where: string, hardware: Hardware | undefined): Promise<Master> {
  if (text.startsWith(HARDWARE)) {
    if (!hardware) throw new BadConfiguration(`${where}: there is no PKCS#11 module to find this key with`)
    return hardware(text.slice(HARDWARE.length))
  }
  const isHex = /^[0-9a-f]{64}$/i.test(text)
  // Checked by writing it again: Buffer.from would read a cut or mistyped line without a word.
  const bytes = Buffer.from(text, isHex ? 'hex' : 'base64')
  const again = bytes.toString('base64').replace(/=+$/, '')
  const isSame = isHex || again === text.replace(/=+$/, '').replaceAll('-', '+').replaceAll('_', '/')
  if (bytes.length !== KEY_BYTES || !isSame) throw new BadConfiguration(`${where}: ${FORMS}`)
  return softwareMaster(createSecretKey(bytes))
}

async function parseAll(
  entries: readonly { readonly text: string; readonly where: string }[],
  input: { readonly whole: string; readonly hardware: Hardware | undefined },
): Promise<readonly Master[]> {
  const masters: Master[] = []
  for (const { text, where } of entries) masters.push(await parse(text, where, input.hardware))
  if (masters.length === 0) throw new BadConfiguration(`${input.whole}: holds no key; it ${FORMS}`)
  const twice = masters.find(({ id }, n) => masters.findIndex((other) => other.id === id) !== n)
  if (twice) throw new BadConfiguration(`${input.whole}: holds the same key twice`)
  return masters
}

function isInside(file: string, directory: string): boolean {
  const way = relative(
    realpathSync(directory),
    existsSync(file) ? realpathSync(file) : join(realpathSync(dirname(file)), 'x'),
  )
  return !way.startsWith('..')
}

function refuseOpenFile(file: string): void {
  const stats = statSync(file)
  if (!stats.isFile()) throw new BadConfiguration(`${file}: is not a file (MASTER_KEY_FILE)`)
  if (stats.mode & 0o077)
    throw new BadConfiguration(`${file}: others may read the master key; take that right away (chmod 600)`)
}

/** Reading the source again must not open a device's key again. A label that was not found is looked for the next time. */
function openedOnce(hardware: Hardware): Hardware {
  const opened = new Map<string, Master>()
  return async (label) => {
    const master = opened.get(label) ?? (await hardware(label))
    opened.set(label, master)
    return master
  }
}

const isKey = (line: string): boolean => line.trim() !== '' && !line.trim().startsWith('#')

function linesOf(file: string): readonly string[] {
  refuseOpenFile(file)
  return readFileSync(file, 'utf8').split(/\r?\n/)
}

function readKeys(file: string, hardware: Hardware | undefined): Promise<readonly Master[]> {
  const entries = linesOf(file)
    .map((line, n) => ({ text: line.replace(/#.*$/, '').trim(), where: `${file}: line ${n + 1}` }))
    .filter(({ text }) => text !== '')
  return parseAll(entries, { whole: file, hardware })
}

function syncFolder(file: string): void {
  const folder = openSync(dirname(file), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** Durable before it returns: what is wrapped next could otherwise outlive its key. */
function writeKeyFile(path: string, text: string): void {
  const handle = openSync(path, 'wx', 0o600)
  try {
    writeSync(handle, text)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  syncFolder(path)
}

/** Whole or not at all: a crash leaves the file of before or the new one. */
function replaceKeyFile(path: string, text: string): void {
  const file = realpathSync(path)
  if (process.getuid && statSync(file).uid !== process.getuid())
    throw new BadConfiguration(`${file}: belongs to another user; change it by hand`)
  const draft = `${file}.new`
  rmSync(draft, { force: true })
  writeKeyFile(draft, text)
  renameSync(draft, file)
  syncFolder(file)
}

function fromEnvironment(text: string, hardware: Hardware | undefined): Promise<readonly Master[]> {
  const parts = text.split(',').map((part) => part.trim())
  const whole = 'MASTER_KEY'
  const entries = parts.map((part, n) => ({ text: part, where: parts.length > 1 ? `${whole}: key ${n + 1}` : whole }))
  return parseAll(entries, { whole, hardware })
}

const noFile = (): never => {
  throw new BadConfiguration(
    'the master key is in MASTER_KEY, which no command can change; use a file (MASTER_KEY_FILE)',
  )
}

async function environmentSource(text: string, { hardware }: SourceInput): Promise<MasterSource> {
  const all = await fromEnvironment(text, hardware)
  const [first] = all
  if (!first) throw new BadConfiguration(`MASTER_KEY: ${FORMS}`)
  return {
    current: () => first,
    find: async (id) => all.find((master) => master.id === id),
    async reload() {},
    count: () => all.length,
    isMissing: () => false,
    generate: async () => noFile(),
    file: undefined,
    addFirst: async () => noFile(),
    keepFirst: async () => noFile(),
  }
}

async function fileSource(file: string, { random, hardware }: SourceInput): Promise<MasterSource> {
  let all: readonly Master[] = existsSync(file) ? await readKeys(file, hardware) : []
  const known = (id: string): Master | undefined => all.find((master) => master.id === id)
  const fresh = (): string => random.bytes(KEY_BYTES).toString('base64')
  async function reload(): Promise<void> {
    if (!existsSync(file)) throw new BadConfiguration(`${file}: the master key file is gone; put it back`)
    all = await readKeys(file, hardware)
  }
  return {
    current() {
      const [first] = all
      if (!first) throw new BadConfiguration(`${file}: there is no master key yet`)
      return first
    },
    async find(id) {
      if (!known(id)) await reload()
      return known(id)
    },
    reload,
    count: () => all.length,
    isMissing: () => all.length === 0,
    async generate() {
      writeKeyFile(file, `${fresh()}\n`)
      await reload()
    },
    file,
    async addFirst() {
      replaceKeyFile(file, [fresh(), ...linesOf(file)].join('\n'))
      await reload()
    },
    async keepFirst() {
      const lines = linesOf(file)
      const first = lines.findIndex(isKey)
      replaceKeyFile(file, lines.filter((line, n) => n === first || !isKey(line)).join('\n'))
      await reload()
    },
  }
}

/**
 * The master keys: MASTER_KEY, MASTER_KEY_FILE, or a file (0600) in DATA_DIR that the first start makes.
 * Outside loopback a key inside DATA_DIR is refused: any copy of that folder would open everything (DESIGN rule 6).
 * Throws `BadConfiguration`, naming the place and never its content. Writes nothing.
 */
export async function masterSource(env: Environment, given: SourceInput): Promise<MasterSource> {
  const input = given.hardware ? { ...given, hardware: openedOnce(given.hardware) } : given
  if (env.MASTER_KEY !== undefined && env.MASTER_KEY !== '') return environmentSource(env.MASTER_KEY, input)
  const file = resolve(env.MASTER_KEY_FILE ?? join(env.DATA_DIR, 'master.key'))
  if (env.MASTER_KEY_FILE && !existsSync(file))
    throw new BadConfiguration(`${file}: there is no such file (MASTER_KEY_FILE)`)
  const exposed = !isLoopback(input.issuer.hostname) || !isLoopback(env.HOST)
  if (exposed && isInside(file, env.DATA_DIR)) {
    throw new BadConfiguration(
      'MASTER_KEY_FILE: outside loopback the master key must not lie in DATA_DIR, since any copy of that folder would open everything; set MASTER_KEY_FILE to a file elsewhere',
    )
  }
  return fileSource(file, input)
}

/** Makes the first key where there is none, but never over a store that holds wrapped keys: those would be lost for good. */
export async function ensureMaster(source: MasterSource, holdsKeys: () => Promise<boolean>): Promise<void> {
  if (!source.isMissing()) return
  if (await holdsKeys())
    throw new BadConfiguration(
      `${source.file}: the master key file is missing, and the store holds keys that only it opens; put it back from its backup (no new one is made: it would open nothing)`,
    )
  await source.generate()
}
