/**
 * What introspection says of an API token, to a client that the library has authenticated. A resource server also learns why a token is not
 * good; nobody else does, the bearer least of all.
 */

import type Koa from 'koa'
import type { FoundToken, Presented, TokenFacts, Verifier } from '../api-tokens/index.ts'
import { type Clock, seconds } from '../base/index.ts'
import type { ClientRecord, Clients } from '../clients/index.ts'
import { askedOf, type Body } from './asked-of.ts'
import { subjectName } from './token-exchange.ts'

/** What it uses. */
export interface TokenAnswerDeps {
  readonly verifier: Verifier
  readonly clients: Pick<Clients, 'api'>
  readonly clock: Clock
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

/** Makes the answers. */
export function createTokenAnswers({ verifier, clients, clock }: TokenAnswerDeps) {
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

  /** A service about its own token. It is the bearer: it hears whether the token is good, not why not, and its question is no use of it. */
  function asBearer(ctx: Koa.Context, found: FoundToken, asked: Presented): Body {
    const { reason, token } = verifier.judge(found, { ...asked, api: asked.api ?? found.record.apis[0] })
    if (reason !== 'VALID' || !token) return { active: false }
    ctx.set('Token-Expires-In', String(token.exp - seconds(clock)))
    return activeBody(token, asked.api)
  }

  /** The answer about an API token, for an authenticated client. Another's and an unknown one look the same. */
  return async (ctx: Koa.Context, caller: ClientRecord, text: string, form: URLSearchParams): Promise<Body> => {
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
}

export type TokenAnswers = ReturnType<typeof createTokenAnswers>
