/** Master keys: what is read, what is refused and how, and that a refused start changes nothing. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { systemRandom } from '../../src/base/index.ts'
import { ensureMaster, masterSource } from '../../src/cli/master-key.ts'
import { BadConfiguration, parseEnvironment } from '../../src/config/index.ts'
import { softwareMaster, WrongMasterKey } from '../../src/seal/index.ts'
import { masterOf, OUTPUT } from '../support/world.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const folder = (): string => mkdtempSync(join(OUTPUT, 'stores', 'masters-'))
const key = (): string => randomBytes(32).toString('base64')

function sourceOf(env: Readonly<Record<string, string>>, hardware?: Parameters<typeof masterSource>[1]['hardware']) {
  const input = { issuer: new URL('http://localhost:3000'), random: systemRandom }
  return masterSource(parseEnvironment(env), hardware ? { ...input, hardware } : input)
}

function fileOf(text: string): string {
  const file = join(folder(), 'keys')
  writeFileSync(file, text, { mode: 0o600 })
  return file
}

async function isRefused(reading: Promise<unknown>, words: RegExp, secrets: readonly string[] = []): Promise<void> {
  await assert.rejects(reading, (cause: unknown) => {
    assert.ok(cause instanceof BadConfiguration, String(cause))
    assert.match(cause.message, words)
    for (const secret of secrets) assert.equal(cause.message.includes(secret), false, 'no key is repeated')
    return true
  })
}

describe('a master key', () => {
  it('opens what it wrapped, under the same words, and nothing that was changed', async () => {
    const [master, other] = [masterOf(1), masterOf(2)]
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ maxLength: 40 }),
        fc.nat(59),
        async (plain, aad, at) => {
          const wrapped = await master.wrap(plain, aad)
          assert.deepEqual(Uint8Array.from(await master.unwrap(wrapped, aad)), plain)
          await assert.rejects(other.unwrap(wrapped, aad), WrongMasterKey)
          await assert.rejects(master.unwrap(wrapped, Buffer.concat([aad, Buffer.from('x')])), WrongMasterKey)
          const spoiled = Buffer.from(wrapped)
          spoiled[at] = (spoiled[at] ?? 0) ^ 1
          await assert.rejects(master.unwrap(spoiled, aad), WrongMasterKey)
          await assert.rejects(master.unwrap(wrapped.subarray(0, at), aad), WrongMasterKey)
        },
      ),
      { numRuns: 50 },
    )
  })

  it('has an id that says nothing about it', () => {
    assert.notEqual(masterOf(1).id, masterOf(2).id)
    assert.equal(masterOf(1).id, masterOf(1).id)
    assert.match(masterOf(1).id, /^[\w-]{12}$/)
  })
})

describe('a master key file', () => {
  it('may hold several keys, one a line, with comments: the first wraps, all unwrap', async () => {
    const [a, b, c] = [key(), key(), randomBytes(32).toString('hex')]
    const file = fileOf(`# new\n\n${a}\n  ${b}  # of last year\r\n# old\n${c}`)
    const source = await sourceOf({ MASTER_KEY_FILE: file })
    assert.equal(source.count(), 3)
    const { createSecretKey } = await import('node:crypto')
    const idOf = (text: string, form: 'base64' | 'hex') => softwareMaster(createSecretKey(Buffer.from(text, form))).id
    assert.equal(source.current().id, idOf(a, 'base64'))
    for (const id of [idOf(a, 'base64'), idOf(b, 'base64'), idOf(c, 'hex')])
      assert.equal((await source.find(id))?.id, id)
    assert.equal(await source.find('unheard'), undefined)
  })

  it('is read again when a key is asked for that is not known', async () => {
    const [a, b] = [key(), key()]
    const file = fileOf(`${a}\n`)
    const source = await sourceOf({ MASTER_KEY_FILE: file })
    const before = source.current().id
    writeFileSync(file, `${b}\n${a}\n`)
    assert.equal(source.current().id, before)
    await source.find('unheard')
    assert.notEqual(source.current().id, before)
    assert.equal((await source.find(before))?.id, before)
  })

  it('that is cut, mistyped, empty or twice the same is refused by its line, without its content', async () => {
    const good = key()
    for (const bad of [good.slice(0, 30), `${good.slice(0, 20)}*${good.slice(21)}`, `${good}AAAA`, 'zz'.repeat(32)])
      await isRefused(sourceOf({ MASTER_KEY_FILE: fileOf(`# x\n${key()}\n${bad}\n`) }), /line 3: must be 32 bytes/, [
        bad,
      ])
    await isRefused(sourceOf({ MASTER_KEY_FILE: fileOf('# nothing\n\n') }), /holds no key/)
    await isRefused(sourceOf({ MASTER_KEY_FILE: fileOf('') }), /holds no key/)
    await isRefused(sourceOf({ MASTER_KEY_FILE: fileOf(`${good}\n${good}\n`) }), /the same key twice/, [good])
    await isRefused(sourceOf({ MASTER_KEY_FILE: join(folder(), 'none') }), /no such file/)
  })

  it('that others may read is refused', async () => {
    const file = join(folder(), 'keys')
    writeFileSync(file, key(), { mode: 0o644 })
    await isRefused(sourceOf({ MASTER_KEY_FILE: file }), /others may read the master key/)
  })

  it('may name a key in a device, and is refused where there is no module for it', async () => {
    const file = fileOf(`pkcs11:mintmark\n${key()}\n`)
    await isRefused(sourceOf({ MASTER_KEY_FILE: file }), /line 1: there is no PKCS#11 module/)
    const labels: string[] = []
    const hardware = async (label: string) => {
      labels.push(label)
      return masterOf(5)
    }
    const source = await sourceOf({ MASTER_KEY_FILE: file }, hardware)
    assert.equal(source.current().id, masterOf(5).id)
    await source.reload()
    assert.deepEqual(labels, ['mintmark'], 'opened once')
    assert.equal((await sourceOf({ MASTER_KEY: `${key()},pkcs11:other` }, hardware)).count(), 2)
    assert.deepEqual(labels, ['mintmark', 'other'])
  })

  it('gets a new first key and loses the others in two steps, each whole or not at all', async () => {
    const old = key()
    const file = fileOf(`# of 2026\n${old}\n`)
    const source = await sourceOf({ MASTER_KEY_FILE: file })
    const before = source.current().id
    await source.addFirst()
    assert.equal(source.count(), 2)
    assert.equal((await source.find(before))?.id, before)
    const after = source.current().id
    assert.notEqual(after, before)
    await source.keepFirst()
    assert.deepEqual([source.count(), source.current().id], [1, after])
    const text = readFileSync(file, 'utf8')
    assert.equal(text.includes(old), false)
    assert.match(text, /# of 2026/)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(join(file, '..')), ['keys'])
  })

  it('is made by the first start alone, never over a store that holds keys', async () => {
    const dataDir = folder()
    const source = await sourceOf({ DATA_DIR: dataDir })
    await isRefused(
      ensureMaster(source, async () => true),
      /is missing, and the store holds keys/,
    )
    assert.deepEqual(readdirSync(dataDir), [])
    await ensureMaster(source, async () => false)
    assert.equal(statSync(join(dataDir, 'master.key')).mode & 0o777, 0o600)
    assert.equal(source.count(), 1)
  })
})

describe('MASTER_KEY', () => {
  it('may be a list, the first wraps; a bad entry is named by its place', async () => {
    const [a, b] = [key(), key()]
    assert.equal((await sourceOf({ MASTER_KEY: `${a},${b}` })).count(), 2)
    await isRefused(sourceOf({ MASTER_KEY: `${a},${b.slice(3)}` }), /MASTER_KEY: key 2: must be 32 bytes/, [a, b])
    await isRefused(sourceOf({ MASTER_KEY: `${a},` }), /key 2/, [a])
    await isRefused((await sourceOf({ MASTER_KEY: a })).addFirst(), /use a file/)
  })
})

interface Ended {
  readonly code: number
  readonly stderr: string
  readonly stdout: string
}

function start(env: Readonly<Record<string, string>>, args: readonly string[] = ['src/main.ts']): Promise<Ended> {
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      args.map((arg, n) => (n === 0 ? join(ROOT, arg) : arg)),
      { cwd: ROOT, env: { PATH: process.env.PATH ?? '', PORT: '0', ...env } },
      (error, stdout, stderr) => done({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
    )
    child.stdin?.end()
  })
}

/** Name, mode and hash of every file. */
function picture(dataDir: string): readonly string[] {
  return readdirSync(dataDir)
    .sort()
    .map((name) => {
      const file = join(dataDir, name)
      const bytes = statSync(file).isFile() ? readFileSync(file) : ''
      return `${name} ${statSync(file).mode} ${createHash('sha256').update(bytes).digest('hex')}`
    })
}

