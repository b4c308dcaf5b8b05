/** The CLI as people use it: beside a running server, with none, and wrongly. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Browser, codeFor, redeem, refresh, text } from '../support/browser.ts'
import { type Process, startProcess } from '../support/process.ts'
import { CANARY, OUTPUT } from '../support/world.ts'

const ROOT = resolve(import.meta.dirname, '../..')

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function mintmark(args: readonly string[], env: Readonly<Record<string, string>>, input = ''): Promise<Ran> {
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [join(ROOT, 'src/cli/main.ts'), ...args],
      { cwd: ROOT, env: { PATH: process.env.PATH ?? '', ...env } },
      (error, stdout, stderr) => {
        done({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr })
      },
    )
    child.stdin?.end(input)
  })
}

function json(ran: Ran): Readonly<Record<string, unknown>> {
  assert.equal(ran.code, 0, ran.stderr)
  const parsed: unknown = JSON.parse(ran.stdout)
  return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {}
}

describe('the command line', () => {
  it('opens the store itself when no server runs, in a folder that only its owner may enter', async () => {
    const dataDir = join(mkdtempSync(join(OUTPUT, 'stores', 'cli-')), 'data')
    const made = json(
      await mintmark(
        ['client', 'create', '--id', 'reports', '--grant', 'client_credentials', '--scope', 'read', '--json'],
        { DATA_DIR: dataDir },
      ),
    )
    assert.equal(made.client_id, 'reports')
    assert.match(String(made.client_secret), /^mm_cs_01[0-9A-Za-z]{34}$/)
    assert.equal(statSync(dataDir).mode & 0o777, 0o700)
    assert.equal(statSync(join(dataDir, 'master.key')).mode & 0o777, 0o600)
    const shown = await mintmark(['client', 'show', 'reports', '--json'], { DATA_DIR: dataDir })
    assert.equal('client_secret' in json(shown), false)
    assert.equal(shown.stdout.includes(String(made.client_secret)), false)
  })

  describe('beside a running server', () => {
    let server: Process
    let env: Readonly<Record<string, string>>
    before(async () => {
      server = await startProcess()
      env = { DATA_DIR: server.dataDir }
    })
    after(() => server.stop())

    it('creates an API and a client that gets a token for it and may introspect it', async () => {
      await mintmark(['api', 'create', '--id', 'urn:example:reports', '--scope', 'read', '--json'], env)
      const client = json(
        await mintmark(
          [
            'client',
            'create',
            '--id',
            'reports',
            '--grant',
            'client_credentials',
            '--scope',
            'read',
            '--introspect',
            'urn:example:reports',
            '--json',
          ],
          env,
        ),
      )
      const authorization = `Basic ${Buffer.from(`reports:${client.client_secret}`).toString('base64')}`
      const post = async (path: string, form: Readonly<Record<string, string>>) => {
        const answer = await fetch(new URL(path, server.issuer), {
          method: 'POST',
          headers: { authorization },
          body: new URLSearchParams(form),
        })
        const body: Readonly<Record<string, unknown>> = JSON.parse(await answer.text())
        return { status: answer.status, body }
      }
      const token = await post('/token', { grant_type: 'client_credentials', scope: 'read' })
      assert.equal(token.status, 200)
      const { body } = await post('/token/introspection', { token: String(token.body.access_token) })
      assert.deepEqual([body.active, body.aud, body.scope], [true, 'urn:example:reports', 'read'])
      await mintmark(['client', 'disable', 'reports'], env)
      assert.equal((await post('/token', { grant_type: 'client_credentials' })).body.error, 'invalid_client')
      await mintmark(['client', 'enable', 'reports'], env)
      const turned = json(await mintmark(['client', 'rotate-secret', 'reports', '--json'], env))
      assert.notEqual(turned.client_secret, client.client_secret)
      assert.equal((await post('/token', { grant_type: 'client_credentials' })).body.error, 'invalid_client')
      assert.equal((await mintmark(['client', 'remove', 'reports'], env)).code, 0)
      assert.equal((await mintmark(['client', 'show', 'reports'], env)).stderr, 'There is no client with this id.\n')
    })

    it('prints what was decided, replays it through a policy, and deals with families and secrets', async () => {
      const REDIRECT = 'http://localhost:9/callback'
      const made = ['client', 'create', '--id', 'web', '--grant', 'authorization_code', '--grant', 'refresh_token']
      const more = [
        '--scope',
        'openid offline_access',
        '--redirect-uri',
        REDIRECT,
        '--grace',
        '20s',
        '--label',
        'shop',
        '--json',
      ]
      const client = json(await mintmark([...made, ...more], env))
      assert.deepEqual([client.grace_seconds, client.label], [20, 'shop'])
      await mintmark(['account', 'create', '--login', CANARY.login], env, CANARY.password)
      const secret = String(client.client_secret)
      const asked = { scope: 'openid offline_access' }
      let token = text(await redeem(server, secret, await codeFor(server, new Browser(server), asked)), 'refresh_token')
      for (let n = 0; n < 3; n++) token = text(await refresh(server, secret, token), 'refresh_token')
      const log = await mintmark(['rotation', 'log', '--last', '10'], env)
      assert.equal(log.stdout.trim().split('\n').length, 3)
      const folder = mkdtempSync(join(OUTPUT, 'simulate-'))
      const [traffic, policy] = [join(folder, 'log.jsonl'), join(folder, 'policy.ts')]
      writeFileSync(traffic, log.stdout)
      writeFileSync(
        policy,
        "export default (facts: { credential: { rotations: number } }) => ({ do: facts.credential.rotations > 1 ? 'revoke' : 'rotate', why: 'twice is enough' })\n",
      )
      const simulated = json(
        await mintmark(['rotation', 'simulate', '--policy', policy, '--traffic', traffic, '--json'], {}),
      )
      assert.deepEqual([simulated.events, simulated.changed, simulated.signedOut], [3, 1, 1])
      const example = join(ROOT, 'examples/policy.ts')
      const documented = json(
        await mintmark(['rotation', 'simulate', '--policy', example, '--traffic', traffic, '--json'], {}),
      )
      assert.deepEqual([documented.events, documented.changed], [3, 0])
      const bad = await mintmark(['rotation', 'simulate', '--policy', policy, '--traffic', policy], {})
      assert.match(bad.stderr, /line 1: not JSON/)
      const families: unknown = JSON.parse(
        (await mintmark(['family', 'list', '--client', 'web', '--json'], env)).stdout,
      )
      const id = Array.isArray(families) ? String(families[0].id) : ''
      assert.equal((await mintmark(['family', 'release', id], env)).stderr, 'This family is not held.\n')
      assert.equal((await mintmark(['family', 'revoke', id], env)).code, 0)
      assert.equal((await refresh(server, secret, token)).body.error, 'invalid_grant')
      await mintmark(['client', 'rotate-secret', 'web', '--overlap', '24h'], env)
      const secrets = json(await mintmark(['client', 'show', 'web', '--json'], env)).secrets
      assert.ok(Array.isArray(secrets) && secrets.length === 2 && secrets[0].last_used_at > 0)
      assert.equal((await mintmark(['client', 'end-secret', 'web'], env)).code, 0)
      assert.equal((await mintmark(['rotation', 'policies'], env)).stdout, 'none\n')
    }).timeout(60_000)

    it('takes a password by standard input only, and refuses a weak one in words', async () => {
      assert.equal(
        json(await mintmark(['account', 'create', '--login', 'ada', '--json'], env, 'nine quiet lanterns walking\n'))
          .name,
        'ada',
      )
      const weak = await mintmark(['account', 'create', '--login', 'bob'], env, 'passwordpassword\n')
      assert.deepEqual(
        [weak.code, weak.stderr],
        [1, 'This password is one of those that everybody tries; take other words.\n'],
      )
      assert.equal(
        (await mintmark(['account', 'create', '--login', 'ada'], env, 'nine quiet lanterns walking')).stderr,
        'There is an account with this name already.\n',
      )
      assert.equal(json(await mintmark(['account', 'disable', 'ada', '--json'], env)).disabled, true)
    })
  })

  it("helps: an overview, each command's options, and the nearest word for a wrong one", async () => {
    assert.match((await mintmark([], {})).stdout, /client create/)
    assert.match((await mintmark(['client', 'create', '--help'], {})).stdout, /--redirect-uri/)
    const wrong = await mintmark(['clinet', 'create'], {})
    assert.equal(wrong.code, 1)
    assert.match(wrong.stderr, /did you mean client create/)
    const unknown = await mintmark(['client', 'create', '--gran', 'x'], {})
    assert.match(unknown.stderr, /--gran/)
  })

  it("says in one line why it can't start: port, database, issuer, key", async () => {
    const dataDir = mkdtempSync(join(OUTPUT, 'stores', 'bad-'))
    for (const [env, words] of [
      [{ PORT: 'eighty' }, /PORT/],
      [{ DATABASE_URL: 'postgres://mint:hush-hush@host/x' }, /sqlite: or mongodb/],
      [{ ISSUER: 'http://example.com' }, /https outside loopback/],
      [{ MASTER_KEY: 'short' }, /MASTER_KEY/],
      [{ HOST: '0.0.0.0' }, /must not lie in DATA_DIR/],
      [{ CONFIG: 'nowhere.ts' }, /no such file/],
      [{ DATABASE_URL: 'mongodb://mint:hush-hush@127.0.0.1:1/x' }, /MongoDB can't be reached/],
    ] as const) {
      const ran = await mintmark(['serve'], { DATA_DIR: join(dataDir, words.source.replace(/\W/g, '')), ...env })
      assert.equal(ran.code, 1)
      assert.match(ran.stderr, words)
      assert.doesNotMatch(ran.stderr, /\n\s+at |hush/)
    }
  }).timeout(60_000)
})
