/** kill -9 with refreshes in flight, until 1,000 of them were cut: every client retries with the token it has, and none is locked out. */

import assert from 'node:assert/strict'
import { Browser, codeFor, redeem, refresh, text } from '../support/browser.ts'
import { freshMongoUri } from '../support/mongo.ts'
import { type Process, startProcess } from '../support/process.ts'
import { CANARY, REDIRECT, STORES } from '../support/world.ts'

const CUT = 1000
const FAMILIES = 50
/** Answers before each kill: from the very first write to a server in full swing. */
const ANSWERS = [0, 1, 3, 10, 30, 60, 100, 150] as const

async function furnished(server: Process): Promise<{ readonly secret: string; readonly heads: string[] }> {
  const client = await server.command('client create', {
    id: 'web',
    grant: ['authorization_code', 'refresh_token'],
    scope: ['openid offline_access'],
    'redirect-uri': [REDIRECT],
  })
  await server.command('account create', { login: CANARY.login }, CANARY.password)
  const secret = String(client.client_secret)
  const browser = new Browser(server)
  const heads: string[] = []
  for (let n = 0; n < FAMILIES; n++)
    heads.push(
      text(
        await redeem(server, secret, await codeFor(server, browser, { scope: 'openid offline_access' })),
        'refresh_token',
      ),
    )
  return { secret, heads }
}

/** Every family's client refreshes without end; the server dies after so many answers. Resolves to how many were in flight then. */
async function refreshAndKill(
  server: Process,
  load: { readonly secret: string; readonly heads: string[] },
  answers: number,
): Promise<number> {
  let answered = 0
  let cut = 0
  let killed: Promise<void> | undefined
  const look = (): void => {
    if (answered >= answers) killed ??= server.kill()
  }
  const clients = load.heads.map(async (_, n) => {
    for (;;) {
      const sentBefore = killed === undefined
      const going = refresh(server, load.secret, load.heads[n] ?? '')
      if (answers === 0) setImmediate(look)
      const answer = await going.catch(() => undefined)
      if (!answer) {
        if (sentBefore) cut++
        return
      }
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
      load.heads[n] = text(answer, 'refresh_token')
      answered++
      look()
    }
  })
  await Promise.all(clients)
  await killed
  return cut
}

for (const kind of STORES) {
  describe(`a crash amid refreshes on ${kind}`, () => {
    it(`locks nobody out, in ${CUT} refreshes that were cut`, async function () {
      this.timeout(240_000)
      const server = await startProcess(kind === 'mongodb' ? { env: { DATABASE_URL: await freshMongoUri() } } : {})
      try {
        const load = await furnished(server)
        let cut = 0
        let lockedOut = 0
        for (let kill = 0; cut < CUT; kill++) {
          cut += await refreshAndKill(server, load, ANSWERS[kill % ANSWERS.length] ?? 0)
          await server.start()
          const retries = await Promise.all(load.heads.map((head) => refresh(server, load.secret, head)))
          for (const [n, answer] of retries.entries()) {
            if (answer.status === 200) load.heads[n] = text(answer, 'refresh_token')
            else lockedOut++
          }
          assert.equal(lockedOut, 0, `locked out after kill ${kill}`)
        }
        console.log(`      ${kind}: ${cut} refreshes cut, ${lockedOut} lock-outs`)
      } finally {
        await server.kill()
      }
    })
  })
}
