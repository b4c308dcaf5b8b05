/** The two deployments that the suite plays on: a plain one, and one behind a proxy with more switched on. Clients of every kind. */

import { createHash } from 'node:crypto'
import { exportJWK } from 'jose'
import type { ConfigurationInput, RotationDecision, RotationFacts } from '../../../../src/config/index.ts'
import { always, maxUses, onCountryChange, onNetworkChange } from '../../../../src/rotation/index.ts'
import { EXCHANGE } from '../../../support/api-tokens.ts'
import { REDIRECT } from '../../../support/world.ts'
import { CLIENT_KEY } from './proofs.ts'
import type { Deployment } from './rig.ts'

export const VARIANTS = ['plain', 'proxied'] as const
export type Variant = (typeof VARIANTS)[number]

type ClientInput = NonNullable<ConfigurationInput['clients']>[number]

const ALL = 'openid profile email offline_access read write look touch shared own sing heavy extra brief blink'
const CODE = ['authorization_code', 'refresh_token']

export const APIS: NonNullable<ConfigurationInput['apis']> = [
  { id: 'urn:jwt', scopes: ['read', 'write'], accessToken: 'jwt', lifetimeSeconds: 80_000 },
  { id: 'urn:brief', scopes: ['brief'], accessToken: 'jwt', lifetimeSeconds: 30 },
  { id: 'urn:eddsa', scopes: ['sing'], accessToken: 'jwt', algorithm: 'EdDSA' },
  { id: 'urn:rsa', scopes: ['heavy'], accessToken: 'jwt', algorithm: 'RS256', lifetimeSeconds: 80_000 },
  { id: 'urn:opaque', scopes: ['look', 'touch'], accessToken: 'opaque' },
  { id: 'urn:twin:1', scopes: ['shared', 'left'], accessToken: 'opaque', lifetimeSeconds: 600 },
  { id: 'urn:twin:2', scopes: ['shared', 'right'], accessToken: 'opaque' },
  // One of its scopes is OpenID Connect's own.
  { id: 'https://api.example/v1?x=1', scopes: ['own', 'profile', 'odd:scope/x+y'], accessToken: 'opaque' },
  // Over before a chapter is.
  { id: 'urn:blink', scopes: ['blink'], accessToken: 'opaque', lifetimeSeconds: 4 },
  { id: 'urn:bare', scopes: [], accessToken: 'opaque' },
]
export const API_IDS = APIS.map(({ id }) => id)

const secretOf = (id: string): string => `the secret of ${id}: 20 % + more/`.padEnd(40, '=')

/** A client of the configuration with a secret. Its method is Basic unless it says otherwise. */
function confidential(id: string, grants: readonly string[], more: Partial<ClientInput> = {}): ClientInput {
  const code = grants.includes('authorization_code')
  return {
    client_id: id,
    client_secret: secretOf(id),
    grant_types: [...grants],
    response_types: code ? ['code'] : [],
    redirect_uris: code ? [REDIRECT] : [],
    scope: ALL,
    id_token_signed_response_alg: 'ES256',
    ...more,
  }
}

const open = (id: string, grants: readonly string[], more: Partial<ClientInput> = {}): ClientInput => {
  const { client_secret: _, ...rest } = confidential(id, grants, { token_endpoint_auth_method: 'none', ...more })
  return rest
}

async function keyed(id: string, grants: readonly string[], more: Partial<ClientInput> = {}): Promise<ClientInput> {
  const jwk = { ...(await exportJWK(CLIENT_KEY.publicKey)), alg: 'ES256', use: 'sig', kid: 'k' }
  const own = { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] }, ...more }
  const { client_secret: _, ...rest } = confidential(id, grants, own)
  return rest
}

const MACHINE = ['client_credentials']

const machines: readonly ClientInput[] = [
  confidential('basic', MACHINE),
  confidential('post', MACHINE, { token_endpoint_auth_method: 'client_secret_post' }),
  confidential('odd id+%', MACHINE, { client_secret: 'a:b&c=d+e%41 f\'g"h?i#j[k]l@m' }),
  confidential('narrow', MACHINE, { scope: 'read' }),
  confidential('unlisted', MACHINE, { scope: '' }),
  confidential('statics', MACHINE, { scope: 'extra openid look' }),
  confidential('ungranted', ['refresh_token']),
  confidential('short', MACHINE, { client_secret: 'x' }),
  confidential('foreign', MACHINE, { client_secret: 'schlüssel der größe' }),
  confidential('ended', MACHINE, { client_secret_expires_at: 1_700_000_000 }),
  confidential('ending', MACHINE, { client_secret_expires_at: 1_900_000_000 }),
  confidential('bound-machine', MACHINE, { dpop_bound_access_tokens: true }),
  confidential('refused', MACHINE, { subject_type: 'odd' }),
  confidential('fapi-machine', MACHINE, { fapi: '2.0' }),
  open('open-machine', MACHINE),
  confidential('gone-machine', MACHINE, { introspect: ['urn:opaque'] }),
  confidential('reports', [...MACHINE, EXCHANGE]),
  confidential('inspector', MACHINE, { introspect: API_IDS }),
  confidential('inspector-1', MACHINE, { introspect: ['urn:opaque', 'urn:twin:2'] }),
  open('inspector-open', ['refresh_token'], { introspect: ['urn:jwt', 'urn:opaque'] }),
]

