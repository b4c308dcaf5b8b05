/**
 * Introspection, one answer for every kind of credential (RFC 7662): opaque and JWT access tokens, refresh tokens, API tokens. Who asks is
 * authenticated by the library alone. A resource server also learns why a token is not good; nobody else does, the bearer least of all.
 */

import type Koa from 'koa'
import { errors, type Provider } from 'oidc-provider'
import {
  type FoundToken,
  mayBeToken,
  type Presented,
  type Reason,
  type TokenFacts,
  type Verifier,
} from '../api-tokens/index.ts'
import { type Clock, seconds } from '../base/index.ts'
import type { ClientRecord, Clients } from '../clients/index.ts'
import type { Families } from './family.ts'
import type { Introspection } from './introspect.ts'
import { authenticated, library, libraryWith } from './library.ts'
import { artefacts, type Kind, type Records } from './records.ts'
import { subjectName } from './token-exchange.ts'
import { currentWork } from './work.ts'

/** What it uses. */
export interface AnyIntrospectionDeps {
  readonly introspection: Introspection
  readonly verifier: Verifier
  readonly clients: Pick<Clients, 'api'>
  readonly records: Pick<Records, 'id' | 'hash'>
  readonly wellFormed: (kind: Kind, text: string) => boolean
  /** The two ends of the refresh token that this request presented. */
  readonly ends: Families['ends']
  readonly clock: Clock
}

/** A text that is no token of any kind: the library authenticates the client, reads nothing and says that it is not active. */
const NOBODYS = 'mm_at_unknown'
/** What a resource server says of the request that it was sent. Taken for API tokens only. */
const ASKED = ['ip', 'method', 'path', 'resource', 'scope', 'user_agent'] as const

type Body = Readonly<Record<string, unknown>>

/** Replaces one parameter of a form body. */
function withToken(body: Buffer, text: string): Buffer {
  const form = new URLSearchParams(body.toString())
  form.set('token', text)
  return Buffer.from(form.toString())
}

const isBody = (value: unknown): value is Body => typeof value === 'object' && value !== null

/** Whether a client may know why a token of an API is not good: it serves that API. */
const serves = (caller: ClientRecord | undefined, api: string | undefined): boolean =>
  api !== undefined && caller !== undefined && caller.introspect.includes(api)

/** What is asked for of an API token. Throws for a parameter that is there twice. */
function askedOf(form: URLSearchParams): Presented {
  for (const name of ASKED)
    if (form.getAll(name).length > 1) throw new errors.InvalidRequest(`'${name}' parameter must not be provided twice`)
  const one = (name: (typeof ASKED)[number]): string | undefined => form.get(name) || undefined
  return {
    address: one('ip'),
    method: one('method'),
    path: one('path'),
    api: one('resource'),
    scopes: one('scope')?.split(' ').filter(Boolean),
    agent: one('user_agent'),
  }
}

function activeBody(token: TokenFacts, api: string | undefined): Body {
  const { owner } = token
  const aud = api ?? (token.apis.length > 1 ? token.apis : token.apis[0])
  return {
    active: true,
    ...(token.scopes.length > 0 ? { scope: token.scopes.join(' ') } : {}),
    sub: subjectName(owner),
    ...(owner.type === 'service' ? { client_id: owner.id } : {}),
    token_type: 'api_token',
    exp: token.exp,
    ...(token.iat === null ? {} : { iat: token.iat }),
    jti: token.id,
    ...(aud === undefined ? {} : { aud }),
  }
}

