/** A whole Mintmark on a real port, over a store of its own, with a clock that tests move by hand. */

import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { openMongoStore } from '../../adapters/mongo/index.ts'
import { openSqliteStore } from '../../adapters/sqlite/index.ts'
import type { Store } from '../../adapters/store.ts'
import { type App, type AppDeps, collections, listen } from '../../src/app.ts'
import type { Clock } from '../../src/base/index.ts'
import type { ConfigurationInput } from '../../src/config/index.ts'
import { appOver, OUTPUT } from './app-over.ts'
import { freshMongoUri } from './mongo.ts'

export { masterOf, OUTPUT } from './app-over.ts'

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

const places = new WeakMap<Store, string>()

/** Where a test's store is: its file, or its address. */
export function placeOf(store: Store): string {
  return places.get(store) ?? ''
}

/** Opens a store of a kind that nothing else uses. */
export async function openTestStore(kind: StoreKind): Promise<Store> {
  const file = join(mkdtempSync(join(OUTPUT, 'stores', 'flow-')), 'mintmark.db')
  const place = kind === 'mongodb' ? await freshMongoUri() : file
  const store = await (kind === 'mongodb'
    ? openMongoStore({ uri: place, collections })
    : openSqliteStore({ file: place, collections }))
  places.set(store, place)
  return store
}

/** Every text that the worlds of this process kept secret, for the search at the end. */
export const allSecrets: string[] = []

/** Starts a server on a free port. */
export async function openWorld(
  kind: StoreKind,
  configuration: ConfigurationInput = {},
  wrap: (store: Store) => Store = (store) => store,
  more: Partial<Pick<AppDeps, 'signers' | 'masters' | 'proxies' | 'lanes' | 'logger'>> = {},
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
  const { app, printed } = await appOver(store, { issuer, clock, configuration, log: `${kind}-${port}` }, more)
  const server = await listen(app.handler, { port, host: '127.0.0.1' })
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
      await printed()
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
