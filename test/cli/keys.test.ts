/** `mintmark keys ...` as a person types it, and the starts that must fail in one sentence. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { skip } from '../../scripts/test/skip.ts'
import { freePort, startProcess } from '../support/process.ts'
import { createToken, type TestToken, whyNoToken } from '../support/softhsm.ts'
import { OUTPUT } from '../support/world.ts'

const ROOT = resolve(import.meta.dirname, '../..')

function run(entry: string, args: readonly string[], env: Readonly<Record<string, string>>) {
  const { PATH = '', HOME = '' } = process.env
  const done = spawnSync(process.execPath, [join(ROOT, entry), ...args], {
    cwd: ROOT,
    env: { PATH, HOME, LOG_LEVEL: 'silent', ...env },
    encoding: 'utf8',
    timeout: 30_000,
  })
  return { code: done.status, out: done.stdout, err: done.stderr }
}

/** Every file under a folder with what is in it. */
function contents(folder: string): Readonly<Record<string, string>> {
  const names = readdirSync(folder, { recursive: true }).map(String)
  return Object.fromEntries(
    names
      .filter((name) => statSync(join(folder, name)).isFile() && !/\.lock|-shm$/.test(name))
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(folder, name)))
          .digest('hex'),
      ]),
  )
}

describe('keys on the command line', () => {
  let dataDir: string
  const keys = (...args: readonly string[]) =>
    run('src/cli/main.ts', ['keys', ...args, '--json'], { DATA_DIR: dataDir })
  const list = (): readonly { kid: string; algorithm: string; state: string; next_step?: string }[] =>
    JSON.parse(keys('list').out)

  before(() => {
    dataDir = mkdtempSync(join(OUTPUT, 'stores', 'keys-'))
  })

  it('lists every key with what comes next for it, and no secret', () => {
    const listed = list()
    assert.deepEqual(
      listed.map(({ algorithm, state }) => `${algorithm} ${state}`),
      ['ES256 current', 'RS256 current', 'PS256 current', 'EdDSA current', 'cookie current'],
    )
    assert.ok(listed.every(({ next_step }) => next_step?.startsWith('stops signing about')))
    assert.ok(!/"d"|secret|priv/.test(keys('list').out))
  })

  it('says with --dry-run what it would do, and does nothing', () => {
    const before = list()
    for (const args of [
      ['rotate'],
      ['drill'],
      ['rotate', '--compromised'],
      ['rotate', '--alg', 'cookie', '--compromised'],
    ])
      assert.equal(keys(...args, '--dry-run').code, 0)
    assert.deepEqual(list(), before)
    const drill = JSON.parse(keys('drill', '--alg', 'ES256', '--dry-run').out)
    assert.equal(drill.done, false)
    assert.match(drill.verifiers_with_a_ten_minute_cache, /^Until \d{4}-\d\d-\d\dT/)
  })

  it('drops a key at once, and refuses what makes no sense', () => {
    const [before] = list()
    const done = JSON.parse(keys('rotate', '--compromised', '--alg', 'ES256').out)
    assert.deepEqual([done.done, done.dropped[0].kid], [true, before?.kid])
    assert.notEqual(list()[0]?.kid, before?.kid)
    const gone = JSON.parse(keys('list', '--destroyed').out).find(({ kid }: { kid: string }) => kid === before?.kid)
    assert.deepEqual([gone.state, gone.why], ['destroyed', 'compromised'])
    for (const [args, sentence] of [
      [['retire', list()[0]?.kid ?? ''], /Only a key that has stopped signing/],
      [['destroy', list()[0]?.kid ?? ''], /Only a retired or a next key/],
      [['destroy', 'nonsense'], /no key with this id/],
      [['rotate', '--alg', 'HS256'], /No key of the ring/],
    ] as const) {
      const refused = keys(...args)
      assert.equal(refused.code, 1)
      assert.match(refused.err, sentence)
    }
  })
})

