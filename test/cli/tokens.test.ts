/** API tokens, inventory, organisations and policies on the command line, over the real rooms, from the order to its verification. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { compactDecrypt, exportJWK, generateKeyPair } from 'jose'
import { runCommand } from '../../src/cli/control.ts'
import { proofOf, unwrapText } from '../../src/handover/index.ts'
import { post } from '../support/browser.ts'
import { CANARY, clientOrder, furnish, openWorld, STORES, type World } from '../support/world.ts'

const ROOT = resolve(import.meta.dirname, '../..')
type Row = Readonly<Record<string, unknown>>
const rowsOf = (value: unknown): readonly Row[] =>
  [value].flat().map((one: unknown) => (typeof one === 'object' && one !== null ? { ...one } : {}))
const rowOf = (value: unknown): Row => rowsOf(value)[0] ?? {}

for (const kind of STORES) {
  describe(`tokens on the command line on ${kind}`, () => {
    let world: World
    let sub: string
    let checker: string
    before(async () => {
      world = await openWorld(kind)
      sub = (await furnish(world)).person.sub
      const { app } = world
      await app.createApi({
        id: 'urn:example:reports',
        scopes: ['reports.read', 'reports.write'],
        accessToken: 'jwt',
        algorithm: 'ES256',
      })
      const scopes = ['reports.read', 'reports.write']
      await app.clients.create(clientOrder({ id: 'reports', grants: ['client_credentials'], scopes }))
      const made = await app.clients.create(
        clientOrder({ id: 'checker', grants: ['client_credentials'], introspect: ['urn:example:reports'] }),
      )
      checker = made.secret?.reveal() ?? ''
      world.keepSecret(checker)
    })
    after(() => world.close())

    async function run(command: string, values: Row = {}, argument = ''): Promise<unknown> {
      const said = await runCommand(world.app, { command, argument, input: '', values })
      if ('error' in said) throw new Error(said.error)
      for (const row of rowsOf(said.result)) if (typeof row.token === 'string') world.keepSecret(row.token)
      return said.result
    }

    /** What the API's own client hears of a token. */
    async function verified(token: unknown, asked: Readonly<Record<string, string>> = {}): Promise<Row> {
      const form = { token: String(token), resource: 'urn:example:reports', ...asked }
      return (await post(world, '/token/introspection', form, ['checker', checker])).body
    }

    const nightly = {
      name: 'nightly',
      kind: 'service',
      owner: 'service:reports',
      api: ['urn:example:reports'],
      scope: ['reports.read'],
      expires: '30d',
    }

    it('makes a token, prints its text once, and whoever serves the API verifies it', async () => {
      const made = rowOf(await run('token create', nightly))
      assert.match(String(made.token), /^mm_svc_/)
      assert.deepEqual([made.owner, made.scopes, made.created_by], ['service:reports', ['reports.read'], 'operator'])
      assert.equal(Number(made.expires_at) - Number(made.created_at), 30 * 86_400)
      const shown = rowOf(await run('token show', {}, String(made.id)))
      assert.deepEqual([shown.id, 'token' in shown], [made.id, false])
      const listed = JSON.stringify(await run('token list', { owner: 'service:reports' }))
      assert.ok(listed.includes(String(made.id)) && !listed.includes(String(made.token)))
      const answer = await verified(made.token, {
        scope: 'reports.read',
        ip: '10.1.2.3',
        method: 'GET',
        path: '/reports/7',
      })
      assert.deepEqual([answer.active, answer.reason, answer.scope], [true, 'VALID', 'reports.read'])
      assert.deepEqual((await verified(made.token, { scope: 'reports.write' })).reason, 'SCOPE_DENIED')
    })

    it('walks one through its life, and every verification follows', async () => {
      const made = rowOf(await run('token create', { ...nightly, scope: ['reports.read reports.write'] }))
      const id = String(made.id)
      const state = async (command: string, values: Row = {}) => rowOf(await run(command, values, id)).state
      // What was verified a moment ago may stand for a second.
      const reason = async (token = made.token) => {
        world.clock.forward(2)
        return (await verified(token)).reason
      }
      assert.equal(await reason(), 'VALID')
      assert.equal(await state('token quarantine', { why: 'odd' }), 'quarantined')
      assert.equal(await reason(), 'QUARANTINED')
      assert.equal(await state('token release'), 'active')
      assert.deepEqual(rowOf(await run('token narrow', { scope: ['reports.read'] }, id)).scopes, ['reports.read'])
      const next = rowOf(await run('token rotate', { overlap: '1h' }, id))
      assert.match(String(next.token), /^mm_svc_/)
      assert.equal(await state('token show'), 'rotating')
      assert.deepEqual([await reason(), await reason(next.token)], ['VALID', 'VALID'])
      await world.app.tokenUse.usage.flush()
      const consumers = rowOf(await run('token consumers', {}, id))
      assert.ok(rowsOf(consumers.items).length > 0, 'who still uses the old one')
      assert.ok(rowsOf(await run('token hours', {}, id)).length > 0)
      await assert.rejects(run('token consumers', {}, `${id}x`), /no API token/)
      assert.equal(rowOf(await run('token revoke', { why: 'done' }, String(next.id))).state, 'revoked')
      assert.deepEqual([await reason(), await reason(next.token)], ['REVOKED', 'REVOKED'])
    })

    it('hands a text over instead of showing it: behind an address that opens once, or sealed for a key', async () => {
      const made = rowOf(await run('token create', { ...nightly, wrap: '15m' }))
      const { address } = rowOf(made.wrapped)
      const url = new URL(String(address))
      const [id, key] = [url.pathname.split('/').at(-1) ?? '', url.hash.slice(1)]
      world.keepSecret(key)
      const open = (attempt: string) =>
        fetch(new URL(url.pathname, world.issuer), {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ proof: proofOf(key, id), attempt }),
        })
      const first = await open('AAAAAAAAAAAAAAAAAAAAAA')
      const text = unwrapText(key, id, String(rowOf(await first.json()).ciphertext))
      world.keepSecret(text)
      assert.equal((await verified(text)).reason, 'VALID')
      assert.equal((await open('BBBBBBBBBBBBBBBBBBBBBA')).status, 409)
      world.clock.forward(2)
      assert.deepEqual(['token' in made, (await verified(text)).reason], [false, 'REVOKED'])

      const { publicKey, privateKey } = await generateKeyPair('ECDH-ES+A256KW')
      const recipient = JSON.stringify(await exportJWK(publicKey))
      const sealed = rowOf(await run('token create', { ...nightly, recipient }))
      const { plaintext } = await compactDecrypt(String(sealed.sealed), privateKey)
      world.keepSecret(Buffer.from(plaintext).toString())
      assert.equal((await verified(Buffer.from(plaintext).toString())).reason, 'VALID')
      await assert.rejects(run('token create', { ...nightly, wrap: '1h' }), /900|15 minutes/)
      await assert.rejects(run('token create', { ...nightly, recipient: '{"kty":"RSA"}' }), /public JWK/)
    })

    it('takes a person by the name that he signs in with, and a foreign token by its hash', async () => {
      const own = rowOf(await run('token create', { ...nightly, kind: 'personal', owner: `account:${CANARY.login}` }))
      assert.equal(own.owner, `account:${sub}`)
      const theirs = async (owner: string) =>
        Number(rowOf(await run('inventory list', { owner, kind: ['api-token'], count: true })).total)
      assert.equal(await theirs(`account:${CANARY.login}`), await theirs(`account:${sub}`))
      assert.ok((await theirs(`account:${sub}`)) > 0)
      await assert.rejects(run('inventory list', { owner: 'account:nobody' }), /no account/i)
      assert.equal('token' in rowOf(await run('token import', { ...nightly, sha256: 'AB'.repeat(32) })), false)
      await assert.rejects(run('token import', { ...nightly, sha256: 'secret' }), /--sha256: 64 hexadecimal digits/)
    })

    it('says what is wrong in the words of the options', async () => {
      await assert.rejects(run('token create', { ...nightly, expires: 'soon' }), /--expires: a time with its unit/)
      await assert.rejects(run('token create', { ...nightly, expires: '30' }), /30s or 30d/)
      await assert.rejects(run('inventory list', { 'unused-since': 'soon' }), /--unused-since: /)
      await assert.rejects(run('token create', { ...nightly, owner: 'reports' }), /--owner: must be account:SUB/)
      await assert.rejects(run('token create', { ...nightly, scope: undefined }), /--scope/)
      await assert.rejects(run('token rotate', { overlap: '2h' }, 'tok_abc'), /--overlap/)
      await assert.rejects(run('token show', {}, 'tok_none'), /no API token with this id/)
    })

    it('lists, counts and ends what the filters find, in one list of every kind', async () => {
      const kinds = new Set(rowsOf(await run('inventory list', { limit: '200' })).map((row) => row.kind))
      for (const one of ['api-token', 'client-secret', 'signing-key']) assert.ok(kinds.has(one), one)
      const mine = { kind: ['api-token'], owner: 'service:reports' }
      const before = Number(rowOf(await run('inventory list', { ...mine, count: true })).total)
      assert.ok(before > 0)
      const dry = rowOf(await run('inventory revoke', { ...mine, 'dry-run': true }))
      assert.equal(dry.count, before)
      assert.equal(
        Number(rowOf(await run('inventory list', { ...mine, count: true })).total),
        before,
        'a dry run ends nothing',
      )
      const done = rowOf(await run('inventory revoke', { ...mine, confirm: dry.confirm }))
      assert.deepEqual([done.count, done.left_alone], [before, dry.left_alone])
      assert.equal(Number(rowOf(await run('inventory list', { ...mine, count: true })).total), 0)
      await assert.rejects(run('inventory list', { kind: ['cookie'] }), /--kind/)
    })

    it('knows organisations and policies', async () => {
      const made = rowOf(await run('organisation create', { title: 'Acme' }, 'acme'))
      assert.deepEqual([made.name, made.title, made.disabled], ['acme', 'Acme', false])
      assert.equal(rowsOf(await run('organisation list')).length, 1)
      assert.match(
        String(rowOf(await run('token create', { ...nightly, owner: 'organisation:acme' })).token),
        /^mm_svc_/,
      )
      assert.deepEqual(await run('policy check'), [])
    })

    it('stops the tokens of a disabled organisation at once, and lets them work again when it is enabled', async () => {
      await run('organisation create', {}, 'beta')
      const { token } = rowOf(await run('token create', { ...nightly, owner: 'organisation:beta' }))
      const reason = async () => (await verified(token)).reason
      assert.equal(await reason(), 'VALID')
      assert.equal(rowOf(await run('organisation disable', {}, 'beta')).disabled, true)
      assert.equal(await reason(), 'QUARANTINED', 'the clock stands still meanwhile')
      assert.ok(rowsOf(await run('organisation list')).some(({ name, disabled }) => name === 'beta' && disabled))
      await assert.rejects(run('token create', { ...nightly, owner: 'organisation:beta' }), /may not be used now/)
      assert.equal(rowOf(await run('organisation enable', {}, 'beta')).disabled, false)
      assert.equal(await reason(), 'VALID')
      await assert.rejects(run('organisation disable', {}, 'nobody'), /no organisation with this name/)
      const { relay, eventLog } = world.app
      await relay.drain()
      for (const type of ['organisation.disabled', 'organisation.enabled'] as const)
        assert.equal((await eventLog.latest({ type, last: 9 })).length, 1, type)
    })
  })
}

describe('the command line', () => {
  const said = async (...args: readonly string[]): Promise<string> =>
    (await promisify(execFile)(process.execPath, [join(ROOT, 'src/cli/main.ts'), ...args])).stdout

  it('takes `mintmark inventory` for its list', async () => {
    assert.match(await said('inventory', '--count', '--help'), /^mintmark inventory list/)
  })

  it('prints the commands of a word', async () => {
    for (const [word, command] of [
      ['token', 'token rotate'],
      ['policy', 'policy simulate'],
      ['inventory', 'inventory revoke'],
    ] as const) {
      const help = await said(word, '--help')
      assert.ok(help.includes(`  ${command} `) && !help.includes('client create'), word)
    }
    await assert.rejects(said('token'), /token rotate/)
  })
})
