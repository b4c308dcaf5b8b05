/** `mintmark.config.ts`: what it may say, with defaults and meaning. docs/configuration.md is printed from here. */

import { z } from 'zod'
import { rotationSchema } from './rotation.ts'
import { ALGORITHMS, type Signers } from './signers.ts'
import { tokensSchema } from './tokens.ts'

/** How long a used refresh token still gets its first answer: 0 to 60 seconds. */
export const graceSeconds = z.number().int().min(0).max(60)
const positive = z.number().int().positive()
const days = (n: number): number => n * 24 * 3600
const text = z
  .string()
  .min(1)
  .max(2000)
  .refine((s) => !s.includes('\0'), 'must not contain NUL')
const scopeName = z.string().regex(/^[\x21\x23-\x5B\x5D-\x7E]+$/, 'must be a scope token (RFC 6749, 3.3)')

/** RFC 8707, 2: an absolute URI without fragment. */
const identifier = text.refine((s) => URL.canParse(s) && !s.includes('#'), 'must be an absolute URI without fragment')

/** An API: a resource server that tokens are issued for. */
export const apiSchema = z.strictObject({
  id: identifier.meta({ about: 'Resource indicator (RFC 8707) and `aud` of its tokens.' }),
  name: text.optional().meta({ about: 'How people call it; shown at consent.' }),
  scopes: z
    .union([z.array(scopeName), z.record(scopeName, z.string())])
    .default([])
    .meta({ about: 'Its scopes, or a map of scope to the words that consent shows.' }),
  accessToken: z
    .enum(['jwt', 'opaque'])
    .default('jwt')
    .meta({ about: 'Format of its access tokens (RFC 9068 or opaque).' }),
  algorithm: z
    .enum(ALGORITHMS)
    .default('ES256')
    .meta({ about: 'Signature of its JWT access tokens; a key for it is made when it is first needed.' }),
  lifetimeSeconds: positive.max(days(1)).optional().meta({ about: 'Lifetime of its access tokens.' }),
})

/** A client as configuration or the CLI declares it: OAuth's own metadata names (RFC 7591) and Mintmark's few. */
export const clientSchema = z.looseObject({
  client_id: text.max(256),
  client_secret: z.string().optional(),
  introspect: z.array(identifier).default([]),
  relies_on_nonce: z.boolean().default(false),
  fapi: z.enum(['2.0']).optional(),
  label: z.string().optional(),
  grace_seconds: graceSeconds.optional(),
  repeats_max: z.number().int().positive().optional(),
})

const lifetimes = z.strictObject({
  accessTokenSeconds: positive.max(days(1)).default(3600).meta({ about: 'Opaque access tokens.' }),
  jwtAccessTokenSeconds: positive.max(days(1)).default(300).meta({ about: 'JWT access tokens.' }),
  authorizationCodeSeconds: positive.max(600).default(60).meta({ about: 'Authorization codes.' }),
  deviceCodeSeconds: positive.max(3600).default(600).meta({ about: 'Device and user codes.' }),
  idTokenSeconds: positive.max(days(1)).default(3600).meta({ about: 'ID tokens.' }),
  interactionSeconds: positive.max(days(1)).default(1800).meta({ about: 'Sign-in and consent pages.' }),
  sessionSeconds: positive.default(days(14)).meta({ about: 'Sign-in sessions.' }),
  refreshIdleSeconds: positive.default(days(14)).meta({ about: 'A family ends when it is not used for so long.' }),
  refreshAbsoluteSeconds: positive
    .default(days(365))
    .meta({ about: 'A family ends so long after its first token, and its Grant with it.' }),
  initialAccessTokenSeconds: positive
    .default(days(1))
    .meta({ about: 'Initial access tokens for registration; each is good once.' }),
  graceSeconds: graceSeconds
    .default(10)
    .meta({ about: 'How long a used refresh token still gets its first answer; a client may have its own.' }),
})

const features = z.strictObject({
  responseTypes: z
    .array(z.enum(['code', 'code id_token', 'id_token', 'none', 'code token', 'code id_token token', 'id_token token']))
    .default(['code'])
    .meta({ about: 'Response types; anything beyond code is for old clients.' }),
  deviceFlow: z.boolean().default(true).meta({ about: 'Device authorization (RFC 8628).' }),
  registration: z
    .boolean()
    .default(true)
    .meta({ about: 'Dynamic registration (RFC 7591), behind an initial access token.' }),
  requirePushedRequests: z.boolean().default(false).meta({ about: 'Pushed authorization requests only (RFC 9126).' }),
  signedRequests: z.boolean().default(false).meta({ about: 'Signed request objects by value (RFC 9101).' }),
  jwtResponses: z.boolean().default(false).meta({ about: 'JWT-secured responses (JARM).' }),
  mutualTls: z.boolean().default(false).meta({
    about: 'Certificate-bound tokens (RFC 8705); the proxy hands the certificate on in `clientCertificateHeader`.',
  }),
  clientCertificateHeader: z
    .string()
    .regex(/^[a-z-]+$/)
    .default('x-client-certificate')
    .meta({ about: 'Header with the URL-encoded PEM certificate; believed only with TRUST_PROXY.' }),
  countryHeader: z
    .string()
    .regex(/^[a-z-]+$/)
    .optional()
    .meta({ about: "Header with the caller's two-letter country; believed only with TRUST_PROXY." }),
  claimsParameter: z.boolean().default(true).meta({ about: 'The claims request parameter (OpenID Connect Core 5.5).' }),
  dpopNonces: z.boolean().default(false).meta({ about: 'Ask every DPoP proof for a nonce (RFC 9449, 8).' }),
})

