/** Several processes behind one port: one server to whoever asks, whatever becomes of any of them. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Browser, codeFor, post, redeem, refresh, text } from '../support/browser.ts'
import { type Connection, connection } from '../support/connection.ts'
import { freshMongoUri } from '../support/mongo.ts'
import { freePort, type Process, startProcess } from '../support/process.ts'
import { CANARY, OUTPUT, REDIRECT, STORES, type StoreKind } from '../support/world.ts'

const API = 'urn:test:jwt'
const GRANT = { grant_type: 'client_credentials' }

async function start(kind: StoreKind, env: Readonly<Record<string, string>> = {}): Promise<Process> {
  const store = kind === 'mongodb' ? { DATABASE_URL: await freshMongoUri() } : {}
  return startProcess({ env: { WORKERS: '2', ...store, ...env } })
}

/** Makes a client; gives its secret. */
async function furnished(server: Process): Promise<string> {
  await server.command('account create', { login: CANARY.login, email: CANARY.email }, CANARY.password)
  await server.command('api create', { id: API, scope: ['read'], format: 'jwt' })
  const client = await server.command('client create', {
    id: 'web',
    grant: ['authorization_code', 'refresh_token', 'client_credentials'],
    scope: ['openid profile offline_access read'],
    'redirect-uri': [REDIRECT],
  })
  const secret = String(client.client_secret)
  server.keepSecret(secret)
  return secret
}

/** Connections to two different workers: the primary hands them out in turn. */
async function toBoth(server: Process, secret: string): Promise<readonly [Connection, Connection]> {
  const both = [connection(server), connection(server)] as const
  for (const one of both) assert.equal((await one.post('/token', GRANT, ['web', secret])).status, 200)
  assert.notEqual(await both[0].worker(), await both[1].worker())
  return both
}

const isActive = async (one: Connection, secret: string, token: string): Promise<boolean> =>
  (await one.post('/token/introspection', { token }, ['web', secret])).body.active === true

for (const kind of STORES) {
  describe(`two workers on ${kind}`, () => {
    let server: Process
    let secret: string
    let both: readonly [Connection, Connection]
    before(async () => {
      server = await start(kind)
      secret = await furnished(server)
      both = await toBoth(server, secret)
    })
    after(async () => {
      for (const one of both) one.close()
      await server.kill()
    })

    it('know a token at once that the other has issued, and at once that the other has ended it', async () => {
      for (let n = 0; n < 20; n++) {
        const [mine, other] = n % 2 ? both : [both[1], both[0]]
        const token = text(await mine.post('/token', GRANT, ['web', secret]), 'access_token')
        assert.equal(await isActive(other, secret, token), true)
        assert.equal((await mine.post('/token/revocation', { token }, ['web', secret])).status, 200)
        assert.equal(await isActive(other, secret, token), false)
      }
    })

    it('give 64 uses of a refresh token over both one successor, and that one answer', async () => {
      const first = await redeem(server, secret, await codeFor(server, new Browser(server)))
      const form = { grant_type: 'refresh_token', refresh_token: text(first, 'refresh_token') }
      const rivals = Array.from({ length: 32 }, () => [connection(server), connection(server)]).flat()
      const answers = await Promise.all(rivals.map((one) => one.post('/token', form, ['web', secret])))
      const workers = await Promise.all(rivals.map((one) => one.worker()))
      for (const one of rivals) one.close()
      assert.equal(new Set(workers).size, 2)
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
      const successors = new Set(answers.map((answer) => text(answer, 'refresh_token')))
      assert.equal(successors.size, 1)
      assert.equal(new Set(answers.map((answer) => text(answer, 'access_token'))).size, 1)
      const [successor = ''] = successors
      assert.equal((await refresh(server, secret, successor)).status, 200)
    })

    it('are each replaced when they are killed under load, and nothing that was answered is lost', async () => {
      const tokens: string[] = []
      let killed = 0
      const load = async (one: Connection, n: number): Promise<void> => {
        while (killed <= n) {
          const answer = await one.post('/token', GRANT, ['web', secret]).catch(() => undefined)
          if (!answer) return
          assert.equal(answer.status, 200)
          tokens.push(text(answer, 'access_token'))
        }
      }
      for (const [n, one] of both.entries()) {
        const pid = await one.worker()
        const lost = load(one, n)
        while (tokens.length < 30 * (n + 1)) await post(server, '/token', GRANT, ['web', secret])
        process.kill(pid, 'SIGKILL')
        killed++
        await lost
        // One of its own words follows its end.
        await server.logged(
          new RegExp(`"worker":${pid},"status":null,"signal":"SIGKILL"[^]*"worker":\\d+,"msg":"a worker serves"`),
        )
        one.close()
      }
      both = await toBoth(server, secret)
      for (const token of tokens) for (const one of both) assert.equal(await isActive(one, secret, token), true)
    })
  })
}

