/** Which API a token is for, and what a client may do there (RFC 8707). */

import { errors, type KoaContextWithOIDC, type ResourceServer } from 'oidc-provider'
import type { ApiRecord, Clients } from '../clients/index.ts'
import { type Configuration, SignerUnavailable } from '../config/index.ts'
import { maybeWork } from './work.ts'

/** OpenID Connect's scopes, which need no API. */
export const OPENID_SCOPES = ['openid', 'offline_access', 'profile', 'email', 'address', 'phone'] as const

/** How long an access token lives: as its API says, else as tokens of its format do. */
export function accessTokenSeconds(
  api: Pick<ApiRecord, 'accessToken' | 'lifetimeSeconds'> | null | undefined,
  { accessTokenSeconds: opaque, jwtAccessTokenSeconds: jwt }: Configuration['lifetimes'],
): number {
  return api?.lifetimeSeconds ?? (api?.accessToken === 'jwt' ? jwt : opaque)
}

function signerAway(message: string): SignerUnavailable {
  const cause = new SignerUnavailable(message)
  const work = maybeWork()
  if (work) work.signerAway = cause
  return cause
}

/** The functions that the library asks about APIs. */
export function createResources(deps: {
  readonly clients: Clients
  readonly lifetimes: Configuration['lifetimes']
  readonly statics: readonly string[]
  /** Whether something signs with an algorithm now. */
  readonly signs: (alg: ApiRecord['algorithm']) => boolean
}) {
  const { clients, lifetimes, statics } = deps

  async function allowed(ctx: KoaContextWithOIDC, clientId: string, api: ApiRecord): Promise<readonly string[]> {
    const record = await clients.find(clientId)
    const listed = typeof record?.metadata.scope === 'string' ? record.metadata.scope.split(' ') : undefined
    const all = Object.keys(api.scopes)
    // A person consents to what a client asks for; with nobody to ask, only what was registered is given (RFC 9700, 2.3).
    if (ctx.oidc.params?.grant_type === 'client_credentials') return all.filter((scope) => listed?.includes(scope))
    return listed?.some((scope) => !statics.includes(scope)) ? all.filter((scope) => listed.includes(scope)) : all
  }

  return {
    /** Facts of the API that a request names. Throws `invalid_target` for one that nobody declared. */
    async getResourceServerInfo(
      ctx: KoaContextWithOIDC,
      id: string,
      client: { readonly clientId: string },
    ): Promise<ResourceServer> {
      const api = await clients.api(id)
      if (!api) throw new errors.InvalidTarget('this API is not declared')
      const jwt = api.accessToken === 'jwt'
      // A key that was dropped and could not be replaced: it passes, and is no fault of the request.
      if (jwt && !deps.signs(api.algorithm)) throw signerAway(`nothing signs with ${api.algorithm}`)
      return {
        scope: (await allowed(ctx, client.clientId, api)).join(' '),
        audience: api.id,
        accessTokenFormat: api.accessToken,
        accessTokenTTL: accessTokenSeconds(api, lifetimes),
        ...(jwt ? { jwt: { sign: { alg: api.algorithm as 'ES256' } } } : {}),
      }
    },
    /**
     * The API of a request that names none: the one declared API that has all of its other scopes, if it is one. Requests for
     * `openid` get a token for userinfo instead, as OpenID Connect expects. With nobody to ask, scopes that fit no API are refused.
     */
    async defaultResource(
      ctx: KoaContextWithOIDC,
      _client: unknown,
      oneOf?: readonly string[],
    ): Promise<string | string[]> {
      if (oneOf) return [...oneOf]
      const asked = String(ctx.oidc.params?.scope ?? '')
        .split(' ')
        .filter(Boolean)
      const own = asked.filter((scope) => !statics.includes(scope))
      if (own.length === 0 || asked.includes('openid')) return []
      const fitting = (await clients.apis()).filter((api) => own.every((scope) => Object.hasOwn(api.scopes, scope)))
      const [only] = fitting
      if (only && fitting.length === 1) return only.id
      // Without an API nobody checks these scopes: the library would put whatever was asked into a token for nobody (RFC 6749, 5.2).
      if (ctx.oidc.params?.grant_type === 'client_credentials')
        throw only
          ? new errors.InvalidTarget('several APIs have these scopes: name one with the resource parameter')
          : new errors.InvalidScope('no declared API has these scopes', own.join(' '))
      return []
    },
  }
}
