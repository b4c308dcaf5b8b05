/** The whole composition on one screen: rooms in floor order, then the routes, then what runs beside them. */

import { createServer, type Server } from 'node:http'
import Koa from 'koa'
import type { OutboxEvent, Store } from '../adapters/store.ts'
import { accountCollections, createAccounts, type Hasher } from './accounts/index.ts'
import { type Admin, CLAIM_PATH, createAdmin } from './admin/index.ts'
import { type Clock, type Random, randomText, seconds, TENANT, Unit } from './base/index.ts'
import { clientCollections, createClients } from './clients/index.ts'
import type { Configuration } from './config/index.ts'
import { createEnvelope, type Envelope, tokenSecondsMax, upToDate } from './envelope.ts'
import { createEventLog, createRelay, events, type Follower, type Happened } from './events.ts'
import {
  BadBody,
  callerAddress,
  createOutbound,
  createViews,
  oauthError,
  readBody,
  securityHeaders,
  sendAsset,
  sendCacheable,
} from './http/index.ts'
import { keyCollections, openKeyring } from './keys/index.ts'
import { createOidc, normalPath, oidcCollections } from './oidc/index.ts'
import { createSeal, fenced, type Masters, type Seal, SealStale, sealEvents, sealKeys } from './seal/index.ts'
import { createCounters, type Logger } from './telemetry/index.ts'

/** Every collection, for the stores and for docs/storage.md. */
export const collections = [
  sealKeys,
  ...keyCollections,
  ...clientCollections,
  ...accountCollections,
  ...oidcCollections,
  events,
] as const

/** What the app is made from. */
export interface AppDeps {
  readonly store: Store
  readonly masters: Masters
  readonly configuration: Configuration
  readonly issuer: string
  /** Demonstration records work only where issuer and listener are loopback. */
  readonly demoUsable: boolean
  readonly proxies: number
  readonly viewsDirectory: string
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly hasher: Hasher
}

const BATCH_MS = 500
const BATCH_MAX = 10_000
const RELAY_MS = 200
const USES_MS = 5000
const SWEEP_MS = 60_000
const SWEEP_LIMIT = 500

/** Builds the rooms. */
export async function createApp(deps: AppDeps) {
  const { clock, random, logger, configuration } = deps
  const counters = createCounters()
  const seal = await createSeal({ ...deps, tokenSecondsMax: tokenSecondsMax(configuration.lifetimes) })
  const store = fenced(deps.store, seal)
  const unit = (): Unit => new Unit({ store, cid: randomText(random, 16), request: randomText(random, 9) })
  const commit = async (staged: Unit): Promise<void> => {
    const sealed = sealEvents(seal, staged, {
      clock,
      actor: { request: staged.request, network: 'local' },
      tenant: TENANT,
    })
    await store.commit(staged.writes('all', sealed))
  }
  const batched: OutboxEvent[] = []
  const batch = (more: readonly OutboxEvent[]): void => {
    // Bounded: a flood of refusals must not grow without end. What is dropped is counted.
    if (batched.length + more.length <= BATCH_MAX) batched.push(...more)
    else counters.count('events_dropped', more.length)
  }
  const views = createViews({ directory: deps.viewsDirectory, branding: configuration.branding })
  const outbound = createOutbound(configuration.outbound)
  const shared = { ...deps, store, seal, unit, commit }
  const keys = await openKeyring(shared)
  const clients = createClients(shared)
  const accounts = await createAccounts(shared)
  const oidc = await createOidc({
    ...shared,
    keys,
    clients,
    accounts,
    views,
    outbound,
    batch,
    proxied: deps.proxies > 0,
  })

  const envelope = createEnvelope({ ...shared, collections, accounts, oidc })
  const admin = createAdmin({ accounts, views, seal })
  const tellLog: Follower = async ({ seq, type, data }: Happened) =>
    logger.debug({ seq, type, request: data.request }, 'event')
  const tellClients: Follower = async ({ type, data }) => {
    if (type === 'backchannel_logout.due')
      await oidc.tellSignOut({ clientId: String(data.client_id), sub: String(data.sub), sid: String(data.sid) })
  }
  const relay = createRelay({ ...shared, followers: [tellLog, tellClients] })
  return {
    admin,
    clients,
    accounts,
    oidc,
    relay,
    eventLog: createEventLog({ store, seal }),
    seal,
    masters: deps.masters,
    envelope,
    views,
    counters,
    store,
    koa: frontDoor({ deps, views, oidc, admin, seal }),
    background: background({ deps, relay, seal, clients, batched, unit, envelope }),
  }
}

