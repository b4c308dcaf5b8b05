/**
 * What introspection says of an API token, to a client that the library has authenticated. A resource server also learns why a token is not
 * good; nobody else does, the bearer least of all.
 */

import { errors } from 'oidc-provider'
import type { FoundToken, Presented, TokenFacts, Verifier } from '../api-tokens/index.ts'
import { type Clock, seconds } from '../base/index.ts'
import type { ClientRecord, Clients } from '../clients/index.ts'
import { subjectName } from './token-exchange.ts'

/** What it uses. */
export interface TokenAnswerDeps {
  readonly verifier: Verifier
  readonly clients: Pick<Clients, 'api'>
  readonly clock: Clock
}

/** What an answer is, before it is written. */
export type Body = Readonly<Record<string, unknown>>

/** An answer about an API token. `expiresIn`: what the header `Token-Expires-In` says of a live one, in seconds. */
export interface TokenAnswer {
  readonly body: Body
  readonly expiresIn?: number
}

/** What a resource server says of the request that it was sent. Taken for API tokens only. */
const ASKED = ['ip', 'method', 'path', 'resource', 'scope', 'user_agent'] as const

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
  function asBearer(found: FoundToken, asked: Presented): TokenAnswer {
    const { reason, token } = verifier.judge(found, { ...asked, api: asked.api ?? found.record.apis[0] })
    if (reason !== 'VALID' || !token) return { body: { active: false } }
    return { body: activeBody(token, asked.api), expiresIn: token.exp - seconds(clock) }
  }

  /** The answer about an API token, for an authenticated client. Another's and an unknown one look the same. */
  return async (caller: ClientRecord, text: string, form: URLSearchParams): Promise<TokenAnswer> => {
    const asked = { ...askedOf(form), client: caller.clientId }
    const found = await verifier.find(text)
    const unknown = caller.introspect.length > 0 ? { active: false, reason: 'NOT_FOUND' } : { active: false }
    if (!found) return { body: unknown }
    const api = await placeOf(caller, found, asked.api)
    const { owner } = found.record
    if (api === undefined) {
      if (owner.type === 'service' && owner.id === caller.clientId) return asBearer(found, asked)
      verifier.alarm(found, asked)
      return { body: unknown }
    }
    const { reason, token, retryAfterSeconds } = verifier.present(found, { ...asked, api })
    if (reason === 'VALID' && token)
      return { body: { ...activeBody(token, api), reason }, expiresIn: token.exp - seconds(clock) }
    const wait = retryAfterSeconds === undefined ? {} : { retry_after: retryAfterSeconds }
    return { body: { active: false, reason, ...wait } }
  }
}

export type TokenAnswers = ReturnType<typeof createTokenAnswers>
