/** Reading the configuration afresh: what a file says now, whatever it does, and nothing left behind. */

import assert from 'node:assert/strict'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { carryOver } from '../../src/config/fresh.ts'
import { packed } from '../../src/config/fresh-worker.ts'
import {
  type Configuration,
  difference,
  loadConfiguration,
  parseConfiguration,
  readFresh,
  recipeOf,
} from '../../src/config/index.ts'
import { createSoftwareSigners } from '../../src/keys/index.ts'
import { policyOf } from '../../src/rotation/index.ts'
import { factsFor } from '../rotation/facts.ts'
import { closeAll, config, folderOf, read, uid } from './reading.ts'

const MINTMARK = JSON.stringify(resolve(import.meta.dirname, '../../src/index.ts'))
const SECRET = 'a secret of sixteen and more'
const never = new AbortController().signal

describe('a configuration that is read afresh', () => {
  afterEach(closeAll)

  it('says what the file says now, and what the files say that it imports', async () => {
    const path = folderOf({
      'mintmark.config.ts': "import { name } from './name.ts'\nexport default { branding: { name } }",
      'name.ts': "export const name: string = 'One'",
    })
    const named = async () => (await read(path)).configuration.branding.name
    assert.equal((await loadConfiguration(path, { optional: false, uid })).branding.name, 'One')
    assert.equal(await named(), 'One')
    writeFileSync(join(path, '../name.ts'), "export const name: string = 'Two'")
    assert.equal(await named(), 'Two')
    writeFileSync(path, "export default { branding: { name: 'Three' } }")
    assert.equal(await named(), 'Three')
    assert.equal((await loadConfiguration(path, { optional: false, uid })).branding.name, 'One', 'imported once')
  })

  it('is the same as one that is imported, with names and versions of its policies', async () => {
    const path = config(`
      import { defineConfig, idle, quietHours, stagedRollout, always, webhook, type RotationPolicy } from ${MINTMARK}
      const byName: RotationPolicy = () => ({ do: 'keep' })
      export default defineConfig({
        clients: [{ client_id: 'a', client_secret: 'x', grace_seconds: 3, jwks: { keys: [{ kty: 'EC' }] } }],
        apis: [{ id: 'urn:x', scopes: { read: 'Read' } }],
        lifetimes: { graceSeconds: 3 },
        rotation: [
          idle('7d'),
          { policy: quietHours({ from: '22:00', to: '06:00' }, stagedRollout(0.5, always())), labels: ['x'], kinds: ['api_token'] },
          webhook('https://risk.example/decide', '${SECRET}'),
          byName,
          () => ({ do: 'keep' as const }),
          { policy: quietHours({ from: '22:00', to: '06:00' }, byName), name: 'calm', shadow: true },
          Object.assign(() => ({ do: 'keep' as const }), { policyName: 'own', policyVersion: '7' }),
        ],
      })`)
    const imported = await loadConfiguration(path, { optional: false, uid })
    const { configuration, restart } = await read(path)
    const plain = ({ rotation, ...rest }: Configuration) => ({
      ...rest,
      rotation: rotation.map(({ policy, ...rule }) => [
        rule,
        policy.policyName,
        policy.name === '' ? '' : 'named',
        recipeOf(policy),
      ]),
    })
    assert.deepEqual(plain(configuration), plain({ ...imported }))
    assert.deepEqual(restart, [])
    const builtIns = (c: Configuration): Configuration => ({ ...c, rotation: c.rotation.slice(0, 3) })
    assert.deepEqual(difference(builtIns(imported), builtIns(configuration)), {
      swapped: [],
      clients: false,
      restart: [],
    })
  })

  it('decides by built-ins at once, in this thread', async () => {
    const { configuration } = await read(
      config(`import { maxRotations } from ${MINTMARK}\nexport default { rotation: [maxRotations(3)] }`),
    )
    const said = configuration.rotation[0]?.policy(factsFor(), never)
    assert.deepEqual(said, { do: 'revoke', why: 'rotated 3 times' })
  })
})