export type App = Awaited<ReturnType<typeof createApp>>

/** Sends what was recorded in batches; also the last thing before the store closes. */
async function flush(
  { store, seal }: { store: Store; seal: Seal },
  batched: OutboxEvent[],
  staged: Unit,
): Promise<void> {
  const taken = batched.splice(0)
  if (taken.length > 0) await store.commit({ ...staged.writes('all'), events: await upToDate(seal, taken) })
}

/** What runs beside requests: batches, relay, sweeps, the data key's turn. */
function background(input: {
  readonly deps: AppDeps
  readonly relay: { drain(): Promise<void>; release(): Promise<void> }
  readonly seal: Seal
  readonly clients: { flushSecretUses(): Promise<void> }
  readonly batched: OutboxEvent[]
  readonly unit: () => Unit
  readonly envelope: Pick<Envelope, 'timers' | 'stop'>
}) {
  const { deps, relay, seal, clients, batched, unit } = input
  const { store, clock, logger } = deps
  const timers: NodeJS.Timeout[] = []
  const every = (ms: number, what: string, work: () => Promise<unknown>): void => {
    let busy = false
    timers.push(
      setInterval(() => {
        if (busy) return
        busy = true
        work()
          .catch((cause) => logger.error({ err: cause, what }, 'background work failed'))
          .finally(() => {
            busy = false
          })
      }, ms).unref(),
    )
  }
  const sweeper = randomText(deps.random, 9)
  async function sweep(): Promise<void> {
    if (!(await store.lease({ name: 'sweep', holder: sweeper, until: clock.now() + SWEEP_MS }, clock.now()))) return
    for (const { name, expires } of collections) {
      while (expires && (await store.sweep(name, seconds(clock), SWEEP_LIMIT)) === SWEEP_LIMIT)
        await new Promise((next) => setImmediate(next))
    }
  }
  return {
    start(): void {
      every(BATCH_MS, 'batch', () => flush({ store, seal }, batched, unit()))
      every(USES_MS, 'secret uses', () => clients.flushSecretUses())
      every(RELAY_MS, 'relay', () => relay.drain())
      every(SWEEP_MS, 'sweep', sweep)
      for (const { ms, what, work } of input.envelope.timers) every(ms, what, work)
    },
    sweep,
    async stop(): Promise<void> {
      for (const timer of timers) clearInterval(timer)
      await input.envelope.stop()
      await clients.flushSecretUses()
      await flush({ store, seal }, batched, unit())
      await relay.drain()
      await relay.release()
    },
  }
}

const CACHED = ['/jwks', '/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']

interface DoorDeps {
  readonly deps: AppDeps
  readonly views: ReturnType<typeof createViews>
  readonly oidc: Awaited<ReturnType<typeof createOidc>>
  readonly admin: Admin
  readonly seal: Seal
}

/** Paths that carry an id of a person's way through a sign-in are logged without it. */
function loggedPath(path: string): string {
  return path.slice(0, 200).replace(/^(\/(?:auth|device|interaction|reg))\/.+/i, '$1/*')
}

