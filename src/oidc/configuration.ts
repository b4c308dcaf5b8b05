/** The library's configuration, from ours: strict defaults (DESIGN section 5, RFC 9700), more only where it is switched on. */

import { X509Certificate } from 'node:crypto'
import type { AdapterFactory, KoaContextWithOIDC, Configuration as LibraryConfiguration } from 'oidc-provider'
import { type Accounts, claimsOf } from '../accounts/index.ts'
import { type Clock, type Random, randomText, type Secret, seconds } from '../base/index.ts'
import type { Clients } from '../clients/index.ts'
import type { Configuration } from '../config/index.ts'
import type { Outbound, Views } from '../http/index.ts'
import type { ProviderKey } from '../keys/index.ts'
import type { Seal } from '../seal/index.ts'
import { CLAIMS_OF_SCOPES } from './claims.ts'
import { createCookieKeys } from './cookie-keys.ts'
import { mayLearn } from './may-learn.ts'
import { createPages } from './pages.ts'
import { artefacts, type Records } from './records.ts'
import type { Refresh } from './refresh.ts'
import { createResources, OPENID_SCOPES } from './resources.ts'
import { signInPolicy } from './sign-in-policy.ts'
import { signingKeysOf } from './signing-key.ts'
import { currentWork, maybeWork, type Work } from './work.ts'

/** What the configuration is made from. */
export interface ConfigurationDeps {
  readonly configuration: Configuration
  readonly models: AdapterFactory
  readonly keys: readonly ProviderKey[]
  /** The DPoP nonces' secret lives as long as the deployment: nodes that differed for two seconds would send clients back and forth. */
  readonly secrets: { readonly dpop: Secret }
  /** Those that sign cookies, the current one first. */
  readonly cookieSecrets: readonly Secret[]
  readonly accounts: Accounts
  readonly clients: Clients
  readonly refresh: Refresh
  /** Whether the API token that an access token was exchanged for lives and still has its scopes; true for all others. */
  readonly sourceLives: (token: { readonly extra?: unknown; readonly scope?: unknown }) => Promise<boolean>
  readonly records: Records
  readonly seal: Seal
  readonly clock: Clock
  readonly random: Random
  readonly outbound: Outbound
  readonly views: Views
  /** Whether a proxy is trusted, and with it the header that carries a client's certificate. */
  readonly proxied: boolean
  /** Secure cookies: the issuer is https. */
  readonly secure: boolean
}

/** What sign-in with a password is called (`acr`). */
export const PASSWORD_ACR = 'urn:mintmark:acr:password'

const ASYMMETRIC = ['RS256', 'PS256', 'ES256', 'Ed25519', 'EdDSA'] as const

/** The client's certificate, as the trusted proxy handed it on. */
export function certificateOf(
  ctx: KoaContextWithOIDC,
  deps: Pick<ConfigurationDeps, 'configuration' | 'proxied'>,
): string | undefined {
  const { mutualTls, clientCertificateHeader } = deps.configuration.features
  if (!mutualTls || !deps.proxied) return undefined
  const header = ctx.get(clientCertificateHeader)
  try {
    return header ? new X509Certificate(decodeURIComponent(header)).toString() : undefined
  } catch {
    return undefined
  }
}

/** Claims that a JWT access token carries beyond RFC 9068: what a feed needs to revoke it, and how its person signed in. */
function jwtClaims(records: Records, ctx: KoaContextWithOIDC): Readonly<Record<string, unknown>> {
  const { AuthorizationCode, RefreshToken, DeviceCode } = ctx.oidc.entities
  const source = AuthorizationCode ?? RefreshToken ?? DeviceCode
  const uid = source?.sessionUid
  return {
    fam: currentWork().family?.id,
    sid: uid ? records.hash('Session', uid) : undefined,
    acr: source?.acr,
    auth_time: source?.authTime,
  }
}

