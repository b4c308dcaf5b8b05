/**
 * The router of `/api/v1`: finds the route, lets the caller in by its policy, parses, runs and commits, and shapes every failure as a problem.
 * Default deny: what no route declares is refused, and no handler runs before its policy has said how far the caller reaches.
 */

import type Koa from 'koa'
import { type Clock, hasWrites, seconds, type Unit } from '../base/index.ts'
import { callerAddress, networkOf, readBody } from '../http/index.ts'
import type { Answer, Idempotency } from '../idempotency/index.ts'
import type { Seal } from '../seal/index.ts'
import { type Logger, loggedRefusal } from '../telemetry/index.ts'
import { createCursors } from './cursor.ts'
import { type Doors, MANAGEMENT_API } from './doors.ts'
import { inventoryRoutes } from './inventory-routes.ts'
import { openapiOf } from './openapi.ts'
import { meaningsOf, type RefusalTable } from './pages.ts'
import { jsonBody, queryOf } from './parse.ts'
import { type Principal, principalOf, reachOf } from './principal.ts'
import { isProblemPage, type Problem, problemOf, problemPage, refuse } from './problems.ts'
import type { Route, Tools } from './route.ts'
import { tokenRoutes } from './token-routes.ts'

/** Every route of the API. */
export const routes: readonly Route[] = [...tokenRoutes, ...inventoryRoutes]

/** What the face uses. */
export interface RestDeps {
  readonly doors: Doors
  readonly idempotency: Pick<Idempotency, 'once'>
  readonly seal: Seal
  readonly clock: Clock
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
  readonly issuer: string
  readonly proxies: number
  readonly logger: Pick<Logger, 'info' | 'error'>
  /** Every table that a verb behind the doors refuses from: each code of them has a page. */
  readonly refusals: readonly RefusalTable[]
}

const PREFIX = '/api/v1'
const DESCRIPTION = '/api/openapi.json'

interface Matched {
  readonly route: Route
  readonly params: Readonly<Record<string, string>>
}

/** The parts of a path that a template names; undefined where it is another path. */
function paramsOf(template: string, parts: readonly string[]): Matched['params'] | undefined {
  const wanted = template.split('/')
  if (wanted.length !== parts.length) return undefined
  const params: Record<string, string> = {}
  for (const [n, want] of wanted.entries()) {
    const name = /^\{(\w+)\}$/.exec(want)?.[1]
    if (name !== undefined) params[name] = parts[n] ?? ''
    else if (want !== parts[n]) return undefined
  }
  return params
}

/** The route of a request; a fixed part beats a named one. Throws `no_such_route` or `method_not_allowed`, and says which methods there are. */
function matched(ctx: Koa.Context): Matched {
  const method = ctx.method === 'HEAD' ? 'GET' : ctx.method
  let parts: readonly string[]
  try {
    parts = ctx.path.slice(PREFIX.length).split('/').map(decodeURIComponent)
  } catch (cause) {
    throw refuse('no_such_route', {}, cause)
  }
  const fitting = routes
    .flatMap((route) => {
      const params = paramsOf(route.path, parts)
      return params ? [{ route, params }] : []
    })
    .sort((a, b) => Object.keys(a.params).length - Object.keys(b.params).length)
  const found = fitting.find(({ route }) => route.method === method)
  if (found) return found
  if (fitting.length === 0) throw refuse('no_such_route')
  ctx.set('Allow', [...new Set(fitting.map(({ route }) => route.method))].join(', '))
  throw refuse('method_not_allowed')
}

/** What RFC 6750 (3) wants said beside a refusal. */
function challenge(ctx: Koa.Context, { code }: Problem, route: Route | undefined): void {
  const realm = `Bearer realm="${MANAGEMENT_API}"`
  if (code === 'token_missing') ctx.set('WWW-Authenticate', realm)
  if (code === 'token_invalid') ctx.set('WWW-Authenticate', `${realm}, error="invalid_token"`)
  if (code === 'insufficient_scope' && route)
    ctx.set('WWW-Authenticate', `${realm}, error="insufficient_scope", scope="${route.policy.any.join(' ')}"`)
}

