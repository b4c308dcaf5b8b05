/** Mintmark as it serves people, but for two things: its clients are the bench's, and a password is compared as it stands. */

import { createSecretKey } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { openMongoStore } from '../../adapters/mongo/index.ts'
import { openSqliteStore } from '../../adapters/sqlite/index.ts'
import type { Store } from '../../adapters/store.ts'
import type { Hasher } from '../../src/accounts/index.ts'
import { type App, collections, createApp, listen } from '../../src/app.ts'
import { systemClock, systemRandom } from '../../src/base/index.ts'
import { parseConfiguration } from '../../src/config/index.ts'
import { createSoftwareSigners } from '../../src/keys/index.ts'
import { fixedMasters, type Masters, softwareMaster } from '../../src/seal/index.ts'
import { createLogger } from '../../src/telemetry/index.ts'
import type { Running, SideOrder } from './protocol.ts'
import { API, CLIENT, PASSWORD, PERSON, REDIRECT, SCOPE, SECRET } from './shared.ts'

const API_TOKENS = 64

/** Argon2's price is chosen, not found: it would hide what the rest of a sign-in costs. The yardstick compares as plainly. */
const plainHasher: Hasher = {
  hash: async (password) => `plain:${password}`,
  verify: async (hash, password) => hash === `plain:${password}`,
}

const configuration = parseConfiguration({
  clients: [
    {
      client_id: CLIENT,
      client_secret: SECRET,
      grant_types: ['client_credentials', 'authorization_code', 'refresh_token'],
      redirect_uris: [REDIRECT],
      // As the yardstick's: the default of OpenID Connect is RS256, ten times dearer on either side.
      id_token_signed_response_alg: 'ES256',
      scope: SCOPE,
      introspect: [API],
    },
  ],
  apis: [{ id: API, scopes: ['read'] }],
})

/** The master key of every store of the bench: what fills one and what serves it are two processes. */
export const benchMasters = (): Masters => fixedMasters(softwareMaster(createSecretKey(Buffer.alloc(32, 1))))

async function open(database: string | undefined): Promise<Store> {
  if (database?.startsWith('mongodb')) return openMongoStore({ uri: database, collections })
  if (database !== undefined) return openSqliteStore({ file: database, collections })
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return openSqliteStore({ file: join(folder, 'bench.db'), collections })
}

/** A personal token of the bench's person, for the API that the bench's client serves. */
async function apiTokenOf(app: App, sub: string): Promise<string> {
  const unit = app.work.unit()
  const order = { name: 'bench', kind: 'personal', owner: { type: 'account', id: sub }, scopes: ['read'] } as const
  const { text } = await app.tokens.create(unit, { ...order, apis: [API] }, 'operator')
  await app.work.commit(unit)
  return text.reveal()
}

/** Starts it on its store. */
export async function startMintmark({ port, database }: SideOrder): Promise<Running> {
  const store = await open(database)
  const app = await createApp({
    store,
    configuration,
    masters: benchMasters(),
    signers: [createSoftwareSigners()],
    issuer: `http://localhost:${port}`,
    demoUsable: true,
    proxies: 0,
    viewsDirectory: resolve(import.meta.dirname, '../../views'),
    clock: systemClock,
    random: systemRandom,
    logger: createLogger({ level: 'error' }),
    hasher: plainHasher,
  })
  await app.clients.declare(configuration.clients)
  const { sub } = await app.accounts.create({ loginName: PERSON, password: PASSWORD })
  const apiTokens: string[] = []
  while (apiTokens.length < API_TOKENS) apiTokens.push(await apiTokenOf(app, sub))
  const server = await listen(app.handler, { port, host: '127.0.0.1' })
  app.background.start()
  return {
    apiTokens,
    async stop() {
      server.closeAllConnections()
      server.close()
      await app.background.stop()
      await app.close()
    },
  }
}