/** How long a refresh token lives: its idle time, what the policies leave of it, and the end of its chain. Seconds, at least one. */
export function refreshSeconds(
  { refreshIdleSeconds, refreshAbsoluteSeconds }: Configuration['lifetimes'],
  token: { readonly iiat?: number | undefined },
  { now, verdict }: { readonly now: number; readonly verdict: Work['verdict'] },
): number {
  const left = (token.iiat ?? now) + refreshAbsoluteSeconds - now
  return Math.max(1, Math.min(refreshIdleSeconds, verdict?.lifetimeSeconds ?? Number.POSITIVE_INFINITY, left))
}

function lifetimesOf({ configuration: { lifetimes }, clock }: ConfigurationDeps): LibraryConfiguration['ttl'] {
  return {
    AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? lifetimes.accessTokenSeconds,
    ClientCredentials: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? lifetimes.accessTokenSeconds,
    AuthorizationCode: lifetimes.authorizationCodeSeconds,
    DeviceCode: lifetimes.deviceCodeSeconds,
    IdToken: lifetimes.idTokenSeconds,
    Interaction: lifetimes.interactionSeconds,
    Session: lifetimes.sessionSeconds,
    // Decided before, read here: the library asks synchronously.
    RefreshToken: (_ctx, token) =>
      refreshSeconds(lifetimes, token, { now: seconds(clock), verdict: maybeWork()?.verdict }),
    // The Grant is the kill switch of its families and must outlive them all.
    Grant: lifetimes.refreshAbsoluteSeconds,
  }
}

function featuresOf(deps: ConfigurationDeps): LibraryConfiguration['features'] {
  const {
    configuration: { features },
    clients,
  } = deps
  const pages = createPages(deps.views)
  const statics = [...OPENID_SCOPES, ...deps.configuration.scopes]
  const resources = createResources({
    clients,
    lifetimes: deps.configuration.lifetimes,
    statics,
    signs: (alg) => deps.keys.some((key) => key.alg === alg && key.sign !== undefined),
  })
  return {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: {
      enabled: true,
      // Its own tokens, and access tokens for the APIs that it serves; never another's refresh tokens (DESIGN, threats 7).
      async allowedPolicy(_ctx, client, token) {
        const caller = await clients.find(client.clientId)
        return caller !== undefined && mayLearn(deps, caller, { ...token })
      },
    },
    revocation: { enabled: true, allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId },
    userinfo: { enabled: true },
    deviceFlow: {
      enabled: features.deviceFlow,
      mask: '****-****',
      charset: 'base-20',
      deviceInfo: (ctx) => ({ ip: ctx.ip, ua: ctx.get('user-agent') }),
      userCodeInputSource: pages.userCodeInputSource,
      userCodeConfirmSource: pages.userCodeConfirmSource,
      successSource: pages.successSource,
    },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: features.requirePushedRequests },
    dPoP: {
      enabled: true,
      nonceSecret: Buffer.from(deps.secrets.dpop.reveal(), 'base64url'),
      requireNonce: () => features.dpopNonces,
    },
    resourceIndicators: { enabled: true, ...resources, useGrantedResource: async () => false },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: pages.logoutSource,
      postLogoutSuccessSource: pages.postLogoutSuccessSource,
    },
    backchannelLogout: { enabled: true },
    registration: {
      enabled: features.registration,
      initialAccessToken: true,
      idFactory: () => `c_${randomText(deps.random, 12)}`,
      secretFactory: async () => deps.seal.mintCredential('cs'),
    },
    registrationManagement: { enabled: features.registration, rotateRegistrationAccessToken: false },
    // Every signature passes the keyring: it counts them, and hardware or a KMS may be behind it.
    externalSigningSupport: { enabled: true, ack: 'experimental-01' },
    claimsParameter: { enabled: features.claimsParameter },
    requestObjects: { enabled: features.signedRequests },
    jwtResponseModes: { enabled: features.jwtResponses },
    mTLS: {
      enabled: features.mutualTls,
      certificateBoundAccessTokens: true,
      selfSignedTlsClientAuth: true,
      tlsClientAuth: false,
      getCertificate: (ctx) => certificateOf(ctx, deps),
    },
    fapi: {
      enabled: true,
      // Synchronous, and unknown before the client is: the models noted the record when the library read it.
      profile: (_ctx, client) => (client && maybeWork()?.clients.get(client.clientId)?.fapi ? '2.0' : undefined),
    },
  }
}

