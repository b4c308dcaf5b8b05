/**
 * The protocol's routes: which path is whose, what runs in a unit of work, and how a failure past the library is shaped.
 * The library serves its own routes on a fresh context; ours stand beside it.
 */

import type { IncomingHttpHeaders } from 'node:http'
import type Koa from 'koa'
import { errors, type Provider } from 'oidc-provider'
import type { SeenFrom } from '../config/index.ts'
import { BadBody, networkOf, oauthError, type Views } from '../http/index.ts'
import { type Logger, loggedRefusal } from '../telemetry/index.ts'
import { Contended, type Runner } from './commit.ts'
import { BadForm, type Interactions } from './interactions.ts'
import type { AnyIntrospection } from './introspection.ts'
import { library } from './library.ts'
import { show } from './pages.ts'
import { pushLongRequest, redirectToAuth } from './post-auth.ts'
import type { AnyRevocation } from './revocation.ts'
import { currentWork } from './work.ts'

/** What a request carries from the edge. */
export interface EdgeState {
  readonly requestId: string
  readonly address: string
  readonly body: Buffer
}

/** What the routes use. They belong to one provider: a swap makes new ones, and a request finishes on those that it began with. */
export interface RouteDeps {
  readonly provider: Provider
  readonly run: Runner
  readonly interactions: Interactions
  readonly introspection: AnyIntrospection
  readonly revocation: AnyRevocation
  readonly registration: (ctx: Koa.Context, provider: Provider, body: Buffer) => Promise<void>
  readonly views: Views
  readonly logger: Logger
  readonly issuer: URL
  /** Header with the caller's country, where a trusted proxy sets it. */
  readonly countryHeader: string | undefined
  /** Counts wrong user codes of a network; says how many seconds to wait. */
  readonly userCodes: { waitSeconds(key: string): Promise<number>; fail(key: string): Promise<void> }
}

/** The same for everyone: what caches may keep, and what the raw door sends as prepared bytes. */
export const PUBLISHED = ['/jwks', '/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']

/** The path as the library's router sees it: letter case and one closing slash aside. */
export function normalPath(path: string): string {
  const lower = path.toLowerCase()
  return lower.length > 1 && lower.endsWith('/') ? lower.slice(0, -1) : lower
}

