/** One side of the bench, in a process of its own so that its CPU is its own: `mintmark` on the embedded store, or `stock` in memory. */

import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Provider } from 'oidc-provider'
import { openSqliteStore } from '../adapters/sqlite/index.ts'
import { createHasher } from '../src/accounts/index.ts'
import { collections, createApp, listen } from '../src/app.ts'
import { systemClock, systemRandom } from '../src/base/index.ts'
import { parseConfiguration } from '../src/config/index.ts'
import { createSoftwareSigners } from '../src/keys/index.ts'
import { fixedMasters, softwareMaster } from '../src/seal/index.ts'
import { createLogger } from '../src/telemetry/index.ts'
import { API, CLIENT, PASSWORD, PERSON, REDIRECT, SECRET } from './shared.ts'

const scope = 'openid offline_access read'

async function mintmark(port: number): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-bench-'))
  const store = await openSqliteStore({ file: join(folder, 'bench.db'), collections })
  const configuration = parseConfiguration({
    clients: [
      {
        client_id: CLIENT,
        client_secret: SECRET,
        grant_types: ['client_credentials', 'authorization_code', 'refresh_token'],
        redirect_uris: [REDIRECT],
        scope,
      },
    ],
    apis: [{ id: API, scopes: ['read'] }],
  })
  const app = await createApp({
    store,
    configuration,
    masters: fixedMasters(softwareMaster(createSecretKey(Buffer.alloc(32, 1)))),
    signers: [createSoftwareSigners()],
    issuer: `http://localhost:${port}`,
    demoUsable: true,
    proxies: 0,
    viewsDirectory: resolve(import.meta.dirname, '../views'),
    clock: systemClock,
    random: systemRandom,
    logger: createLogger({ level: 'error' }),
    hasher: createHasher(),
  })
  await app.clients.declare(configuration.clients)
  await app.accounts.create({ loginName: PERSON, password: PASSWORD })
  await listen(app.handler, { port, host: '127.0.0.1' })
  app.background.start()
  return async () => {
    await app.background.stop()
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The library as its README starts it, with the features that the bench asks; sign-in agrees by itself. */
async function stock(port: number): Promise<() => Promise<void>> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const provider = new Provider(`http://localhost:${port}`, {
    clients: [
      {
        client_id: CLIENT,
        client_secret: SECRET,
        grant_types: ['client_credentials', 'authorization_code', 'refresh_token'],
        redirect_uris: [REDIRECT],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' }] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: async () => true },
      resourceIndicators: {
        enabled: true,
        defaultResource: async (_ctx, _client, oneOf) => oneOf ?? [],
        getResourceServerInfo: async () => ({
          scope: 'read',
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    rotateRefreshToken: true,
    findAccount: async (_ctx, sub) => ({ accountId: sub, claims: async () => ({ sub }) }),
    interactions: { url: (_ctx, interaction) => `/agree/${interaction.uid}` },
  })
  provider.use(async (ctx, next) => {
    if (!ctx.path.startsWith('/agree/')) return next()
    const { prompt, params, session } = await provider.interactionDetails(ctx.req, ctx.res)
    const grant = new provider.Grant({ accountId: session?.accountId ?? PERSON, clientId: String(params.client_id) })
    grant.addOIDCScope(scope)
    const result =
      prompt.name === 'login' ? { login: { accountId: PERSON } } : { consent: { grantId: await grant.save() } }
    ctx.status = 303
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result))
  })
  const server = createServer(provider.callback())
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done))
  return async () => void server.close()
}

const [kind, port = '0'] = process.argv.slice(2)
const stop = await (kind === 'stock' ? stock : mintmark)(Number(port))
process.on('message', (message) => {
  if (message === 'cpu') process.send?.({ cpu: process.cpuUsage() })
  if (message === 'stop') void stop().then(() => process.exit(0))
})
process.send?.('ready')
process.once('SIGTERM', () => void stop().then(() => process.exit(0)))
