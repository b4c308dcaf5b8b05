/** API tokens, inventory, organisations and policies on the command line. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { systemRandom as random, randomText, Unit } from '../../src/base/index.ts'
import { commands } from '../../src/cli/commands.ts'
import { runCommand } from '../../src/cli/control.ts'
import type { Desk } from '../../src/cli/desk.ts'
import { openRest, type RestWorld } from '../support/rest.ts'
import { CANARY, furnish, openWorld, type World } from '../support/world.ts'

const ROOT = resolve(import.meta.dirname, '../..')
type Row = Readonly<Record<string, unknown>>
const rowsOf = (value: unknown): readonly Row[] =>
  [value].flat().map((one: unknown) => (typeof one === 'object' && one !== null ? { ...one } : {}))
const rowOf = (value: unknown): Row => rowsOf(value)[0] ?? {}

describe('tokens on the command line', () => {
  let world: World
  let rest: RestWorld
  let sub: string
  before(async () => {
    world = await openWorld('sqlite')
    sub = (await furnish(world)).person.sub
    rest = await openRest('sqlite')
  })
  after(async () => {
    await rest.close()
    await world.close()
  })

  /** The app with what a command needs, the stand-ins behind it. */
  function appWith({ tokens, inventory, ...more }: Partial<Omit<Desk, 'accounts'>>): World['app'] {
    const { app } = world
    return {
      ...app,
      ...more,
      tokens: { ...app.tokens, ...tokens },
      inventory: { ...app.inventory, ...inventory },
    }
  }

  async function run(command: string, values: Row = {}, argument = ''): Promise<unknown> {
    const app = appWith({
      tokens: rest.doors.tokens,
      ...(rest.doors.inventory ? { inventory: rest.doors.inventory } : {}),
      ...(rest.doors.consumers ? { consumers: rest.doors.consumers } : {}),
      async operate(work) {
        const unit = new Unit({ store: rest.store, cid: randomText(random, 16), request: 'cli' })
        const done = await work(unit)
        await rest.store.commit(unit.writes('all'))
        return done
      },
      organisations: {
        create: async ({ name, title }) => ({ name, title, disabled: false, createdAt: 1 }),
        list: async () => [],
      },
      policies: { check: async () => [{ token: 'tok_1', policy: 'ci' }], simulate: async (file) => [{ file }] },
    })
    const said = await runCommand(app, { command, argument, input: '', values })
    if ('error' in said) throw new Error(said.error)
    return said.result
  }

  const nightly = {
    name: 'nightly',
    kind: 'service',
    owner: 'service:reports',
    api: ['urn:example:reports'],
    scope: ['read'],
    expires: '30d',
  }

  it('makes a token and prints its text once', async () => {
    const made = rowOf(await run('token create', nightly))
    assert.match(String(made.token), /^mm_svc_/)
    assert.deepEqual([made.owner, made.scopes, made.created_by], ['service:reports', ['read'], 'operator'])
    assert.equal(Number(made.expires_at) - Number(made.created_at), 30 * 86_400)
    const shown = rowOf(await run('token show', {}, String(made.id)))
    assert.deepEqual([shown.id, 'token' in shown], [made.id, false])
    assert.equal(
      JSON.stringify(await run('token list', { owner: 'service:reports' })).includes(String(made.token)),
      false,
    )
  })

  it('walks one through its life', async () => {
    const id = String(rowOf(await run('token create', { ...nightly, scope: ['read write'] })).id)
    const state = async (command: string, values: Row = {}) => rowOf(await run(command, values, id)).state
    assert.equal(await state('token quarantine', { why: 'odd' }), 'quarantined')
    assert.equal(await state('token release'), 'active')
    assert.deepEqual(rowOf(await run('token narrow', { scope: ['read'] }, id)).scopes, ['read'])
    assert.match(String(rowOf(await run('token rotate', { overlap: '1h' }, id)).token), /^mm_svc_/)
    assert.equal(await state('token show'), 'rotating')
    assert.equal(await state('token revoke', { why: 'done' }), 'revoked')
    assert.deepEqual(
      rowsOf(await run('token consumers', {}, id)).map(({ network }) => network),
      ['10.0.0.0/24'],
    )
  })

  it('takes a person by the name that he signs in with, and a foreign token by its hash', async () => {
    const own = rowOf(await run('token create', { ...nightly, kind: 'personal', owner: `account:${CANARY.login}` }))
    assert.equal(own.owner, `account:${sub}`)
    assert.equal('token' in rowOf(await run('token import', { ...nightly, sha256: 'AB'.repeat(32) })), false)
    await assert.rejects(run('token import', { ...nightly, sha256: 'secret' }), /--sha256: 64 hexadecimal digits/)
  })

  it('says what is wrong in the words of the options', async () => {
    await assert.rejects(run('token create', { ...nightly, expires: 'soon' }), /--expires: a time such as 30d/)
    await assert.rejects(run('token create', { ...nightly, owner: 'reports' }), /--owner: must be account:SUB/)
    await assert.rejects(run('token create', { ...nightly, scope: undefined }), /--scope/)
    await assert.rejects(run('token rotate', { overlap: '2h' }, 'tok_abc'), /--overlap/)
    await assert.rejects(run('token show', {}, 'tok_none'), /no such token/)
  })

  it('lists, counts and ends what the filters find', async () => {
    assert.deepEqual(await run('inventory list', { kind: ['session'], count: true }), { total: 15, complete: true })
    assert.equal(rowsOf(await run('inventory list', { owner: 'account:alice', limit: '7' })).length, 7)
    const filter = { kind: ['session'] }
    await assert.rejects(run('inventory revoke', filter), /confirmation code/)
    const dry = rowOf(await run('inventory revoke', { ...filter, 'dry-run': true }))
    assert.deepEqual([dry.count, dry.needs_confirm], [15, true])
    assert.equal(rowOf(await run('inventory revoke', { ...filter, confirm: dry.confirm })).revoked, 15)
    await assert.rejects(run('inventory list', { query: 'none' }), /--query: there is no saved query/)
    await assert.rejects(run('inventory list', { kind: ['cookie'] }), /--kind/)
  })

  it('knows organisations and policies', async () => {
    assert.deepEqual(await run('organisation create', { title: 'Acme' }, 'acme'), {
      name: 'acme',
      title: 'Acme',
      disabled: false,
      created_at: 1,
    })
    assert.deepEqual(await run('organisation list'), [])
    assert.deepEqual(await run('policy check'), [{ token: 'tok_1', policy: 'ci' }])
    assert.deepEqual(await run('policy simulate', { config: '/tmp/x.ts' }), [{ file: '/tmp/x.ts' }])
  })

  it('says so where the server does not offer it', async () => {
    for (const command of Object.keys(commands).filter((name) =>
      /^(token|inventory|organisation|policy) /.test(name),
    )) {
      const bare = appWith({
        tokens: undefined,
        operate: undefined,
        consumers: undefined,
        inventory: undefined,
        organisations: undefined,
        policies: undefined,
      } as never)
      const values = { ...nightly, sha256: 'ab'.repeat(32), config: 'x' }
      assert.deepEqual(
        await runCommand(bare, { command, argument: 'tok_x', input: '', values }),
        { error: 'This server does not offer that.' },
        command,
      )
    }
  })

  it('takes `mintmark inventory` for its list', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      join(ROOT, 'src/cli/main.ts'),
      'inventory',
      '--help',
    ])
    assert.match(stdout, /^mintmark inventory list/)
  })
})