const ROUTES: readonly (readonly [RegExp, string])[] = [
  [/^\/token$/, 'token'],
  [/^\/token\/introspection$/, 'introspection'],
  [/^\/token\/revocation$/, 'revocation'],
  [/^\/session\/end/, 'end_session'],
  [/^\/device/, 'device'],
  [/^\/auth(\/|$)/, 'authorization'],
  [/^\/me$/, 'userinfo'],
  [/^\/request$/, 'pushed'],
  [/^\/reg(\/|$)/, 'registration'],
  [/^\/interaction\//, 'interaction'],
]
const AGENT_MAX = 160
const PAGES = ['authorization', 'interaction', 'end_session', 'device']

/** The route's name, in the words that decide what an error answer commits. */
export function routeOf(path: string): string {
  return ROUTES.find(([pattern]) => pattern.test(normalPath(path)))?.[1] ?? 'other'
}

/** Where a request comes from: its network, and what its head says of country and agent. `countryHeader`: where a trusted proxy sets one. */
export function seenFrom(
  headers: IncomingHttpHeaders,
  address: string,
  countryHeader: string | undefined,
): SeenFrom & { readonly network: string } {
  const country = countryHeader ? String(headers[countryHeader.toLowerCase()] ?? '').toUpperCase() : ''
  const agent = (headers['user-agent'] ?? '').slice(0, AGENT_MAX)
  return {
    network: networkOf(address),
    ...(/^[A-Z]{2}$/.test(country) ? { country } : {}),
    ...(agent ? { agent } : {}),
  }
}

/** Refuses what no protocol allows before the library sees it: bytes that are not text, NUL, and parameters that are not plain. */
function refuseOdd(ctx: Koa.Context, body: Buffer): void {
  const query = ctx.req.url ?? ''
  if (/%00|\0/i.test(query) || body.includes(0) || /%00/i.test(body.toString('latin1')))
    throw new errors.InvalidRequest('NUL is not allowed in a request')
}

/** Makes the middleware. */
export function createRoutes(deps: RouteDeps) {
  async function device(ctx: Koa.Context, provider: Provider, body: Buffer, network: string): Promise<void> {
    const typed = ctx.method === 'POST' && new URLSearchParams(body.toString()).has('user_code')
    const wait = typed ? await deps.userCodes.waitSeconds(network) : 0
    if (wait > 0) {
      ctx.status = 429
      ctx.set('Retry-After', String(wait))
      return show(
        ctx,
        deps.views.error({
          title: 'Too many codes',
          sentence: 'Too many wrong codes came from your network.',
          hint: 'Wait a few minutes and type the code again.',
          code: 'slow_down',
          requestId: String(ctx.res.getHeader('x-request-id')),
        }),
      )
    }
    const before = currentWork().unit.noted.length
    await library(provider)(ctx)
    if (
      currentWork()
        .unit.noted.slice(before)
        .some(({ type }) => type === 'device.wrong_code')
    )
      await deps.userCodes.fail(network)
  }

  async function handle(ctx: Koa.Context, provider: Provider, edge: EdgeState, route: string): Promise<void> {
    const path = normalPath(ctx.path)
    const uid = /^\/interaction\/([\w-]{1,64})$/.exec(ctx.path)?.[1]
    if (uid && ctx.method === 'GET') return deps.interactions.page(ctx, provider, uid)
    if (uid && ctx.method === 'POST')
      return deps.interactions.submit(ctx, provider, uid, new URLSearchParams(edge.body.toString()))
    if (path === '/auth' && ctx.method === 'POST') {
      const long = await pushLongRequest(provider, ctx, edge.body)
      return redirectToAuth(ctx, long)
    }
    if (route === 'introspection') return deps.introspection(ctx, provider, edge.body)
    if (route === 'revocation') return deps.revocation(ctx, provider, edge.body)
    if (path === '/device') return device(ctx, provider, edge.body, networkOf(edge.address))
    if (route === 'registration') return deps.registration(ctx, provider, edge.body)
    await library(provider)(ctx)
  }

  /** Maps a failure past the library to the route's own shape; the security headers are on the response already. */
  function refuse(ctx: Koa.Context, cause: unknown, route: string, requestId: string): void {
    const known =
      cause instanceof BadBody ||
      cause instanceof BadForm ||
      cause instanceof Contended ||
      cause instanceof errors.OIDCProviderError
    const status =
      cause instanceof BadBody
        ? cause.status
        : cause instanceof BadForm
          ? 400
          : cause instanceof errors.OIDCProviderError
            ? cause.statusCode
            : 503
    const code =
      cause instanceof errors.OIDCProviderError
        ? cause.error
        : status === 503
          ? 'temporarily_unavailable'
          : 'invalid_request'
    if (known && status < 500)
      deps.logger.info({ ...loggedRefusal(cause), status, route, request: requestId }, 'refused')
    else if (known) deps.logger.info({ err: cause, route, request: requestId }, 'refused')
    else deps.logger.error({ err: cause, route, request: requestId }, 'the request could not be committed')
    ctx.status = status
    if (status === 503) ctx.set('Retry-After', '1')
    ctx.set('Cache-Control', 'no-store')
    const gone = cause instanceof errors.SessionNotFound
    if (PAGES.includes(route) && ctx.accepts('json', 'html') === 'html') {
      const sentence =
        cause instanceof Error && known ? `${cause.message}.` : "The server can't answer just now. Nothing was changed."
      show(ctx, gone ? deps.views.expired({ requestId }) : deps.views.error({ sentence, code, requestId }))
      return
    }
    const description =
      cause instanceof errors.OIDCProviderError
        ? (cause.error_description ?? cause.message)
        : cause instanceof Error && known
          ? cause.message
          : "the server can't answer just now; nothing was changed"
    ctx.body = oauthError(code, description)
  }

  return async (outer: Koa.Context, edge: EdgeState): Promise<void> => {
    const { provider } = deps
    const route = routeOf(outer.path)
    try {
      refuseOdd(outer, edge.body)
      const ctx = await deps.run({
        req: outer.req,
        res: outer.res,
        body: edge.body,
        id: edge.requestId,
        route,
        address: edge.address,
        seen: seenFrom(outer.req.headers, edge.address, deps.countryHeader),
        context: (req, res) => provider.createContext(req, res) as Koa.Context,
        async handle(inner) {
          await handle(inner, provider, edge, route)
          // The library words it as its own failure; it is the signer's, it passes, and nothing of the answer may be kept.
          const { signerAway } = currentWork()
          if (signerAway) throw signerAway
        },
      })
      outer.status = ctx.status
      if (ctx.body !== undefined) outer.body = ctx.body
    } catch (cause) {
      refuse(outer, cause, route, edge.requestId)
    }
  }
}

export type Routes = ReturnType<typeof createRoutes>