/** Makes the handler of the introspection endpoint. */
export function createAnyIntrospection(deps: AnyIntrospectionDeps) {
  const { verifier, clients, records, clock } = deps

  /** The API for which a client may ask about a token: the one that it names, else the first of its own that the token is for. */
  async function placeOf(
    caller: ClientRecord,
    found: FoundToken,
    named: string | undefined,
  ): Promise<string | undefined> {
    const { apis, scopes } = found.record
    const own = named === undefined ? caller.introspect : caller.introspect.filter((api) => api === named)
    if (apis.length > 0) return own.find((api) => apis.includes(api))
    for (const id of own) {
      const declared = (await clients.api(id))?.scopes ?? {}
      if (scopes.some((scope) => Object.hasOwn(declared, scope))) return id
    }
    return undefined
  }

  /** The answer about an API token, for an authenticated client. Another's and an unknown one look the same. */
  async function aboutToken(
    ctx: Koa.Context,
    caller: ClientRecord,
    text: string,
    form: URLSearchParams,
  ): Promise<Body> {
    const asked = { ...askedOf(form), client: caller.clientId }
    const found = await verifier.find(text)
    const unknown = caller.introspect.length > 0 ? { active: false, reason: 'NOT_FOUND' } : { active: false }
    if (!found) return unknown
    const api = await placeOf(caller, found, asked.api)
    const { owner } = found.record
    if (api === undefined) {
      if (owner.type === 'service' && owner.id === caller.clientId) return asBearer(ctx, found, asked)
      verifier.alarm(found, asked)
      return unknown
    }
    const { reason, token, retryAfterSeconds } = verifier.present(found, { ...asked, api })
    if (reason === 'VALID' && token) {
      ctx.set('Token-Expires-In', String(token.exp - seconds(clock)))
      return { ...activeBody(token, api), reason }
    }
    return { active: false, reason, ...(retryAfterSeconds === undefined ? {} : { retry_after: retryAfterSeconds }) }
  }

  /** A service about its own token. It is the bearer: it hears whether the token is good, not why not, and its question is no use of it. */
  function asBearer(ctx: Koa.Context, found: FoundToken, asked: Presented): Body {
    const { reason, token } = verifier.judge(found, { ...asked, api: asked.api ?? found.record.apis[0] })
    if (reason !== 'VALID' || !token) return { active: false }
    ctx.set('Token-Expires-In', String(token.exp - seconds(clock)))
    return activeBody(token, asked.api)
  }

  const callerOf = (ctx: Koa.Context): ClientRecord | undefined => {
    const id = ctx.status === 200 ? authenticated(ctx) : undefined
    return id === undefined ? undefined : currentWork().clients.get(id)
  }

  async function apiToken(ctx: Koa.Context, provider: Provider, body: Buffer, text: string): Promise<void> {
    const caller = callerOf(await libraryWith(ctx, provider, withToken(body, NOBODYS)))
    if (caller) ctx.body = await aboutToken(ctx, caller, text, new URLSearchParams(body.toString()))
  }

  /** Why an opaque access token of one of the caller's APIs is dead; NOT_FOUND for everything else. */
  async function whyDead(caller: ClientRecord, text: string): Promise<Reason> {
    for (const kind of ['AccessToken', 'ClientCredentials'] as const) {
      // The library has read it in this unit already.
      const doc = deps.wellFormed(kind, text)
        ? await currentWork().unit.get(artefacts.name, records.id(kind, text))
        : undefined
      if (doc && caller.introspect.some((api) => records.hash('api', api) === doc.api))
        return doc.revokedAt === null && doc.exp !== null && doc.exp <= seconds(clock) ? 'EXPIRED' : 'REVOKED'
    }
    return 'NOT_FOUND'
  }

  /** Opaque tokens are the library's; of refresh tokens a client also sees when they end, used or not. */
  async function opaque(ctx: Koa.Context, provider: Provider, text: string | undefined): Promise<void> {
    await library(provider)(ctx)
    const answer: unknown = ctx.body
    const caller = callerOf(ctx)
    if (!caller || !isBody(answer) || !('active' in answer)) return
    const ends = deps.ends(currentWork())
    if (answer.active && ends) ctx.body = { ...answer, idle_expires_at: ends.idle, absolute_expires_at: ends.absolute }
    else if (answer.active && serves(caller, String(answer.aud))) ctx.body = { ...answer, reason: 'VALID' }
    else if (!answer.active && caller.introspect.length > 0 && text !== undefined)
      ctx.body = { ...answer, reason: await whyDead(caller, text) }
  }

  async function jwt(ctx: Koa.Context, provider: Provider, body: Buffer, text: string): Promise<void> {
    const known = await deps.introspection(text)
    if (!known) return apiToken(ctx, provider, body, text)
    // A dead JWT must look like any unknown token, and still ask for the client's authentication.
    const inner = await libraryWith(ctx, provider, withToken(body, 'text' in known ? known.text : NOBODYS))
    const answer: unknown = ctx.body
    const caller = callerOf(inner)
    if (!caller || !isBody(answer) || !('active' in answer)) return
    const knows = serves(caller, known.aud)
    if (answer.active && 'text' in known)
      ctx.body = { ...answer, jti: known.jti, ...(knows ? { reason: 'VALID' } : {}) }
    else if (caller.introspect.length > 0) {
      const why = 'dead' in known ? known.dead : 'REVOKED'
      ctx.body = { ...answer, reason: knows ? why : 'NOT_FOUND' }
    }
  }

  return async (ctx: Koa.Context, provider: Provider, body: Buffer): Promise<void> => {
    const [text, ...more] = new URLSearchParams(body.toString()).getAll('token')
    if (!text || more.length > 0) return opaque(ctx, provider, undefined)
    if (text.split('.').length === 3) return jwt(ctx, provider, body, text)
    return mayBeToken(text) ? apiToken(ctx, provider, body, text) : opaque(ctx, provider, text)
  }
}

export type AnyIntrospection = ReturnType<typeof createAnyIntrospection>
