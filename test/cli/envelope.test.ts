/** The envelope on the command line: beside a running server, and with none. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Process, startProcess } from '../support/process.ts'
import { OUTPUT } from '../support/world.ts'

const ROOT = resolve(import.meta.dirname, '../..')

interface Ran {
  readonly code: number
  readonly out: Readonly<Record<string, unknown>>
  readonly stderr: string
}

function mintmark(args: readonly string[], env: Readonly<Record<string, string>>, input = ''): Promise<Ran> {
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [join(ROOT, 'src/cli/main.ts'), ...args, '--json'],
      { cwd: ROOT, env: { PATH: process.env.PATH ?? '', ...env } },
      (error, stdout, stderr) => {
        const parsed: unknown = stdout ? JSON.parse(stdout) : {}
        const out = typeof parsed === 'object' && parsed !== null ? { ...parsed } : {}
        done({ code: error ? Number(error.code ?? 1) : 0, out, stderr })
      },
    )
    child.stdin?.end(input)
  })
}

const keysOf = (text: string): readonly string[] =>
  text.split('\n').filter((line) => line.trim() && !line.startsWith('#'))

describe('keys, beside a running server', () => {
  let server: Process
  let env: Readonly<Record<string, string>>
  let file: string
  before(async () => {
    server = await startProcess()
    env = { DATA_DIR: server.dataDir }
    file = join(server.dataDir, 'master.key')
  })
  after(() => server.stop())

  it('rewrap --generate gives the server a new master key and takes the old one away', async () => {
    const before = readFileSync(file, 'utf8')
    const dry = await mintmark(['keys', 'rewrap', '--generate', '--dry-run'], env)
    assert.equal(dry.code, 0, dry.stderr)
    assert.equal(readFileSync(file, 'utf8'), before)
    const done = await mintmark(['keys', 'rewrap', '--generate'], env)
    assert.equal(done.code, 0, done.stderr)
    assert.ok(Number(done.out.rewrapped) >= 7)
    assert.ok(Array.isArray(done.out.may_hold_old_wraps) && done.out.may_hold_old_wraps.length > 0)
    const after = readFileSync(file, 'utf8')
    assert.equal(keysOf(after).length, 1)
    assert.equal(after.includes(before.trim()), false)
    const wraps = ['', '-wal'].map((end) => readFileSync(join(server.dataDir, `mintmark.db${end}`)))
    assert.ok(wraps.every((bytes) => !bytes.includes(before.trim()) && !bytes.includes(after.trim())))
    assert.equal((await mintmark(['client', 'create', '--grant', 'client_credentials'], env)).code, 0)
    await server.stop()
    await server.start()
    assert.equal((await mintmark(['client', 'list'], env)).code, 0, 'it starts with the new key')
  })

  it('a rewrap by hand: the new line first, rewrap, the old line out', async () => {
    const old = readFileSync(file, 'utf8')
    const fresh = randomBytes(32).toString('base64')
    writeFileSync(file, `# 2027\n${fresh}\n# 2026\n${old}`)
    const done = await mintmark(['keys', 'rewrap'], env)
    assert.equal(done.code, 0, done.stderr)
    assert.match(String(done.out.next), /take the older keys out/)
    const status = await mintmark(['keys', 'status'], env)
    assert.equal(
      JSON.stringify(status.out.masters).includes(`"id":"${done.out.master}","keys":${done.out.keys},"wraps":true`),
      true,
    )
    writeFileSync(file, `${fresh}\n`)
    await server.stop()
    await server.start()
    writeFileSync(file, old)
    await server.stop()
    await assert.rejects(server.start(), /The master key does not open this store/)
    writeFileSync(file, `${fresh}\n`)
    await server.start()
  })

  it('killed between the new line and the rewrap, it starts, and a second --generate finishes the first', async () => {
    const old = readFileSync(file, 'utf8')
    const fresh = randomBytes(32).toString('base64')
    writeFileSync(file, `${fresh}\n${old}`)
    await server.kill()
    await server.start()
    const done = await mintmark(['keys', 'rewrap', '--generate'], env)
    assert.match(String(done.out.key_file), /held several keys already/)
    assert.deepEqual(keysOf(readFileSync(file, 'utf8')), [fresh])
  })

  it('renew starts, and status shows the background at work', async () => {
    const before = await mintmark(['keys', 'status'], env)
    assert.equal(before.out.renewal, null)
    assert.equal((await mintmark(['keys', 'renew', '--dry-run'], env)).out.started, false)
    assert.equal((await mintmark(['keys', 'renew'], env)).out.started, true)
    for (let n = 0; n < 100; n++) {
      const { renewal } = (await mintmark(['keys', 'status'], env)).out
      if (JSON.stringify(renewal).includes('"pass":1,"at":null')) break
      await new Promise((next) => setTimeout(next, 100))
    }
    const { out } = await mintmark(['keys', 'status'], env)
    assert.equal(out.epoch, 1)
    assert.match(JSON.stringify(out.renewal), /"pass":1,"at":null,"seen":\d+,"resealed":\d+/)
    assert.match(JSON.stringify(out.token_hash_versions), /"version":"2"/)
    assert.equal((await mintmark(['client', 'list'], env)).code, 0)
  })

  it('account erase shows what is left, and erases no one unknown', async () => {
    const made = ['account', 'create', '--login', 'grace']
    assert.equal((await mintmark(made, env, 'seven copper lanterns hum')).code, 0)
    const dry = await mintmark(['account', 'erase', 'grace', '--dry-run'], env)
    assert.equal(dry.out.erased, false)
    const done = await mintmark(['account', 'erase', 'grace'], env)
    assert.equal(done.out.erased, true)
    assert.match(JSON.stringify(done.out.left), /tombstone.*backups/)
    const again = await mintmark(['account', 'erase', 'grace'], env)
    assert.deepEqual([again.code, again.stderr], [1, 'There is no account with this name.\n'])
  })
})

describe('keys, with no server', () => {
  it('rewrap, renew and status open the store themselves; a key in MASTER_KEY is changed by hand', async () => {
    const dataDir = join(mkdtempSync(join(OUTPUT, 'stores', 'envelope-')), 'data')
    const [old, fresh] = [randomBytes(32).toString('base64'), randomBytes(32).toString('hex')]
    const run = (master: string, ...args: readonly string[]) =>
      mintmark(args, { DATA_DIR: dataDir, MASTER_KEY: master })
    assert.equal((await run(old, 'client', 'list')).code, 0)
    const refused = await run(old, 'keys', 'rewrap', '--generate')
    assert.deepEqual([refused.code, /not in a file/.test(refused.stderr)], [1, true])
    assert.equal((await run(`${fresh},${old}`, 'keys', 'rewrap')).code, 0)
    assert.equal((await run(fresh, 'keys', 'renew')).code, 0)
    assert.equal((await run(fresh, 'keys', 'status')).out.epoch, 1)
    const closed = await run(old, 'keys', 'status')
    assert.equal(closed.code, 1)
    assert.match(closed.stderr, /The master key does not open this store/)
  })
})
