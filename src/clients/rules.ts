/** Pure decisions about clients: which redirect URIs and names may be registered, and what metadata a declaration becomes. */

import { isLoopback, type Refusal } from '../base/index.ts'
import { refuse } from './errors.ts'

const RESPONSE_PARAMETERS = [
  'code',
  'state',
  'iss',
  'error',
  'error_description',
  'access_token',
  'id_token',
  'token_type',
  'expires_in',
  'response',
]
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code'
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const GRANTS: Readonly<Record<string, string>> = {
  authorization_code: 'authorization_code',
  client_credentials: 'client_credentials',
  refresh_token: 'refresh_token',
  device_code: DEVICE,
  [DEVICE]: DEVICE,
  token_exchange: TOKEN_EXCHANGE,
  [TOKEN_EXCHANGE]: TOKEN_EXCHANGE,
  implicit: 'implicit',
}

/**
 * Whether a redirect URI may be registered (RFC 9700, 2.1 and 4.1; RFC 8252, 7 for native apps).
 * Compared byte for byte later, so it must also be what the URL parser makes of it.
 */
export function mayRedirectTo(uri: string, native: boolean): boolean {
  if (/[\s\\\p{Cc}]/u.test(uri) || uri.includes('#')) return false
  const url = URL.parse(uri)
  if (!url || url.username || url.password) return false
  if (RESPONSE_PARAMETERS.some((name) => url.searchParams.has(name))) return false
  if (url.protocol === 'https:') return url.hostname !== ''
  if (url.protocol === 'http:') return isLoopback(url.hostname)
  return native && /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:$/.test(url.protocol)
}

/** What a person asks for, in the CLI's words. */
export interface ClientOrder {
  readonly id?: string | undefined
  readonly name?: string | undefined
  readonly grants: readonly string[]
  readonly scopes: readonly string[]
  readonly redirectUris: readonly string[]
  readonly postLogoutRedirectUris: readonly string[]
  readonly public: boolean
  readonly native: boolean
  readonly introspect: readonly string[]
  readonly reliesOnNonce: boolean
  readonly fapi: boolean
  readonly label?: string | undefined
  readonly graceSeconds?: number | undefined
  readonly repeatsMax?: number | undefined
  readonly jwks?: unknown
  readonly jwksUri?: string | undefined
  readonly backchannelLogoutUri?: string | undefined
}

/** The first fault of an order, or undefined. */
export function faultOf(order: ClientOrder): Refusal | undefined {
  if (order.id !== undefined && !/^[\x21-\x39\x3b-\x7e]{1,256}$/.test(order.id)) return refuse('bad_client_id')
  if (order.name !== undefined && !/^[^\p{Cc}]{1,200}$/u.test(order.name)) return refuse('bad_name')
  const grant = order.grants.find((g) => !Object.hasOwn(GRANTS, g))
  if (grant !== undefined || order.grants.length === 0) return refuse('bad_grant', { grant })
  const uri = [...order.redirectUris, ...order.postLogoutRedirectUris].find((u) => !mayRedirectTo(u, order.native))
  if (uri !== undefined) return refuse('bad_redirect_uri', { uri })
  const scope = order.scopes.find((s) => !/^[\x21\x23-\x5B\x5D-\x7E]+$/.test(s))
  if (scope !== undefined) return refuse('bad_scope', { scope })
  if (order.grants.includes('authorization_code') && order.redirectUris.length === 0)
    return refuse('bad_metadata', { missing: 'redirect URI' })
  if (order.graceSeconds !== undefined && !(order.graceSeconds >= 0 && order.graceSeconds <= 60))
    return refuse('bad_grace', { graceSeconds: order.graceSeconds })
  if (order.public && order.grants.includes('client_credentials'))
    return refuse('bad_metadata', { public: true, grant: 'client_credentials' })
  return undefined
}

const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []

/** Ways in which a client may authenticate: secrets are kept as hashes, so none that needs the secret itself (DESIGN rule 6). */
const AUTH_METHODS = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'none',
  'self_signed_tls_client_auth',
]

/** The first fault of metadata that a configuration or a registration declares (RFC 7591, 2), or undefined. */
export function faultOfMetadata(metadata: Readonly<Record<string, unknown>>): Refusal | undefined {
  const native = metadata.application_type === 'native'
  const uris = [...texts(metadata.redirect_uris), ...texts(metadata.post_logout_redirect_uris)]
  const uri = uris.find((one) => !mayRedirectTo(one, native))
  if (uri !== undefined) return refuse('bad_redirect_uri', { uri })
  const grant = texts(metadata.grant_types).find((one) => !Object.hasOwn(GRANTS, one))
  if (grant !== undefined) return refuse('bad_grant', { grant })
  const method = metadata.token_endpoint_auth_method
  if (method !== undefined && !AUTH_METHODS.some((one) => one === method)) return refuse('bad_auth_method', { method })
  return undefined
}

/** The metadata (RFC 7591, 2) of an order. */
export function metadataOf(
  order: ClientOrder,
  clientId: string,
  idTokenAlgorithm = 'ES256',
): Readonly<Record<string, unknown>> {
  const grants = [...new Set(order.grants.map((g) => GRANTS[g] ?? g))]
  const keyed = order.jwks !== undefined || order.jwksUri !== undefined
  return {
    client_id: clientId,
    ...(order.name === undefined ? {} : { client_name: order.name }),
    grant_types: grants,
    response_types: grants.includes('authorization_code') ? ['code'] : [],
    redirect_uris: [...order.redirectUris],
    ...(order.postLogoutRedirectUris.length > 0
      ? { post_logout_redirect_uris: [...order.postLogoutRedirectUris] }
      : {}),
    application_type: order.native ? 'native' : 'web',
    token_endpoint_auth_method: order.public ? 'none' : keyed ? 'private_key_jwt' : 'client_secret_basic',
    id_token_signed_response_alg: idTokenAlgorithm,
    ...(order.scopes.length > 0 ? { scope: order.scopes.join(' ') } : {}),
    ...(order.jwks === undefined ? {} : { jwks: order.jwks }),
    ...(order.jwksUri === undefined ? {} : { jwks_uri: order.jwksUri }),
    ...(order.backchannelLogoutUri === undefined
      ? {}
      : { backchannel_logout_uri: order.backchannelLogoutUri, backchannel_logout_session_required: true }),
    ...(order.fapi ? { require_pushed_authorization_requests: true, dpop_bound_access_tokens: true } : {}),
  }
}