describe('workers and their primary', () => {
  it('end together when the primary is killed, lose nothing that was answered, and free port and store', async () => {
    const server = await start('sqlite')
    const secret = await furnished(server)
    const both = await toBoth(server, secret)
    const tokens = await Promise.all(both.map((one) => one.post('/token', GRANT, ['web', secret])))
    // The workers hold what the primary prints to: it closes with the last of them.
    const closed = once(server.child, 'close')
    await server.kill()
    await closed
    for (const one of both) one.close()
    await server.start()
    for (const token of tokens)
      assert.equal(
        (await post(server, '/token/introspection', { token: text(token, 'access_token') }, ['web', secret])).body
          .active,
        true,
      )
    assert.equal(await server.stop(), 0)
  })

  it('finish what they have begun on SIGTERM, record what was gathered, and end well', async () => {
    const server = await start('sqlite')
    const secret = await furnished(server)
    const both = await toBoth(server, secret)
    const ask = { ...GRANT, scope: 'read', resource: API }
    const jwts = await Promise.all(both.flatMap((one) => [1, 2, 3].map(() => one.post('/token', ask, ['web', secret]))))
    assert.deepEqual([...new Set(jwts.map(({ body }) => String(body.access_token).slice(0, 3)))], ['eyJ'])
    const halves = await Promise.all(both.map((one) => one.begin('/token', GRANT, ['web', secret])))
    const stopped = server.stop()
    await server.logged(/"msg":"draining"/)
    assert.deepEqual(await Promise.all(halves.map((rest) => rest())), [200, 200])
    assert.equal(await stopped, 0)
    for (const one of both) one.close()
    const db = new DatabaseSync(join(server.dataDir, 'mintmark.db'), { readOnly: true })
    const pages = db.prepare(`SELECT f_contents AS contents FROM events WHERE kind = 'page'`).all()
    const issued = pages.reduce((sum, { contents }) => sum + String(contents).split('"token.issued"').length - 1, 0)
    const left = db.prepare('SELECT count(*) AS n FROM "store-outbox"').get()?.n
    db.close()
    assert.deepEqual([issued, left], [2 + 6 + 2, 0])
  })

  it('take a changed configuration together, and refuse a bad one together', async () => {
    const CONFIG = join(mkdtempSync(join(OUTPUT, 'config-')), 'mintmark.config.ts')
    const save = (lifetime: string): void =>
      writeFileSync(CONFIG, `export default { lifetimes: { accessTokenSeconds: ${lifetime} } }\n`, { mode: 0o600 })
    save('100')
    const server = await start('sqlite', { CONFIG })
    const secret = await furnished(server)
    const both = await toBoth(server, secret)
    const lifetimes = async () =>
      (await Promise.all(both.map((one) => one.post('/token', GRANT, ['web', secret])))).map(
        ({ body }) => body.expires_in,
      )
    assert.deepEqual(await lifetimes(), [100, 100])
    save('200')
    await server.command('config reload', {})
    assert.deepEqual(await lifetimes(), [200, 200])
    save('"soon"')
    await assert.rejects(server.command('config reload', {}), /accessTokenSeconds/)
    assert.deepEqual(await lifetimes(), [200, 200])
    for (const one of both) one.close()
    assert.equal(await server.stop(), 0)
  })

  it('do not start where the port is taken, and say so once', async () => {
    const port = await freePort()
    const squatter = createServer().listen(port, '127.0.0.1')
    await once(squatter, 'listening')
    await assert.rejects(
      start('sqlite', { PORT: String(port) }),
      (cause: Error) =>
        cause.message.split("can't be listened on").length === 2 && cause.message.includes('ended with 1'),
    )
    squatter.close()
  })
})