describe('a file that can not be used', () => {
  afterEach(closeAll)

  it('is refused in words', async () => {
    for (const [text, words] of [
      [
        'export default { lifetimes: { graceSecond: 1 } }',
        'lifetimes.graceSecond: unknown key; did you mean graceSeconds?',
      ],
      ['export default { client: [] }', 'client: unknown key; did you mean clients?'],
      ['export default { branding: { name: () => 1 } }', /branding.name: .*expected string/],
      ['export default { rotation: { policy: () => 1 } }', /rotation: /],
      ['export default () => ({})', /expected object/],
      ['export default (async () => ({}))()', /not a promise/],
      ['export default {', /can't be loaded/],
      ['export const x = 1', /as default/],
      ["import './none.ts'\nexport default {}", /can't be loaded: .*none\.ts/],
      ["throw new Error('boom')", /can't be loaded: boom/],
      ['throw null', /can't be loaded: null/],
      ['process.exit(0)', /ended before it was read/],
      ['await new Promise(() => {})\nexport default {}', /ended before it was read/],
      ['setInterval(() => {}, 50)\nawait new Promise(() => {})\nexport default {}', /not read within 0.5 seconds/],
      ['for (;;);', /not read within 0.5 seconds/],
      ['const a = { b: {} }\na.b = a\nexport default { branding: a }', /holds what can't be copied/],
      ["export default { branding: { name: Symbol('x') } }", /holds what can't be copied/],
      ['export default JSON.parse(\'{"__proto__": 1}\')', /__proto__: unknown key/],
      [
        `import { idle } from ${MINTMARK}\nconst odd = idle('7d')\nexport default { rotation: [Object.defineProperty(() => 1, Symbol.for('mintmark.policy.recipe'), { value: () => ({ builtIn: 'tomorrow', with: ['${SECRET}'] }) })] }`,
        "the policy tomorrow can't be made: there is no built-in policy tomorrow",
      ],
    ] as const)
      await assert.rejects(
        read(config(text), { limitMs: String(words).includes('0.5') ? 500 : 10_000 }),
        (cause: Error) => {
          assert.equal(cause.name, 'BadConfiguration', text)
          if (typeof words === 'string') assert.ok(cause.message.includes(words), `${text}: ${cause.message}`)
          else assert.match(cause.message, words, text)
          return !cause.message.includes(SECRET)
        },
      )
  })

  it("is not even read when it is another's, or others may write it, or it is gone", async () => {
    const path = config('export default {}')
    await assert.rejects(readFresh(path, { uid: 12345, revive: policyOf }), /another user/)
    chmodSync(path, 0o666)
    await assert.rejects(read(path), /others may write it/)
    rmSync(path)
    await assert.rejects(read(path), { name: 'BadConfiguration', message: /no such file/ })
  })
})

describe('what a thread leaves behind', () => {
  it('is nothing: after a hundred reads, good and bad, no worker is left', async function () {
    this.timeout(120_000)
    const good = config("export default { branding: { name: 'Acme' } }")
    const own = config("export default { rotation: [() => ({ do: 'keep' })] }")
    const bad = config('export default { x: 1 }')
    const alive = new Set<Worker>()
    const count = (worker: Worker): void => {
      alive.add(worker)
      worker.once('exit', () => alive.delete(worker))
    }
    process.on('worker', count)
    let most = 0
    for (let n = 0; n < 34; n++) {
      await readFresh(good, { uid, revive: policyOf })
      const fresh = await readFresh(own, { uid, revive: policyOf })
      assert.deepEqual(await fresh.configuration.rotation[0]?.policy(factsFor(), never), { do: 'keep' })
      most = Math.max(most, alive.size)
      await fresh.close()
      await assert.rejects(readFresh(bad, { uid, revive: policyOf }))
    }
    process.off('worker', count)
    assert.deepEqual([most, alive.size], [1, 0], 'the one with an own function lives until it is closed')
  })
})

describe('objects with methods', () => {
  it('stay where they are; plain data in their place cross', () => {
    class Hardware {
      make() {}
    }
    const paths = (signers: unknown) => packed({ keys: { signers, overlap: 1 } })
    for (const signers of [new Hardware(), { make() {} }, { inner: { make() {} } }, () => 1]) {
      const { raw, marks } = paths(signers)
      assert.deepEqual(
        [raw, marks],
        [{ keys: { signers: undefined, overlap: 1 } }, [{ path: ['keys', 'signers'], is: 'opaque' }]],
      )
    }
    assert.deepEqual(paths({ module: '/usr/lib/p11.so' }), {
      raw: { keys: { signers: { module: '/usr/lib/p11.so' }, overlap: 1 } },
      marks: [],
      own: [],
    })
  })

  it("are the running configuration's, and need a restart where it has none", () => {
    const signers = createSoftwareSigners()
    const running: Configuration = parseConfiguration({ keys: { signers } })
    const paths = [['keys', 'signers']]
    assert.deepEqual(carryOver({ keys: { overlap: 1 } }, { previous: running, paths }), {
      raw: { keys: { overlap: 1, signers } },
      missing: [],
    })
    const without = carryOver({ keys: { overlap: 1 } }, { previous: parseConfiguration({}), paths })
    assert.deepEqual(without.missing, ['keys.signers'])
    assert.deepEqual(JSON.parse(JSON.stringify(without.raw)), { keys: { overlap: 1 } })
    assert.deepEqual(carryOver({}, { previous: undefined, paths: [] }), { raw: {}, missing: [] })
  })
})
