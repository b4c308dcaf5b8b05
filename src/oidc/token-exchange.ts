/**
 * Token exchange (RFC 8693) for API tokens alone: the long-lived secret stays where it is kept, and a short-lived access token for one
 * API travels in its place. It is never wider than the API token now, never outlives it, and dies with it where that can be known.
 */

import { errors, type Provider, type ResourceServer, type TokenEndpointGrantContext } from 'oidc-provider'
import type { Asked, FoundToken, TokenFacts, Verified, Verifier } from '../api-tokens/index.ts'
import { type Clock, seconds } from '../base/index.ts'
import type { ApiRecord, Clients } from '../clients/index.ts'
import {
  buildTokenResponse,
  checkDpopReplay,
  checkDpopRequired,
  checkMtlsCert,
  resolveRequestedResources,
  validateDpop,
} from './internals.ts'
import { currentWork } from './work.ts'

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
/** The subject token type of API tokens. */
export const API_TOKEN_TYPE = 'urn:mintmark:token-type:api-token'
const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token'
const PARAMETERS = [
  'subject_token',
  'subject_token_type',
  'actor_token',
  'actor_token_type',
  'requested_token_type',
  'resource',
  'audience',
  'scope',
] as const

type Parameters = Partial<Record<(typeof PARAMETERS)[number], string>>
type Ctx = TokenEndpointGrantContext<Parameters>

/** What it uses. */
export interface ExchangeDeps {
  readonly verifier: Verifier
  readonly clients: Pick<Clients, 'apis'>
  readonly clock: Clock
}

/** One sentence for every fault of the subject token: its bearer learns nothing (RFC 8693, 2.2.2 names the code). */
const unfit = () => new errors.InvalidRequest('the subject token is not valid')

/** The subject token of a request that asks for what is given here. */
function subjectOf({ params }: Ctx['oidc']): string {
  if (!params.subject_token) throw new errors.InvalidRequest("missing required parameter 'subject_token'")
  if (params.subject_token_type !== API_TOKEN_TYPE)
    throw new errors.InvalidRequest(`subject_token_type must be ${API_TOKEN_TYPE}`)
  if (params.actor_token !== undefined || params.actor_token_type !== undefined)
    throw new errors.InvalidRequest('actor tokens are not supported')
  if (params.requested_token_type !== undefined && params.requested_token_type !== ACCESS_TOKEN_TYPE)
    throw new errors.InvalidRequest(`requested_token_type can only be ${ACCESS_TOKEN_TYPE}`)
  return params.subject_token
}

/** The one API that is asked for; where none is, the token's only one, or the only one that declares all of the scopes. */
function apiOf(params: Parameters, token: TokenFacts, apis: readonly ApiRecord[]): string {
  const named = [params.resource, params.audience].filter((one) => one !== undefined)
  const [first] = named
  if (first !== undefined) {
    if (named.some((one) => one !== first)) throw new errors.InvalidTarget('resource and audience name different APIs')
    return first
  }
  const asked = params.scope?.split(' ') ?? token.scopes
  const fitting = apis.filter(
    ({ id, scopes }) =>
      (token.apis.length === 0 || token.apis.includes(id)) && asked.every((scope) => Object.hasOwn(scopes, scope)),
  )
  const only = token.apis.length === 1 ? token.apis[0] : fitting.length === 1 ? fitting[0]?.id : undefined
  if (only === undefined) throw new errors.InvalidTarget('name one API with the resource parameter')
  return only
}

/** Of what is asked for, what the API token may do now and the API declares for this client. */
function grantedScope(params: Parameters, token: TokenFacts, api: Pick<ResourceServer, 'scope'>): string {
  const declared = api.scope?.split(' ') ?? []
  const asked = params.scope?.split(' ') ?? token.scopes
  const granted = asked.filter((scope) => token.scopes.includes(scope) && declared.includes(scope))
  if (granted.length === 0)
    throw new errors.InvalidScope('the subject token has none of these scopes at this API', asked.join(' '))
  return [...new Set(granted)].join(' ')
}

/** What the access token says of where it comes from, and of whom: kept in the opaque one's body, claims in the JWT. */
const extraOf = ({ id, owner }: TokenFacts) =>
  owner.type === 'account' ? { tok: id } : { tok: id, sub: subjectName(owner) }

/** An owner as `sub`: accounts and services by their ids, organisations apart from both. */
export const subjectName = ({ type, id }: TokenFacts['owner']): string =>
  type === 'organisation' ? `organisation:${id}` : id

/** Public id of the API token that an access token was exchanged for; undefined for those of other grants. */
export function sourceOf({ extra }: { readonly extra?: unknown }): string | undefined {
  const tok = typeof extra === 'object' && extra !== null && 'tok' in extra ? extra.tok : undefined
  return typeof tok === 'string' ? tok : undefined
}

/** Whether the API token that an access token was exchanged for lives and still has its scopes; true for tokens of other grants. */
export const sourceLives =
  (verifier: Pick<Verifier, 'carries'>) =>
  async (token: { readonly extra?: unknown; readonly scope?: unknown }): Promise<boolean> => {
    const { scope } = token
    const tok = sourceOf(token)
    if (tok === undefined) return true
    const scopes = typeof scope === 'string' && scope ? scope.split(' ') : []
    return (await verifier.carries(tok, scopes)) !== undefined
  }

