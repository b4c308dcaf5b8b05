/** The front door: the edge, the headers and our few routes, then the protocol's. The only place that makes a Koa application. */

import { createServer, type RequestListener, type Server } from 'node:http'
import Koa from 'koa'
import type { Store } from '../adapters/store.ts'
import { type Clock, type Random, randomText } from './base/index.ts'
import {
  ANY_ORIGIN,
  BadBody,
  callerAddress,
  type createViews,
  earlyId,
  oauthError,
  prepared,
  readBody,
  type Shelf,
  securityHeaders,
  sendAsset,
  sendCacheable,
} from './http/index.ts'
import type { Keyring } from './keys/index.ts'
import { normalPath, type Oidc, PUBLISHED } from './oidc/index.ts'
import { type Seal, SealStale } from './seal/index.ts'
import type { Logger } from './telemetry/index.ts'

/** What stands behind the door. */
export interface DoorDeps {
  readonly store: Pick<Store, 'ping'>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly issuer: string
  readonly proxies: number
  readonly views: ReturnType<typeof createViews>
  readonly oidc: Pick<Oidc, 'routes' | 'lanes'>
  readonly keyring: Pick<Keyring, 'jwks' | 'ready'>
  readonly seal: Pick<Seal, 'fresh'>
  /** Where discovery is laid ready for the raw door. */
  readonly shelf: Shelf
  /** Faces that read their own bodies: they answer, or say that the path is not theirs. */
  readonly leaks: { answer(ctx: Koa.Context, address: string): Promise<boolean> }
  readonly handover: { answer(ctx: Koa.Context): Promise<boolean> }
  readonly rest: { handles(path: string): boolean; answer(ctx: Koa.Context): Promise<void> }
  /** The page at which the first administrator is claimed. */
  readonly claim: { readonly path: string; answer(ctx: Koa.Context, body: Buffer): Promise<void> }
}

/** Paths that carry an id of a person's way through a sign-in are logged without it. */
function loggedPath(path: string): string {
  return path.slice(0, 200).replace(/^(\/(?:auth|device|interaction|reg|wrapped))\/.+/i, '$1/*')
}

/** The outermost: request id, one log line, and a shape for whatever no one below has shaped. */
function outermost({ logger, random, clock }: DoorDeps): Koa.Middleware {
  return async (ctx, next) => {
    const request = earlyId(ctx.req) ?? randomText(random, 9)
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

/** Those of several checks that fail, by name. */
async function faultsOf(
  checks: Readonly<Record<string, Promise<void>>>,
): Promise<readonly (readonly [string, unknown])[]> {
  const settled = await Promise.all(
    Object.entries(checks).map(async ([what, check]) =>
      check.then(
        () => [],
        (cause: unknown) => [[what, cause] as const],
      ),
    ),
  )
  return settled.flat()
}

/** Our few routes outside the protocol: static files, health, the home page. */
function ownRoutes({ store, seal, keyring, issuer, logger, views }: DoorDeps): Koa.Middleware {
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
      const faults = await faultsOf({ store: store.ping(), seal: seal.fresh(), signer: keyring.ready() })
      for (const [what, cause] of faults) logger.error({ err: cause }, `the ${what} is not ready`)
      ctx.status = faults.length > 0 ? 503 : 200
      ctx.body = { status: faults.length > 0 ? faults.map(([what]) => `${what} unavailable`).join(', ') : 'ok' }
    } else if (path === '/' && read) {
      ctx.type = 'html'
      ctx.body = views.home({ issuer, commands: [], links: [device] })
    } else await next()
  }
}

/** Discovery and keys are the same for everyone. The keys are the ring's, not the library's. */
function cacheable(ctx: Koa.Context, { keyring, shelf }: DoorDeps, generation: unknown): void {
  if (normalPath(ctx.path) === '/jwks') {
    sendCacheable(ctx, { ...keyring.jwks(), type: 'application/jwk-set+json' })
    return
  }
  const answer = { body: JSON.stringify(ctx.body), type: 'application/json', cacheControl: 'public, max-age=300' }
  // Made once a generation: from now on it leaves as it is, for everybody. So never of a request that names more than the path: one with
  // another origin in its first line would have it stand in every URL.
  const { url = '' } = ctx.req
  if (PUBLISHED.includes(url)) shelf.put(url, generation, prepared(answer, ANY_ORIGIN))
  sendCacheable(ctx, answer)
}

/** The Koa application: edge, headers, our few routes, then the protocol's. */
export function frontDoor(door: DoorDeps): Koa {
  const { oidc } = door
  const koa = new Koa()
  koa.on('error', (cause) => door.logger.error({ err: cause }, 'outside every handler'))
  koa.use(outermost(door))
  koa.use(securityHeaders())
  koa.use(ownRoutes(door))
  koa.use(async (ctx) => {
    if (door.rest.handles(ctx.path)) return door.rest.answer(ctx)
    // Before anything is decided: what can't be sealed any more must not be half done.
    await door.seal.fresh()
    const address = callerAddress(ctx.req, door.proxies)
    if (await door.leaks.answer(ctx, address)) return
    if (await door.handover.answer(ctx)) return
    const body = ctx.method === 'GET' || ctx.method === 'HEAD' ? Buffer.alloc(0) : await readBody(ctx.req)
    if (normalPath(ctx.path) === door.claim.path) return door.claim.answer(ctx, body)
    const generation = oidc.lanes()
    await oidc.routes(ctx, { requestId: String(ctx.state.requestId), address, body })
    if (ctx.status === 200 && PUBLISHED.includes(normalPath(ctx.path))) cacheable(ctx, door, generation)
    else if (ctx.status === 404 && !ctx.body) {
      ctx.status = 404
      ctx.body = oauthError('not_found', 'there is nothing at this address')
    }
  })
  return koa
}

/** Listens. Resolves with the server once it does; rejects when the address can't be had. */
export function listen(
  handler: RequestListener,
  at: { readonly port: number; readonly host: string },
): Promise<Server> {
  const server = createServer(
    { requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 65_000, maxHeaderSize: 32_768 },
    handler,
  )
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(at.port, at.host, () => resolve(server))
  })
}