/** The outermost: request id, one log line, and a shape for whatever no one below has shaped. */
function outermost({ logger, random, clock }: AppDeps): Koa.Middleware {
  return async (ctx, next) => {
    const request = randomText(random, 9)
    ctx.set('X-Request-Id', request)
    ctx.state.requestId = request
    const start = clock.now()
    try {
      await next()
    } catch (cause) {
      const bad = cause instanceof BadBody
      const stale = cause instanceof SealStale
      if (!bad) logger.error({ err: cause, request }, 'a handler failed')
      if (bad && cause.status === 413) ctx.set('Connection', 'close')
      if (stale) ctx.set('Retry-After', '1')
      ctx.status = bad ? cause.status : stale ? 503 : 500
      ctx.body = bad
        ? oauthError('invalid_request', cause.message)
        : oauthError(stale ? 'temporarily_unavailable' : 'server_error', stale ? cause.message : 'the server failed')
    }
    logger.info(
      { request, method: ctx.method, path: loggedPath(ctx.path), status: ctx.status, ms: clock.now() - start },
      'request',
    )
  }
}

/** Our few routes outside the protocol: static files, health, the home page. */
function ownRoutes({ deps: { store, issuer, logger }, views, seal }: DoorDeps): Koa.Middleware {
  const device = {
    href: '/device',
    title: 'Connect a device',
    about: 'Type the code that a television or a terminal shows.',
  }
  return async (ctx, next) => {
    const read = ctx.method === 'GET' || ctx.method === 'HEAD'
    const file = read ? views.asset(ctx.path) : undefined
    const path = normalPath(ctx.path)
    if (file) sendAsset(ctx, file)
    else if (path === '/healthz') ctx.body = { status: 'ok' }
    else if (path === '/readyz') {
      const fault: unknown = await Promise.all([store.ping(), seal.fresh()]).then(
        () => undefined,
        (cause) => cause ?? new Error('unknown'),
      )
      if (fault) logger.error({ err: fault }, 'the store or the keyring is not ready')
      ctx.status = fault ? 503 : 200
      ctx.body = { status: fault ? 'store unavailable' : 'ok' }
    } else if (path === '/' && read) {
      ctx.type = 'html'
      ctx.body = views.home({ issuer, commands: [], links: [device] })
    } else await next()
  }
}

/** The Koa application: edge, headers, our few routes, then the protocol's. */
function frontDoor(door: DoorDeps): Koa {
  const { deps, oidc } = door
  const koa = new Koa()
  koa.on('error', (cause) => deps.logger.error({ err: cause }, 'outside every handler'))
  koa.use(outermost(deps))
  koa.use(securityHeaders())
  koa.use(ownRoutes(door))
  koa.use(async (ctx) => {
    // Before anything is decided: what can't be sealed any more must not be half done.
    await door.seal.fresh()
    const body = ctx.method === 'GET' || ctx.method === 'HEAD' ? Buffer.alloc(0) : await readBody(ctx.req)
    if (normalPath(ctx.path) === CLAIM_PATH) return door.admin.claim(ctx, body)
    const address = callerAddress(ctx.req, deps.proxies)
    await oidc.routes(ctx, { requestId: String(ctx.state.requestId), address, body })
    if (ctx.status === 200 && CACHED.includes(normalPath(ctx.path)))
      sendCacheable(ctx, normalPath(ctx.path) === '/jwks' ? 'application/jwk-set+json' : 'application/json')
    else if (ctx.status === 404 && !ctx.body) {
      ctx.status = 404
      ctx.body = oauthError('not_found', 'there is nothing at this address')
    }
  })
  return koa
}

/** Listens. Resolves with the server once it does; rejects when the address can't be had. */
export function listen(koa: Koa, at: { readonly port: number; readonly host: string }): Promise<Server> {
  const server = createServer(
    { requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 65_000, maxHeaderSize: 32_768 },
    koa.callback(),
  )
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(at.port, at.host, () => resolve(server))
  })
}