describe('a start with a master key that does not do', () => {
  let dataDir: string
  let whole: string
  before(async () => {
    dataDir = join(folder(), 'data')
    const made = await start({ DATA_DIR: dataDir }, ['src/cli/main.ts', 'client', 'list'])
    assert.equal(made.code, 0, made.stderr)
    whole = readFileSync(join(dataDir, 'master.key'), 'utf8')
  })

  async function fails(env: Readonly<Record<string, string>>, words: RegExp): Promise<void> {
    const before = picture(dataDir)
    const ended = await start({ DATA_DIR: dataDir, ...env })
    assert.equal(ended.code, 1, ended.stderr)
    assert.match(ended.stderr, words)
    const sentences = ended.stderr.trim().split('\n')
    assert.equal(sentences.length, 2, `one sentence after the title: ${ended.stderr}`)
    assert.deepEqual(picture(dataDir), before, 'every file is as it was')
  }

  it('wrong: one sentence, exit 1, every file as it was', async () => {
    await fails({ MASTER_KEY: key() }, /The master key does not open this store/)
  })

  it('missing: one sentence, exit 1, nothing made in its place', async () => {
    rmSync(join(dataDir, 'master.key'))
    await fails({}, /the master key file is missing, and the store holds keys/)
    assert.equal(existsSync(join(dataDir, 'master.key')), false)
  })

  it('cut: one sentence with its line, exit 1', async () => {
    writeFileSync(join(dataDir, 'master.key'), whole.slice(0, 20), { mode: 0o600 })
    await fails({}, /line 1: must be 32 bytes/)
    writeFileSync(join(dataDir, 'master.key'), '', { mode: 0o600 })
    await fails({}, /holds no key/)
  })

  it('put back: it starts', async () => {
    writeFileSync(join(dataDir, 'master.key'), whole, { mode: 0o600 })
    const ended = await start({ DATA_DIR: dataDir }, ['src/cli/main.ts', 'client', 'list'])
    assert.deepEqual([ended.code, ended.stderr], [0, ''])
  })
})
