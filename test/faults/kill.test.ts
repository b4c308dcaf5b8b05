/** kill -9 under load, twenty times on each store: what was answered and not spent since still works. The server is killed, not the database. */

import assert from 'node:assert/strict'
import { type Answer, Browser, codeFor, post, redeem, refresh, text } from '../support/browser.ts'
import { freshMongoUri } from '../support/mongo.ts'
import { type Process, startProcess } from '../support/process.ts'
import { CANARY, REDIRECT, STORES } from '../support/world.ts'

const KILLS = 20
const FAMILIES = 6
const ANSWERS_BEFORE_KILL = 60

interface Load {
  readonly secret: string
  /** The latest refresh token that each family's app was given. */
  readonly heads: string[]
  /** Access tokens that were answered in this round. */
  tokens: string[]
}

async function furnished(server: Process): Promise<Load> {
  const grants = ['authorization_code', 'refresh_token', 'client_credentials']
  const client = await server.command('client create', {
    id: 'web',
    grant: grants,
    scope: ['openid profile offline_access'],
    'redirect-uri': [REDIRECT],
  })
  await server.command('account create', { login: CANARY.login, email: CANARY.email }, CANARY.password)
  const secret = String(client.client_secret)
  const browser = new Browser(server)
  const heads: string[] = []
  for (let n = 0; n < FAMILIES; n++)
    heads.push(text(await redeem(server, secret, await codeFor(server, browser)), 'refresh_token'))
  return { secret, heads, tokens: [] }
}

/** Loads the server until it is killed; resolves when every worker has seen the end. */
async function loadAndKill(server: Process, load: Load): Promise<void> {
  let answers = 0
  let killed: Promise<void> | undefined
  const answered = (): void => {
    if (++answers === ANSWERS_BEFORE_KILL) killed = server.kill()
  }
  async function worker(step: () => Promise<Answer>, took: (answer: Answer) => void): Promise<void> {
    for (;;) {
      const answer = await step().catch(() => undefined)
      if (!answer) return
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
      took(answer)
      answered()
    }
  }
  const refreshing = load.heads.map((_, n) =>
    worker(
      () => refresh(server, load.secret, load.heads[n] ?? ''),
      (answer) => {
        load.heads[n] = text(answer, 'refresh_token')
        load.tokens.push(text(answer, 'access_token'))
      },
    ),
  )
  const issuing = Array.from({ length: 4 }, () =>
    worker(
      () => post(server, '/token', { grant_type: 'client_credentials' }, ['web', load.secret]),
      (answer) => void load.tokens.push(text(answer, 'access_token')),
    ),
  )
  await Promise.all([...refreshing, ...issuing])
  await killed
}

for (const kind of STORES) {
  describe(`kill -9 on ${kind}`, () => {
    it(`loses nothing that was answered, in ${KILLS} kills under load`, async function () {
      this.timeout(180_000)
      const server = await startProcess(kind === 'mongodb' ? { env: { DATABASE_URL: await freshMongoUri() } } : {})
      try {
        const load = await furnished(server)
        let checked = 0
        for (let kill = 0; kill < KILLS; kill++) {
          load.tokens = []
          await loadAndKill(server, load)
          await server.start()
          for (const token of load.tokens) {
            const { body } = await post(server, '/token/introspection', { token }, ['web', load.secret])
            assert.equal(body.active, true, `an access token that was answered before kill ${kill} is dead`)
            checked++
          }
          for (const [n, head] of load.heads.entries()) {
            const answer = await refresh(server, load.secret, head)
            assert.equal(
              answer.status,
              200,
              `family ${n} is locked out after kill ${kill}: ${JSON.stringify(answer.body)}`,
            )
            load.heads[n] = text(answer, 'refresh_token')
          }
        }
        assert.ok(checked >= KILLS * 20, `${checked} tokens were answered`)
        assert.equal(await server.stop(), 0)
      } finally {
        await server.kill()
      }
    })
  })
}