/** Verifiers cache: ten minutes is common, and our own max-age comes on top. Below half an hour a rotation would fail at some. */
const PUBLISH_SECONDS_MIN = 1800

const keys = z.strictObject({
  algorithms: z.array(z.enum(ALGORITHMS)).min(1).optional().meta({
    about:
      'Algorithms that always have a key: ES256, RS256 (OpenID Connect requires it), PS256 and EdDSA, as far as the signer makes them.',
  }),
  rotateAfterSeconds: positive
    .default(days(90))
    .meta({ about: 'A signing key signs so long, unless a policy says less.' }),
  signaturesMax: positive.optional().meta({ about: 'A signing key makes at most about so many signatures.' }),
  publishSeconds: z
    .number()
    .int()
    .min(PUBLISH_SECONDS_MIN, 'at least 1800 (half an hour): verifiers cache the key set')
    .default(days(1))
    .meta({ about: 'A new key is published so long before it signs.' }),
  signers: z
    .custom<Signers>(
      (value) =>
        typeof value === 'object' &&
        value !== null &&
        ['make', 'open', 'destroy', 'ready', 'close'].every((name) => typeof Reflect.get(value, name) === 'function') &&
        typeof Reflect.get(value, 'name') === 'string' &&
        Array.isArray(Reflect.get(value, 'algorithms')),
      'must be signers: an object with name, algorithms, make, open, destroy, ready and close (docs/signers.md)',
    )
    .optional()
    .meta({ about: "Signers of your own, such as a cloud's KMS (docs/signers.md). A change takes a restart." }),
  cookieRotateAfterSeconds: positive.default(days(30)).meta({
    about: 'The secret that signs cookies is replaced after so long; the one before is accepted as long as a session.',
  }),
})

const leaks = z.strictObject({
  reportsPerHour: positive.default(60).meta({ about: 'Leak reports from one network in an hour.' }),
  github: z
    .strictObject({ url: z.url().optional(), keys: z.record(z.string(), z.string()).optional() })
    .optional()
    .meta({
      about:
        "GitHub's secret scanning partner programme: where its public keys are, or the keys themselves (PEM by id).",
    }),
})

const outbound = z.strictObject({
  allow: z.array(z.string()).default([]).meta({
    about:
      'Networks in CIDR form that requests of the server itself may reach although they are private, for example 10.1.0.0/16.',
  }),
  timeoutMs: positive.max(30_000).default(2500).meta({ about: 'Longest wait for such a request.' }),
  bytesMax: positive.max(10_000_000).default(262_144).meta({ about: 'Largest answer to such a request.' }),
})

const branding = z.strictObject({
  name: text.max(60).default('Mintmark').meta({ about: 'Name on the pages.' }),
  accent: z
    .enum(['verdigris', 'ink', 'plum', 'slate'])
    .default('verdigris')
    .meta({ about: 'Colour of buttons and links.' }),
})

/** Each under an id of its own: of two with one id nobody could say which holds. */
const distinct = {
  clients: (list: readonly { readonly client_id: string }[]) =>
    new Set(list.map((c) => c.client_id)).size === list.length,
  apis: (list: readonly { readonly id: string }[]) => new Set(list.map((a) => a.id)).size === list.length,
}

/** The whole configuration module. */
export const configurationSchema = z.strictObject({
  clients: z
    .array(clientSchema)
    .refine(distinct.clients, 'two clients have the same client_id')
    .default([])
    .meta({ about: 'Clients of the configuration: a server puts them into the store, which may hold more.' }),
  apis: z
    .array(apiSchema)
    .refine(distinct.apis, 'two APIs have the same id')
    .default([])
    .meta({ about: 'APIs of the configuration; the store may hold more.' }),
  scopes: z.array(scopeName).default([]).meta({ about: "Scopes beyond OpenID Connect's own that need no API." }),
  lifetimes: lifetimes.prefault({}).meta({ about: 'Lifetimes.' }),
  features: features.prefault({}).meta({ about: 'What is switched on beyond the strict defaults.' }),
  keys: keys.prefault({}).meta({ about: 'Keys that sign tokens and cookies.' }),
  leaks: leaks.prefault({}).meta({ about: 'Reports of leaked tokens. A change takes a restart.' }),
  outbound: outbound.prefault({}).meta({ about: 'Requests that the server itself sends.' }),
  branding: branding.prefault({}).meta({ about: 'How the pages look.' }),
  tokens: tokensSchema.prefault({}).meta({ about: 'API tokens.' }),
  rotation: rotationSchema.prefault([]).meta({
    about:
      'Rotation policies: built-ins such as idle("7d"), own functions, or { policy, clients, labels, kinds, shadow, name }. The strictest holds.',
  }),
})

/** The parsed configuration. */
export type Configuration = z.output<typeof configurationSchema>
/** What a configuration module exports. */
export type ConfigurationInput = z.input<typeof configurationSchema>
export type ApiDeclaration = z.output<typeof apiSchema>
export type ClientDeclaration = z.output<typeof clientSchema>
