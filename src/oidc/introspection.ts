/**
 * Introspection, one answer for every kind of credential (RFC 7662): opaque and JWT access tokens, refresh tokens, API tokens. Who asks is
 * authenticated by the library alone. A resource server also learns why a token is not good; nobody else does.
 */

import type Koa from 'koa'
import type { Provider } from 'oidc-provider'
import { mayBeToken, type Reason } from '../api-tokens/index.ts'
import { type Clock, seconds } from '../base/index.ts'
import type { ClientRecord } from '../clients/index.ts'
import type { TokenAnswers } from './api-token-introspection.ts'
import { answerTo, askedOf, type Body, serves } from './asked-of.ts'
import type { Families } from './family.ts'
import type { Introspection } from './introspect.ts'
import { authenticated, library, libraryWith, NOBODYS, withToken } from './library.ts'
import { artefacts, type Kind, type Records } from './records.ts'
import { currentWork } from './work.ts'

/** What it uses. */
export interface AnyIntrospectionDeps {
  /** JWT access tokens. */
  readonly introspection: Introspection
  /** API tokens. */
  readonly answers: TokenAnswers
  readonly records: Pick<Records, 'id' | 'hash'>
  readonly wellFormed: (kind: Kind, text: string) => boolean
  /** The two ends of the refresh token that this request presented. */
  readonly ends: Families['ends']
  readonly clock: Clock
}

/** The library's answer, where it is one: not where it refused who asks. */
function answerOf(ctx: Koa.Context): Body | undefined {
  const answer: unknown = ctx.body
  return typeof answer === 'object' && answer !== null && 'active' in answer ? { ...answer } : undefined
}

function callerOf(ctx: Koa.Context): ClientRecord | undefined {
  const id = ctx.status === 200 ? authenticated(ctx) : undefined
  return id === undefined ? undefined : currentWork().clients.get(id)
}

/** Makes the handler of the introspection endpoint. */
export function createAnyIntrospection(deps: AnyIntrospectionDeps) {
  const { records, clock } = deps

  async function apiToken(ctx: Koa.Context, provider: Provider, body: Buffer, text: string): Promise<void> {
    const caller = callerOf(await libraryWith(ctx, provider, withToken(body, NOBODYS)))
    if (!caller) return
    const answer = await deps.answers(caller, text, new URLSearchParams(body.toString()))
    if (answer.expiresIn !== undefined) ctx.set('Token-Expires-In', String(answer.expiresIn))
    ctx.body = answer.body
  }

  /** Why an opaque access token of one of the caller's APIs (of the one that it names) is dead; NOT_FOUND for everything else. */
  async function whyDead(caller: ClientRecord, text: string, named: string | undefined): Promise<Reason> {
    const own = named === undefined ? caller.introspect : caller.introspect.filter((api) => api === named)
    for (const kind of ['AccessToken', 'ClientCredentials'] as const) {
      // The library has read it in this unit already.
      const doc = deps.wellFormed(kind, text)
        ? await currentWork().unit.get(artefacts.name, records.id(kind, text))
        : undefined
      if (doc && own.some((api) => records.hash('api', api) === doc.api))
        return doc.revokedAt === null && doc.exp !== null && doc.exp <= seconds(clock) ? 'EXPIRED' : 'REVOKED'
    }
    return 'NOT_FOUND'
  }

  /** Opaque tokens are the library's; of refresh tokens a client also sees when they end, used or not. */
  async function opaque(ctx: Koa.Context, provider: Provider, body: Buffer, text: string | undefined): Promise<void> {
    await library(provider)(ctx)
    const [answer, caller] = [answerOf(ctx), callerOf(ctx)]
    if (!caller || !answer) return
    const ends = deps.ends(currentWork())
    if (answer.active && ends) ctx.body = { ...answer, idle_expires_at: ends.idle, absolute_expires_at: ends.absolute }
    else if (caller.introspect.length > 0 && text !== undefined) {
      const asked = askedOf(new URLSearchParams(body.toString()))
      ctx.body = answer.active
        ? answerTo(caller, answer, asked)
        : { ...answer, reason: await whyDead(caller, text, asked.api) }
    }
  }

  async function jwt(ctx: Koa.Context, provider: Provider, body: Buffer, text: string): Promise<void> {
    const known = await deps.introspection(text)
    if (!known) return apiToken(ctx, provider, body, text)
    // A dead JWT must look like any unknown token, and still ask for the client's authentication.
    const inner = await libraryWith(ctx, provider, withToken(body, 'text' in known ? known.text : NOBODYS))
    const [answer, caller] = [answerOf(ctx), callerOf(inner)]
    if (!caller || !answer) return
    const live = answer.active && 'text' in known ? { ...answer, jti: known.jti } : undefined
    if (caller.introspect.length === 0) {
      ctx.body = live ?? answer
      return
    }
    const asked = askedOf(new URLSearchParams(body.toString()))
    const isMeant = serves(caller, known.aud) && (asked.api ?? known.aud) === known.aud
    const why = 'dead' in known ? known.dead : 'REVOKED'
    ctx.body = live ? answerTo(caller, live, asked) : { ...answer, reason: isMeant ? why : 'NOT_FOUND' }
  }

  return async (ctx: Koa.Context, provider: Provider, body: Buffer): Promise<void> => {
    const [text, ...more] = new URLSearchParams(body.toString()).getAll('token')
    if (!text || more.length > 0) return opaque(ctx, provider, body, undefined)
    if (text.split('.').length === 3) return jwt(ctx, provider, body, text)
    return mayBeToken(text) ? apiToken(ctx, provider, body, text) : opaque(ctx, provider, body, text)
  }
}

export type AnyIntrospection = ReturnType<typeof createAnyIntrospection>