describe('a start without its hardware', () => {
  let token: TestToken
  let dataDir: string
  let pinFile: string
  let env: Readonly<Record<string, string>>
  before(async function () {
    const why = whyNoToken()
    if (why) return skip(this, why)
    token = createToken({ label: 'mintmark' })
    dataDir = mkdtempSync(join(OUTPUT, 'stores', 'hsm-'))
    pinFile = join(mkdtempSync(join(OUTPUT, 'pin-')), 'pin')
    writeFileSync(pinFile, `${token.pin}\n`, { mode: 0o600 })
    env = {
      SIGNER: 'pkcs11',
      PKCS11_MODULE: token.settings.modulePath,
      PKCS11_TOKEN: 'mintmark',
      PKCS11_PIN_FILE: pinFile,
      SOFTHSM2_CONF: String(token.settings.env.SOFTHSM2_CONF),
      PORT: String(await freePort()),
      DATA_DIR: dataDir,
    }
    const first = run('src/cli/main.ts', ['keys', 'list', '--json'], env)
    assert.equal(first.code, 0, first.err)
    const signers = JSON.parse(first.out).map(({ signer }: { signer: string }) => signer)
    assert.ok(signers.includes('pkcs11') && !signers.includes('software'))
  })
  after(() => token?.remove())

  const refused = (change: Readonly<Record<string, string>>, sentence: RegExp): void => {
    const before = contents(dataDir)
    const { code, err, out } = run('src/main.ts', [], { ...env, ...change })
    assert.equal(code, 1, out + err)
    assert.match(err, sentence)
    assert.ok(err.trim().split('\n').length <= 3, 'a sentence, no stack')
    assert.ok(!err.includes(token.pin) && !out.includes(token.pin))
    assert.deepEqual(contents(dataDir), before, 'nothing was written')
  }

  it('says that the PIN is wrong, and tries it once', () => {
    const wrong = join(mkdtempSync(join(OUTPUT, 'pin-')), 'pin')
    writeFileSync(wrong, 'no such pin\n', { mode: 0o600 })
    refused({ PKCS11_PIN_FILE: wrong }, /PIN/)
  })

  it('says that the module is not there', () => refused({ PKCS11_MODULE: '/nowhere/module.so' }, /module/))

  it('says that there is no such token', () => refused({ PKCS11_TOKEN: 'another' }, /another/))

  it('says which setting is missing, and that others may read the PIN', () => {
    refused({ PKCS11_TOKEN: '' }, /set all three or none/)
    const open = join(mkdtempSync(join(OUTPUT, 'pin-')), 'pin')
    writeFileSync(open, token.pin, { mode: 0o644 })
    refused({ PKCS11_PIN_FILE: open }, /others may read the PIN/)
  })

  it('says which signer made the keys, when it is not configured any more', () => {
    const without = { SIGNER: '', PKCS11_MODULE: '', PKCS11_TOKEN: '', PKCS11_PIN_FILE: '' }
    const { code, err } = run('src/main.ts', [], { ...env, ...without })
    assert.equal(code, 1)
    assert.match(err, /was made by the signer "pkcs11"/)
  })

  it('keeps even the master key in the token, once it was made there', () => {
    const dir = mkdtempSync(join(OUTPUT, 'stores', 'hsm-master-'))
    const inToken = { ...env, DATA_DIR: dir, MASTER_KEY: 'pkcs11:mintmark' }
    const missing = run('src/main.ts', [], inToken)
    assert.equal(missing.code, 1)
    assert.match(missing.err, /keys make-master mintmark/)
    assert.equal(run('src/cli/main.ts', ['keys', 'make-master', 'mintmark'], env).code, 0)
    assert.match(run('src/cli/main.ts', ['keys', 'make-master', 'mintmark'], env).err, /already holds/)
    assert.equal(run('src/cli/main.ts', ['keys', 'list'], inToken).code, 0)
    assert.deepEqual(
      readdirSync(dir).filter((name) => name.includes('key')),
      [],
      'no key file',
    )
    const other = run('src/main.ts', [], { ...env, DATA_DIR: dir, MASTER_KEY: Buffer.alloc(32, 1).toString('base64') })
    assert.match(other.err, /master key does not open this store/)
  })

  it('starts with everything in its place', async () => {
    const { PORT: _port, ...rest } = env
    const server = await startProcess({ env: rest })
    assert.equal((await fetch(new URL('/readyz', server.issuer))).status, 200)
    assert.equal(await server.stop(), 0)
  })
})
