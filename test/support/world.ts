/** A whole Mintmark on a real port, over a store of its own, with a clock that tests move by hand. */

import { createSecretKey } from 'node:crypto'
import { createWriteStream, mkdirSync, mkdtempSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { openSqliteStore } from '../../adapters/sqlite/index.ts'
import type { Store } from '../../adapters/store.ts'
import { createHasher } from '../../src/accounts/index.ts'
import { type App, type AppDeps, collections, createApp, listen } from '../../src/app.ts'
import { type Clock, systemRandom } from '../../src/base/index.ts'
import { type ConfigurationInput, parseConfiguration } from '../../src/config/index.ts'
import { createSoftwareSigners } from '../../src/keys/index.ts'
import { fixedMasters, softwareMaster } from '../../src/seal/index.ts'
import { createLogger } from '../../src/telemetry/index.ts'
import { usedMongoUris } from './mongo.ts'
import { openTestMongo } from './mongo-store.ts'

/** Everything that the suite writes to disk: stores, logs, screenshots. Searched for secrets at the end. */
export const OUTPUT = resolve(import.meta.dirname, '../../test-output')
export const STORES = (process.env.ONLY_STORE ? [process.env.ONLY_STORE] : ['sqlite', 'mongodb']) as readonly (
  | 'sqlite'
  | 'mongodb'
)[]
export type StoreKind = (typeof STORES)[number]

/** Secrets and names that must never be found in a store or a log. */
export const CANARY = {
  login: 'canary.person',
  email: 'canary.person@example.test',
  name: 'Canary Quillfeather',
  password: 'tuba lantern orchid seventeen',
} as const

/** Time as tests want it: starts at the machine's own (the library has no clock parameter) and moves only forward by hand. */
export class HandClock implements Clock {
  #ahead = 0
  now(): number {
    return Date.now() + this.#ahead
  }
  forward(seconds: number): void {
    this.#ahead += seconds * 1000
  }
}

/** A running server. */
export interface World {
  readonly app: App
  readonly store: Store
  readonly issuer: string
  readonly clock: HandClock
  readonly secrets: string[]
  /** Adds a text that must be found nowhere at rest. */
  keepSecret(...texts: readonly (string | undefined)[]): void
  close(): Promise<void>
}

mkdirSync(join(OUTPUT, 'stores'), { recursive: true })
mkdirSync(join(OUTPUT, 'logs'), { recursive: true })

const places = new WeakMap<Store, string>()

/** Where a test's store is: its file, or its address. */
export function placeOf(store: Store): string {
  return places.get(store) ?? ''
}

/** Opens a store of a kind that nothing else uses. */
export async function openTestStore(kind: StoreKind): Promise<Store> {
  const file = join(mkdtempSync(join(OUTPUT, 'stores', 'flow-')), 'mintmark.db')
  const store = kind === 'mongodb' ? await openTestMongo(collections) : await openSqliteStore({ file, collections })
  places.set(store, kind === 'mongodb' ? (usedMongoUris().at(-1) ?? '') : file)
  return store
}

/** Every text that the worlds of this process kept secret, for the search at the end. */
export const allSecrets: string[] = []

/** A master key of 32 equal bytes. */
export const masterOf = (byte: number) => softwareMaster(createSecretKey(Buffer.alloc(32, byte)))

/** Starts a server on a free port. */
export async function openWorld(
  kind: StoreKind,
  configuration: ConfigurationInput = {},
  wrap: (store: Store) => Store = (store) => store,
  more: Partial<Pick<AppDeps, 'signers' | 'masters' | 'logger'>> = {},
): Promise<World> {
  const { createServer } = await import('node:net')
  const port = await new Promise<number>((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => done(typeof address === 'object' && address ? address.port : 0))
    })
  })
  const clock = new HandClock()
  const store = wrap(await openTestStore(kind))
  const issuer = `http://localhost:${port}`
  const log = createWriteStream(join(OUTPUT, 'logs', `${kind}-${port}.log`))
  const parsed = parseConfiguration({ outbound: { allow: ['127.0.0.0/8', '::1/128'] }, ...configuration })
  const app = await createApp({
    store,
    clock,
    issuer,
    random: systemRandom,
    masters: fixedMasters(masterOf(7)),
    signers: [createSoftwareSigners()],
    configuration: parsed,
    demoUsable: true,
    proxies: 0,
    viewsDirectory: process.env.MM_VIEWS ?? resolve(import.meta.dirname, '../../views'),
    logger: createLogger({ level: 'trace', destination: log }),
    hasher: createHasher(),
    ...more,
  })
  await app.clients.declare(parsed.clients)
  const server = await listen(app.koa, { port, host: '127.0.0.1' })
  const secrets: string[] = []
  return {
    app,
    store,
    issuer,
    clock,
    secrets,
    keepSecret(...texts) {
      for (const text of texts) if (text && text.length >= 8) allSecrets.push(text)
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await app.background.stop()
      await app.close()
      await new Promise((done) => log.end(done))
    },
  }
}

/** A client order with the usual fields filled in. */
export function clientOrder(
  input: { readonly id: string; readonly grants: readonly string[] } & Partial<Parameters<App['clients']['create']>[0]>,
): Parameters<App['clients']['create']>[0] {
  return {
    scopes: [],
    redirectUris: [],
    postLogoutRedirectUris: [],
    public: false,
    native: false,
    introspect: [],
    reliesOnNonce: false,
    fapi: false,
    ...input,
  }
}

export const REDIRECT = 'http://localhost:9/callback'

/** The records that most tests need: an API, a web client, a public client, a service, a person. */
export async function furnish(world: World) {
  const { clients, accounts } = world.app
  await clients.createApi({
    id: 'urn:test:api',
    name: 'Test API',
    scopes: { read: 'Read things', write: 'Write things' },
    accessToken: 'jwt',
    algorithm: 'ES256',
  })
  await clients.createApi({
    id: 'urn:test:opaque',
    name: 'Opaque API',
    scopes: { look: 'Look at things' },
    accessToken: 'opaque',
    algorithm: 'ES256',
  })
  const scopes = ['openid', 'profile', 'email', 'offline_access', 'read', 'write', 'look']
  const web = await clients.create(
    clientOrder({
      id: 'web',
      name: 'Web app',
      grants: ['authorization_code', 'refresh_token', 'device_code'],
      scopes,
      redirectUris: [REDIRECT],
      postLogoutRedirectUris: ['http://localhost:9/out'],
    }),
  )
  const spa = await clients.create(
    clientOrder({
      id: 'spa',
      name: 'Public app',
      grants: ['authorization_code', 'refresh_token'],
      scopes,
      redirectUris: [REDIRECT],
      public: true,
    }),
  )
  const service = await clients.create(
    clientOrder({
      id: 'service',
      grants: ['client_credentials'],
      scopes: ['read', 'look'],
      introspect: ['urn:test:api', 'urn:test:opaque'],
    }),
  )
  const person = await accounts.create({
    loginName: CANARY.login,
    email: CANARY.email,
    name: CANARY.name,
    password: CANARY.password,
  })
  const secretOf = (made: { readonly secret: { reveal(): string } | undefined }): string => made.secret?.reveal() ?? ''
  const furniture = { web: secretOf(web), spa, service: secretOf(service), person }
  world.keepSecret(furniture.web, furniture.service, CANARY.email, CANARY.login, CANARY.name, CANARY.password)
  return furniture
}

export type Furniture = Awaited<ReturnType<typeof furnish>>