const applications: readonly ClientInput[] = [
  confidential('web', CODE),
  confidential('both', [...CODE, 'client_credentials'], { token_endpoint_auth_method: 'client_secret_post' }),
  confidential('rsa', CODE, { id_token_signed_response_alg: 'RS256' }),
  confidential('ed', CODE, { id_token_signed_response_alg: 'EdDSA' }),
  confidential('pair', CODE, { subject_type: 'pairwise' }),
  confidential('signed', CODE, { userinfo_signed_response_alg: 'ES256' }),
  confidential('timed', CODE, { require_auth_time: true, default_max_age: 100_000 }),
  confidential('told-off', CODE, {
    backchannel_logout_uri: 'http://127.0.0.1:9/out',
    backchannel_logout_session_required: true,
  }),
  confidential('gone', CODE),
  confidential('few', CODE, { scope: 'openid offline_access profile look' }),
  confidential('scopeless', CODE, { scope: '' }),
  confidential('only-openid', CODE, { scope: 'openid offline_access email' }),
  confidential('tight', CODE, { grace_seconds: 0, repeats_max: 1 }),
  confidential('bound', CODE, { dpop_bound_access_tokens: true }),
  confidential('moody', CODE),
  confidential('kept', CODE),
  confidential('late-word', CODE),
  confidential('thrower', CODE),
  confidential('traveller', CODE),
  open('spa', CODE),
  open('moody-spa', CODE),
]

async function withKeys(): Promise<readonly ClientInput[]> {
  return [
    await keyed('keyed', MACHINE),
    await keyed('fapi', CODE, {
      fapi: '2.0',
      require_pushed_authorization_requests: true,
      dpop_bound_access_tokens: true,
    }),
  ]
}

const MOODS: readonly RotationDecision[] = [
  { do: 'keep' },
  { do: 'keep', lifetimeSeconds: 900 },
  { do: 'rotate', graceSeconds: 3 },
  { do: 'rotate', lifetimeSeconds: 600, notify: ['owner'] },
  { do: 'rotate', scopes: ['openid', 'offline_access', 'look'] },
  { do: 'keep', scopes: ['openid', 'profile'] },
  { do: 'keep', scopes: [] },
  { do: 'abstain', graceSeconds: 1 },
  { do: 'deny', why: 'no mood' },
  { do: 'stepUp' },
  { do: 'quarantine', why: 'held' },
  { do: 'revokeFamily' },
]

/** Another mood at another time, and the same for whoever has the same facts. */
function mood({ credential, now }: Pick<RotationFacts, 'credential' | 'now'>): RotationDecision {
  const [byte = 0] = createHash('sha256').update(`${credential.id} ${now}`).digest()
  // Half of the time it is a good one: chains must grow.
  return MOODS[byte % 2 === 0 ? (byte >> 1) % 3 : (byte >> 1) % MOODS.length] ?? { do: 'rotate' }
}

function rotationOf(asked: () => void): ConfigurationInput['rotation'] {
  const own = (name: string, of: (facts: RotationFacts) => RotationDecision | Promise<RotationDecision>) =>
    Object.assign(
      (facts: RotationFacts) => {
        asked()
        return of(facts)
      },
      { policyName: name, policyVersion: '1' },
    )
  return [
    { policy: own('moody', mood), clients: ['moody', 'moody-spa'] },
    { policy: own('never', () => ({ do: 'keep' })), clients: ['kept'] },
    { policy: own('later', async (facts) => mood(facts)), clients: ['late-word'] },
    {
      policy: own('broken', () => {
        throw new Error('the policy is broken')
      }),
      clients: ['thrower'],
    },
    { policy: onNetworkChange(), clients: ['traveller', 'spa'] },
    { policy: onCountryChange(), clients: ['traveller'] },
    { policy: maxUses(40), clients: ['web'] },
    { policy: always(), clients: ['both'] },
    { policy: own('shadow', mood), shadow: true, clients: ['web', 'rsa'] },
  ]
}

/** Those that the configuration has no more, once tokens are out under their names. */
export const UNDECLARED: readonly string[] = ['gone', 'gone-machine']

/** Makes a deployment. */
export async function deploymentOf(variant: Variant): Promise<Deployment> {
  const isProxied = variant === 'proxied'
  const certified = confidential('certified', MACHINE, { tls_client_certificate_bound_access_tokens: true })
  const clients = [...machines, ...applications, ...(await withKeys()), ...(isProxied ? [certified] : [])]
  return {
    proxies: isProxied ? 1 : 0,
    configuration: (asked) => ({
      apis: APIS.map((api) => ({ ...api })),
      clients: clients.map((client) => ({ ...client })),
      scopes: ['extra'],
      rotation: rotationOf(asked),
      lifetimes: { accessTokenSeconds: 86_400, jwtAccessTokenSeconds: 86_400, sessionSeconds: 86_400 * 3 },
      features: isProxied
        ? { mutualTls: true, countryHeader: 'x-country', dpopNonces: true, responseTypes: ['code', 'id_token'] }
        : {},
      outbound: { allow: ['127.0.0.0/8', '::1/128'] },
      tokens: { rates: { few: { points: 3, seconds: 60 } } },
    }),
  }
}
