/**
 * What introspection says of an API token, to a client that the library has authenticated. A resource server also learns why a token is not
 * good; nobody else does, the bearer least of all.
 */

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

/** An answer about an API token. `expiresIn`: what the header `Token-Expires-In` says of a live one, in seconds. */
export interface TokenAnswer {
  readonly body: Body
  readonly expiresIn?: number
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
  async function declaredBy(api: string): Promise<readonly string[]> {
    return Object.keys((await clients.api(api))?.scopes ?? {})
  }

  /**
   * The API for which a client may ask about a token: the one that it names, else the first of its own that the token is for, with
   * scopes of it, and those that are asked for, if there is one. `declared`: scopes of the API, where the token may have those of others.
   */
  async function placeOf(
    caller: ClientRecord,
    found: FoundToken,
    asked: Presented,
  ): Promise<{ readonly api: string; readonly declared?: readonly string[] } | undefined> {
    const { apis, scopes } = found.record
    const own = asked.api === undefined ? caller.introspect : caller.introspect.filter((api) => api === asked.api)
    // Its scopes were checked against this one API when it was ordered: nothing is read.
    const [only] = apis
    if (only !== undefined && apis.length === 1) return own.includes(only) ? { api: only } : undefined
    const fitting: { readonly api: string; readonly declared: readonly string[] }[] = []
    for (const api of own) {
      const declared = apis.length === 0 || apis.includes(api) ? await declaredBy(api) : []
      if (apis.includes(api) || scopes.some((scope) => declared.includes(scope))) fitting.push({ api, declared })
    }
    const has = ({ declared }: { readonly declared: readonly string[] }): boolean =>
      scopes.some((one) => declared.includes(one)) && (asked.scopes ?? []).every((one) => declared.includes(one))
    return fitting.find(has) ?? fitting[0]
  }

  /** A service about its own token. It is the bearer: it hears whether the token is good, not why not, and its question is no use of it. */
  async function asBearer(found: FoundToken, asked: Presented): Promise<TokenAnswer> {
    const { apis } = found.record
    const declared = asked.api === undefined || apis.length === 1 ? undefined : await declaredBy(asked.api)
    const { reason, token } = verifier.judge(found, { ...asked, api: asked.api ?? apis[0], declared })
    if (reason !== 'VALID' || !token) return { body: { active: false } }
    return { body: activeBody(token, asked.api), expiresIn: token.exp - seconds(clock) }
  }

  /** The answer about an API token, for an authenticated client. Another's and an unknown one look the same. */
  return async (caller: ClientRecord, text: string, form: URLSearchParams): Promise<TokenAnswer> => {
    const asked = { ...askedOf(form), client: caller.clientId }
    const found = await verifier.find(text)
    const unknown = caller.introspect.length > 0 ? { active: false, reason: 'NOT_FOUND' } : { active: false }
    if (!found) return { body: unknown }
    const place = await placeOf(caller, found, asked)
    const { owner } = found.record
    if (!place) {
      if (owner.type === 'service' && owner.id === caller.clientId) return asBearer(found, asked)
      verifier.alarm(found, asked)
      return { body: unknown }
    }
    const { reason, token, retryAfterSeconds } = verifier.present(found, { ...asked, ...place })
    if (reason === 'VALID' && token)
      return { body: { ...activeBody(token, place.api), reason }, expiresIn: token.exp - seconds(clock) }
    const wait = retryAfterSeconds === undefined ? {} : { retry_after: retryAfterSeconds }
    return { body: { active: false, reason, ...wait } }
  }
}

export type TokenAnswers = ReturnType<typeof createTokenAnswers>