function send(ctx: Koa.Context, { status, body }: Answer): void {
  ctx.status = status
  if (status === 204) return
  ctx.type = 'application/json'
  ctx.body = JSON.stringify(body)
}

/** Answers with a problem. */
function fail(
  ctx: Koa.Context,
  cause: unknown,
  { issuer, logger, route }: Pick<RestDeps, 'issuer' | 'logger'> & { readonly route: Route | undefined },
): void {
  const requestId = String(ctx.state.requestId)
  const { problem, isOurs } = problemOf(cause, { issuer, requestId })
  if (isOurs) logger.error({ err: cause, route: route?.name, request: requestId }, 'a call of the API failed')
  else
    logger.info({ ...loggedRefusal(cause), status: problem.status, route: route?.name, request: requestId }, 'refused')
  challenge(ctx, problem, route)
  if (problem.status === 503) ctx.set('Retry-After', '1')
  if (problem.status === 413) ctx.set('Connection', 'close')
  ctx.status = problem.status
  ctx.set('Content-Type', 'application/problem+json')
  ctx.body = JSON.stringify(problem)
}

/** Makes the face. */
export function createRest(deps: RestDeps) {
  const { doors, seal, clock, issuer, logger } = deps
  const now = (): number => seconds(clock)
  const tools: Tools = { ...doors, cursors: createCursors(seal) }
  const known = meaningsOf(deps.refusals)
  const description = JSON.stringify(openapiOf(routes, issuer))

  /** Runs a parsed call as its method asks: reads as they are, a POST once for its key, the others in a unit of their own. */
  async function run(ctx: Koa.Context, { route, params }: Matched, principal: Principal): Promise<Answer> {
    const reach = reachOf(route.policy, principal)
    const raw = route.body ? await readBody(ctx.req) : Buffer.alloc(0)
    const body = route.body ? jsonBody(raw, ctx.get('content-type')) : undefined
    const work = route.ready({ params, query: queryOf(ctx.querystring), body })
    if (route.method === 'POST') {
      const key = ctx.req.headers['idempotency-key']
      const given = await deps.idempotency.once(
        {
          principal: principal.name,
          route: JSON.stringify([route.name, params]),
          key: typeof key === 'string' ? key : undefined,
          body: raw,
          request: String(ctx.state.requestId),
          network: networkOf(callerAddress(ctx.req, deps.proxies)),
        },
        (unit) => work({ principal, reach, unit }, tools),
      )
      if (given.isReplayed) ctx.set('Idempotency-Replayed', 'true')
      return given
    }
    const unit = deps.unit()
    const answer = await work({ principal, reach, unit }, tools)
    if (hasWrites(unit.writes('all'))) await deps.commit(unit)
    return answer
  }

  async function serve(ctx: Koa.Context, at: Matched): Promise<void> {
    // Before anything is decided: what can't be sealed any more must not be half done.
    await seal.fresh()
    const address = callerAddress(ctx.req, deps.proxies)
    const principal = await principalOf(doors, ctx.get('authorization'), {
      address,
      method: ctx.method,
      path: ctx.path,
    })
    if (principal.token) ctx.set('Token-Expires-In', String(Math.max(0, principal.token.expiresAt - now())))
    send(ctx, await run(ctx, at, principal))
  }

  return {
    /** Whether a path is of this face. */
    handles: (path: string): boolean =>
      path === DESCRIPTION || path === PREFIX || path.startsWith(`${PREFIX}/`) || isProblemPage(path),
    /** Answers a request; reads its body itself, when it knows the caller. Never throws. */
    async answer(ctx: Koa.Context): Promise<void> {
      ctx.set('Cache-Control', 'no-store')
      let at: Matched | undefined
      try {
        if (ctx.path === DESCRIPTION && /^(GET|HEAD)$/.test(ctx.method)) {
          ctx.type = 'application/json'
          ctx.body = description
          return
        }
        if (isProblemPage(ctx.path)) {
          ctx.body = problemPage(ctx.path, known)
          return
        }
        at = matched(ctx)
        await serve(ctx, at)
      } catch (cause) {
        fail(ctx, cause, { issuer, logger, route: at?.route })
      }
    },
  }
}

export type Rest = ReturnType<typeof createRest>
