/** Settings: clear words for what is wrong, and no foreign code. */

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { environment, loadConfiguration, parseConfiguration, parseEnvironment } from '../../src/config/index.ts'
import { OUTPUT } from '../support/world.ts'

describe('the configuration module', () => {
  it('names the nearest known key for an unknown one, at every level', () => {
    for (const [value, words] of [
      [{ client: [] }, 'client: unknown key; did you mean clients?'],
      [{ lifetimes: { graceSecond: 1 } }, 'lifetimes.graceSecond: unknown key; did you mean graceSeconds?'],
      [{ apis: [{ id: 'urn:x', scope: [] }] }, 'apis.0.scope: unknown key; did you mean scopes?'],
      [{ features: { deviceflow: true } }, 'features.deviceflow: unknown key; did you mean deviceFlow?'],
    ] as const)
      assert.throws(() => parseConfiguration(value), { name: 'BadConfiguration', message: words })
  })

  it('refuses values of the wrong kind in words, and keys that are no keys', () => {
    for (const value of [
      null,
      7,
      'x',
      [],
      { lifetimes: { graceSeconds: 61 } },
      { lifetimes: { sessionSeconds: '1' } },
      { apis: [{ id: 'not a uri' }] },
      { rotation: 'keep' },
      JSON.parse('{"__proto__": 1}'),
      { clients: [{}] },
    ]) {
      assert.throws(() => parseConfiguration(value), { name: 'BadConfiguration' }, JSON.stringify(value))
    }
  })

  it('knows what a limit is, and that what a policy names is there', () => {
    const rates = { burst: { points: 3, seconds: 10 }, monthly: { points: 1000, each: 'month', per: 'owner' } }
    const of = (policy: object, more: object = {}) =>
      parseConfiguration({ tokens: { rates: { ...rates, ...more }, policies: [{ name: 'all', ...policy }] } })
    assert.deepEqual(of({ rates: ['monthly'] }).tokens.policies[0]?.rates, ['monthly'])
    assert.throws(() => of({ rates: ['monthy'] }), /there is no rate monthy in tokens.rates; did you mean monthly\?/)
    assert.throws(() => of({ rates: ['toString'] }), /there is no rate toString/)
    for (const window of [{}, { seconds: 10, each: 'day' }, { each: 'year' }, { seconds: 0 }])
      assert.throws(() => of({}, { bad: { points: 1, ...window } }), { name: 'BadConfiguration' })
  })

  it("is loaded from a file of one's own that nobody else may write", async () => {
    const folder = mkdtempSync(join(OUTPUT, 'config-'))
    const file = join(folder, 'mintmark.config.ts')
    writeFileSync(file, 'export default { branding: { name: "Acme" as string } }')
    const uid = process.getuid?.()
    assert.equal((await loadConfiguration(file, { optional: false, uid })).branding.name, 'Acme')
    chmodSync(file, 0o666)
    await assert.rejects(loadConfiguration(file, { optional: false, uid }), /others may write it/)
    chmodSync(file, 0o644)
    await assert.rejects(loadConfiguration(file, { optional: false, uid: 12345 }), /another user/)
    await assert.rejects(loadConfiguration(join(folder, 'none.ts'), { optional: false, uid }), /no such file/)
    assert.equal((await loadConfiguration(join(folder, 'none.ts'), { optional: true, uid })).branding.name, 'Mintmark')
    const broken = join(folder, 'broken.ts')
    writeFileSync(broken, 'export default {')
    await assert.rejects(loadConfiguration(broken, { optional: false, uid }), { name: 'BadConfiguration' })
    writeFileSync(join(folder, 'bare.ts'), 'export const x = 1')
    await assert.rejects(loadConfiguration(join(folder, 'bare.ts'), { optional: false, uid }), /as default/)
  })
})

describe('the environment', () => {
  it('has a default for everything, and a line in the reference for each', () => {
    const env = parseEnvironment({})
    assert.deepEqual([env.PORT, env.HOST, env.DATA_DIR, env.LOG_LEVEL], [3000, '127.0.0.1', 'data', 'info'])
    assert.deepEqual(
      Object.keys(env).filter((name) => !environment.some((entry) => entry.name === name)),
      [],
    )
  })

  it("refuses what can't be meant, by name, and never repeats a password", () => {
    for (const [name, value] of [
      ['PORT', '70000'],
      ['PORT', 'x'],
      ['HOST', 'a b'],
      ['ISSUER', 'ftp://x'],
      ['ISSUER', 'https://x/?a'],
      ['ISSUER', 'https://u:hush@x'],
      ['DATABASE_URL', 'postgres://u:hush@x/y'],
      ['DATABASE_URL', 'sqlite:'],
      ['TRUST_PROXY', 'perhaps'],
      ['LOG_LEVEL', 'loud'],
    ] as const) {
      assert.throws(
        () => parseEnvironment({ [name]: value }),
        (cause) => cause instanceof Error && cause.message.startsWith(`${name}:`) && !cause.message.includes('hush'),
        name,
      )
    }
    assert.throws(() => parseEnvironment({ MASTER_KEY: 'a', MASTER_KEY_FILE: 'b' }), /set one of the two/)
  })
})