/** The signature algorithms: asymmetric ones only, since client secrets are kept as hashes (DESIGN rule 6). */
const ALGORITHMS: LibraryConfiguration['enabledJWA'] = {
  clientAuthSigningAlgValues: [...ASYMMETRIC],
  idTokenSigningAlgValues: [...ASYMMETRIC],
  requestObjectSigningAlgValues: [...ASYMMETRIC],
  userinfoSigningAlgValues: [...ASYMMETRIC],
  introspectionSigningAlgValues: [...ASYMMETRIC],
  authorizationSigningAlgValues: [...ASYMMETRIC],
}

/** The library wants lists that it might change. */
const mutable = (lists: Readonly<Record<string, readonly string[]>>): Record<string, string[]> =>
  Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, [...list]]))

/** Makes the library's configuration. */
export function libraryConfiguration(deps: ConfigurationDeps): LibraryConfiguration {
  const { configuration, accounts, records, seal } = deps
  const { features } = configuration
  const prefix = deps.secure ? '__Host-' : ''
  return {
    adapter: deps.models,
    jwks: { keys: [...signingKeysOf(deps.keys)] },
    cookies: {
      names: { session: `${prefix}mm_session`, interaction: 'mm_interaction', resume: 'mm_resume' },
      long: { signed: true, httpOnly: true, sameSite: 'lax', path: '/', secure: deps.secure },
      short: { signed: true, httpOnly: true, sameSite: 'lax', secure: deps.secure },
      keys: createCookieKeys(deps.cookieSecrets),
    },
    scopes: [...OPENID_SCOPES, ...configuration.scopes],
    claims: {
      ...mutable(CLAIMS_OF_SCOPES),
      iss: null,
      sid: null,
    },
    acrValues: [PASSWORD_ACR],
    responseTypes: [...features.responseTypes],
    clientAuthMethods: [
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
      'none',
      ...(features.mutualTls ? (['self_signed_tls_client_auth'] as const) : []),
    ],
    enabledJWA: ALGORITHMS,
    allowOmittingSingleRegisteredRedirectUri: false,
    acceptQueryParamAccessTokens: false,
    conformIdTokenClaims: true,
    // RFC 9700, 2.1.1: always for public clients; confidential OpenID Connect clients may be registered to rely on `nonce`.
    pkce: {
      required: (_ctx, client) =>
        client.clientAuthMethod === 'none' || !(maybeWork()?.clients.get(client.clientId)?.reliesOnNonce ?? false),
    },
    ttl: lifetimesOf(deps),
    rotateRefreshToken: (ctx) => deps.refresh.rotates(ctx),
    // The models decide what ends; the library would end the whole Grant on a replay, and with it every other tab.
    revokeGrantPolicy: () => false,
    async findAccount(_ctx, sub) {
      const record = await accounts.find(sub)
      return record && { accountId: sub, claims: async () => ({ ...claimsOf(record) }) }
    },
    async pairwiseIdentifier(_ctx, sub, client) {
      return seal.hash('secret', `${client.sectorIdentifier ?? client.clientId}`, 'pairwise subject', sub)
    },
    subjectTypes: ['public', 'pairwise'],
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}`, policy: signInPolicy() },
    fetch: (url, options) =>
      deps.outbound(url instanceof Request ? url.url : url, {
        method: options?.method ?? 'GET',
        headers: Object.fromEntries(new Headers(options?.headers)),
        ...(options?.body ? { body: String(options.body) } : {}),
      }),
    // What an exchange has put there stays; the library takes nothing else for a token's own claims.
    extraTokenClaims: (_ctx, { extra }) => extra,
    formats: {
      customizers: {
        jwt: (ctx, { extra }, jwt) => {
          Object.assign(jwt.payload, jwtClaims(records, ctx), extra?.sub === undefined ? {} : { sub: extra.sub })
        },
      },
    },
    renderError: createPages(deps.views).renderError,
    features: featuresOf(deps),
  }
}

/** The collection of protocol documents, for whoever composes. */
export const oidcCollections = [artefacts] as const