function accessToken(provider: Provider, { client }: Ctx['oidc'], token: TokenFacts) {
  if (token.owner.type !== 'account') return new provider.ClientCredentials({ client })
  const { AccessToken } = provider
  // There is no Grant: nobody consented in a browser, and what this token hangs on is the API token.
  const properties: Omit<ConstructorParameters<typeof AccessToken>[0], 'grantId'> = {
    client,
    accountId: token.owner.id,
    gty: 'token_exchange',
  }
  return new AccessToken(properties as ConstructorParameters<typeof AccessToken>[0])
}

/** Binds to the certificate or the key that the client has shown, as for every other grant. */
async function bind(
  provider: Provider,
  ctx: Ctx,
  made: ReturnType<typeof accessToken>,
  dPoP: Awaited<ReturnType<typeof validateDpop>>,
): Promise<void> {
  const certificate = checkMtlsCert(provider, ctx)
  if (certificate) made.setThumbprint('x5t', certificate)
  await checkDpopReplay(provider, ctx, dPoP, ctx.oidc.client.clientId)
  if (dPoP) made.setThumbprint('jkt', dPoP.thumbprint)
  checkDpopRequired(provider, ctx, dPoP)
}

const placeOf = (ctx: Ctx) => ({ address: ctx.ip, agent: ctx.get('user-agent'), client: ctx.oidc.client.clientId })

/** Makes the registration of the grant type. */
export function createTokenExchange({ verifier, clients, clock }: ExchangeDeps) {
  // Networks say where the secret may be presented: here. Of methods and paths no verifier of the access token would know, so a token
  // that is limited to some is not exchanged.
  const presented = (ctx: Ctx, found: FoundToken, asked: Pick<Asked, 'api' | 'scopes'> = {}): Verified =>
    verifier.present(found, { ...placeOf(ctx), ...asked })

  /** The token, when it may be exchanged from here for this API, and what the access token may do. */
  function judged(ctx: Ctx, found: FoundToken, api: string, server: Pick<ResourceServer, 'scope'>) {
    const { reason, token } = verifier.judge(found, { address: ctx.ip, api })
    if (reason !== 'VALID' || !token) presented(ctx, found, { api })
    if (reason === 'SCOPE_DENIED') throw new errors.InvalidTarget('the subject token is not for this API')
    if (reason !== 'VALID' || !token) throw unfit()
    const scope = grantedScope(ctx.oidc.params, token, server)
    // What is granted counts as used: the access token itself is never seen here.
    if (presented(ctx, found, { api, scopes: scope.split(' ') }).reason !== 'VALID') throw unfit()
    return { token, scope }
  }

  async function handle(provider: Provider, ctx: Ctx): Promise<void> {
    const { params } = ctx.oidc
    const dPoP = await validateDpop(provider, ctx)
    const found = await verifier.find(subjectOf(ctx.oidc), { isFresh: true })
    if (!found) throw unfit()
    const { reason, token: held } = verifier.judge(found, { address: ctx.ip })
    // State, owner and place come first: who has a dead token hears of nothing else.
    if (!held || (reason !== 'VALID' && reason !== 'SCOPE_DENIED')) {
      presented(ctx, found)
      throw unfit()
    }
    const api = apiOf(params, held, held.apis.length === 1 ? [] : await clients.apis())
    Object.assign(params, { resource: api })
    const [resourceServer] = await resolveRequestedResources(provider, ctx)
    if (!resourceServer) throw new errors.InvalidTarget('this API is not declared')
    const { token, scope } = judged(ctx, found, api, resourceServer)
    const left = token.exp - seconds(clock)
    const made = accessToken(provider, ctx.oidc, token)
    made.resourceServer = resourceServer
    made.scope = scope
    made.extra = extraOf(token)
    // What the API says, and never past the API token's own end.
    Object.assign(made, { expiresIn: Math.min(made.expiration, left) })
    await bind(provider, ctx, made, dPoP)
    ctx.oidc.entity(made.kind, made)
    const value = await made.save()
    // Who exchanges holds the API token: nobody else may ever tell him that its end comes near.
    ctx.set('Token-Expires-In', String(left))
    currentWork().unit.note('api_token.exchanged', {
      id: token.id,
      client_id: ctx.oidc.client.clientId,
      api,
      scope: made.scope,
    })
    ctx.body = buildTokenResponse(provider, {
      accessToken: value,
      expiresIn: made.expiration,
      scope: made.scope,
      tokenType: made.tokenType,
      issuedTokenType: ACCESS_TOKEN_TYPE,
    })
  }

  /** Right after construction: clients that list the grant are checked against what is registered. A repeated parameter is refused. */
  return (provider: Provider): void =>
    provider.registerGrantType<Parameters>(TOKEN_EXCHANGE, (ctx) => handle(provider, ctx), [...PARAMETERS])
}
