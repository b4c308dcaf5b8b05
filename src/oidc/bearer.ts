/**
 * Access tokens at our own resource server: what the bearer of one may do at one API now. The library's models find and judge them, as at
 * introspection; a JWT is verified first and stands in as there.
 */

import type { Provider } from 'oidc-provider'
import type { Accounts } from '../accounts/index.ts'
import type { Presented, TokenFacts, Verifier } from '../api-tokens/index.ts'
import type { Clients } from '../clients/index.ts'
import type { Introspection } from './introspect.ts'
import { sourceOf } from './token-exchange.ts'

/** What a live access token says. */
export interface BearerFacts {
  /** Undefined for client credentials. */
  readonly account: string | undefined
  readonly client: string
  readonly scopes: readonly string[]
  /** Bound to a key or a certificate (RFC 9449, RFC 8705): as a bearer token it is worth nothing. */
  readonly isBound: boolean
  /** The API token that it was exchanged for: whoever bears it is that token's owner here, and not the client that exchanged it. */
  readonly source: TokenFacts | undefined
}

/** What is asked: of which API, and where the request comes from. */
export type BearerAsked = Presented & { readonly api: string }

const words = (text: string | undefined): readonly string[] => (text ?? '').split(' ').filter(Boolean)

/** Makes the function. It runs inside a unit of work and writes nothing. */
export function createBearer(deps: {
  readonly provider: Provider
  readonly introspection: Introspection
  readonly accounts: Pick<Accounts, 'find'>
  readonly clients: Pick<Clients, 'find'>
  readonly verifier: Pick<Verifier, 'carries' | 'present'>
}) {
  const { provider, verifier } = deps

  /** Scopes that the person's grant still carries; undefined where the grant, or the person, is gone. */
  async function granted(
    token: {
      readonly accountId: string
      readonly grantId?: string | undefined
      readonly clientId?: string | undefined
    },
    audience: string,
    scopes: readonly string[],
  ): Promise<readonly string[] | undefined> {
    const grant = token.grantId === undefined ? undefined : await provider.Grant.find(token.grantId)
    const isTheirs = grant?.accountId === token.accountId && grant.clientId === token.clientId && !grant.isExpired
    if (!grant || !isTheirs || !(await deps.accounts.find(token.accountId))) return undefined
    return words(grant.getResourceScopeFiltered(audience, [...scopes]))
  }

  /** The API token behind an access token, where it is good here and now for all that the access token carries. A use of it, as if it were here itself. */
  async function sourceNow(
    tok: string,
    scopes: readonly string[],
    asked: BearerAsked,
  ): Promise<TokenFacts | undefined> {
    const found = await verifier.carries(tok, scopes)
    const judged = found && verifier.present(found, asked)
    return judged?.reason === 'VALID' ? judged.token : undefined
  }

  /** The facts of a live access token for an API; undefined for any other text. */
  return async (presented: string, asked: BearerAsked): Promise<BearerFacts | undefined> => {
    const isJwt = presented.split('.').length === 3
    const seen = isJwt ? await deps.introspection(presented) : { text: presented }
    const text = seen && 'text' in seen ? seen.text : undefined
    if (text === undefined) return undefined
    const own = await provider.AccessToken.find(text)
    const token = own ?? (await provider.ClientCredentials.find(text))
    if (!token?.isValid || token.clientId === undefined || [token.aud].flat().join(' ') !== asked.api) return undefined
    const client = await deps.clients.find(token.clientId)
    if (!client || client.disabled) return undefined
    const carried = words(token.scope)
    const tok = sourceOf(token)
    const source = tok === undefined ? undefined : await sourceNow(tok, carried, asked)
    if (tok !== undefined && !source) return undefined
    const scopes = own && !source ? await granted(own, asked.api, carried) : carried
    if (!scopes) return undefined
    const isBound = token.jkt !== undefined || token['x5t#S256'] !== undefined
    return { account: own?.accountId, client: token.clientId, scopes, isBound, source }
  }
}

export type Bearer = ReturnType<typeof createBearer>
