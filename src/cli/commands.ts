/** The commands on clients, APIs and accounts: one table, run by the CLI or by a running server for it. */

import { z } from 'zod'
import type { App } from '../app.ts'
import { durationSeconds, SPAN } from '../base/index.ts'
import { apiSchema } from '../config/index.ts'
import { accountCommands } from './accounts.ts'
import { envelopeCommands } from './envelope.ts'
import { inventoryCommands } from './inventory.ts'
import { configCommands, keyCommands } from './keys.ts'
import { rotationCommands } from './rotation.ts'
import { tokenCommands } from './tokens.ts'

/** An option of a command. */
export interface Option {
  readonly type: 'string' | 'boolean'
  readonly multiple?: boolean
  readonly about: string
}

/** A command: its words, options and what it does. `input` is a secret from standard input, for those that ask for one. */
export interface Command {
  readonly about: string
  readonly argument?: string
  readonly options: Readonly<Record<string, Option>>
  readonly secretInput?: string
  /** Its result is a list, printed as one JSON document a line. */
  readonly lines?: boolean
  run(app: App, given: Given): Promise<unknown>
}

/** What a person typed, parsed. */
export interface Given {
  readonly argument: string
  readonly input: string
  readonly values: Readonly<Record<string, unknown>>
}

const texts = z.array(z.string()).default([])
const flag = z.boolean().default(false)

const order = z.object({
  id: z.string().optional(),
  name: z.string().optional(),
  grant: z.array(z.string()).min(1, 'say which grant types it uses: --grant authorization_code'),
  scope: texts,
  'redirect-uri': texts,
  'post-logout-redirect-uri': texts,
  public: flag,
  native: flag,
  introspect: texts,
  'relies-on-nonce': flag,
  fapi: flag,
  label: z.string().optional(),
  'jwks-uri': z.string().optional(),
  'backchannel-logout-uri': z.string().optional(),
})

const duration = z.string().regex(SPAN, 'a time with its unit, such as 30s or 24h')
const overlap = z.object({ overlap: duration.default('0') })
const settings = z.object({
  grace: duration.optional(),
  'repeats-max': z.coerce.number().int().positive().optional(),
  label: z.string().optional(),
})

/** How retries of a client's refreshes are answered. */
function retriesOf(values: Given['values']) {
  const { grace, 'repeats-max': repeatsMax, label } = settings.parse(values)
  return { graceSeconds: grace === undefined ? undefined : durationSeconds(grace), repeatsMax, label }
}

type Shown = Awaited<ReturnType<App['clients']['list']>>[number]

function shownClient(record: Shown): object {
  return {
    ...record.metadata,
    client_id: record.clientId,
    source: record.source,
    disabled: record.disabled,
    demonstration: record.demo,
    introspect: record.introspect,
    label: record.label,
    grace_seconds: record.graceSeconds,
    repeats_max: record.repeatsMax,
    secrets: record.secrets.length,
    created_at: record.createdAt,
  }
}

const strings = (about: string): Option => ({ type: 'string', multiple: true, about })
const string = (about: string): Option => ({ type: 'string', about })
const yes = (about: string): Option => ({ type: 'boolean', about })

const retries = {
  grace: string('how long a used refresh token still gets its first answer: 0 to 60s'),
  'repeats-max': string('how many repeats of one refresh are answered'),
}

const client: Readonly<Record<string, Command>> = {
  'client create': {
    about: 'Create a client. Its secret is shown once.',
    options: {
      id: string('client_id; random unless given'),
      name: string('name that people see'),
      grant: strings('authorization_code, client_credentials, refresh_token, device_code or token_exchange'),
      scope: strings('scope it may ask for'),
      'redirect-uri': strings('exact redirect URI'),
      'post-logout-redirect-uri': strings('exact URI after sign-out'),
      public: yes('an app that can keep no secret (PKCE always)'),
      native: yes('an app on a device (RFC 8252)'),
      introspect: strings('API whose access tokens it may introspect'),
      'relies-on-nonce': yes('confidential OpenID Connect client without PKCE'),
      fapi: yes('FAPI 2.0: pushed requests, DPoP, no rotation'),
      label: string('label for rotation rules'),
      ...retries,
      'jwks-uri': string('where its keys are (private_key_jwt)'),
      'backchannel-logout-uri': string('where sign-outs are told'),
    },
    async run(app, { values }) {
      const o = order.parse(values)
      const { record, secret } = await app.clients.create({
        id: o.id,
        name: o.name,
        grants: o.grant,
        scopes: o.scope.flatMap((s) => s.split(' ')),
        redirectUris: o['redirect-uri'],
        postLogoutRedirectUris: o['post-logout-redirect-uri'],
        public: o.public,
        native: o.native,
        introspect: o.introspect,
        reliesOnNonce: o['relies-on-nonce'],
        fapi: o.fapi,
        ...retriesOf(values),
        jwksUri: o['jwks-uri'],
        backchannelLogoutUri: o['backchannel-logout-uri'],
      })
      return { ...shownClient(record), ...(secret ? { client_secret: secret.reveal() } : {}) }
    },
  },
  'client list': {
    about: 'List clients.',
    options: {},
    run: async (app) => (await app.clients.list()).map(shownClient),
  },
  'client show': {
    about: 'Show a client.',
    argument: 'client_id',
    options: {},
    async run(app, { argument }) {
      const record = await app.clients.show(argument)
      const secrets = (await app.clients.secretsOf(record)).map(({ createdAt, until, lastUsedAt, ...rest }) => ({
        ...rest,
        created_at: createdAt,
        ends_at: until,
        last_used_at: lastUsedAt,
      }))
      return { ...shownClient(record), secrets }
    },
  },
  'client rotate-secret': {
    about: 'Give a client a new secret, shown once.',
    argument: 'client_id',
    options: { overlap: string('how long the old one still works, for example 24h; 0 unless given') },
    async run(app, { argument, values }) {
      const secret = await app.clients.rotateSecret(argument, {
        overlapSeconds: durationSeconds(overlap.parse(values).overlap),
      })
      return { client_id: argument, client_secret: secret.reveal() }
    },
  },
  'client end-secret': {
    about: 'End the older of two live secrets (client show says when it was last used).',
    argument: 'client_id',
    options: {},
    async run(app, { argument }) {
      await app.clients.endOldSecret(argument)
      return { client_id: argument, secrets: 1 }
    },
  },
  'client set': {
    about: 'Change how retries of its refreshes are answered, or its label.',
    argument: 'client_id',
    options: { ...retries, label: string('label for rotation rules') },
    async run(app, { argument, values }) {
      await app.clients.set(argument, retriesOf(values))
      return shownClient(await app.clients.show(argument))
    },
  },
  'client disable': {
    about: 'Disable a client: it gets no more tokens.',
    argument: 'client_id',
    options: {},
    run: async (app, { argument }) => {
      await app.clients.disable(argument)
      return { client_id: argument, disabled: true }
    },
  },
  'client enable': {
    about: 'Enable a disabled client.',
    argument: 'client_id',
    options: {},
    run: async (app, { argument }) => {
      await app.clients.enable(argument)
      return { client_id: argument, disabled: false }
    },
  },
  'client remove': {
    about: 'Remove a client for good.',
    argument: 'client_id',
    options: {},
    run: async (app, { argument }) => {
      await app.clients.remove(argument)
      return { client_id: argument, removed: true }
    },
  },
  'client registration-token': {
    about: 'An initial access token: whoever has it may register one client (RFC 7591). Shown once.',
    options: {},
    run: async (app) => {
      const { token, expiresAt } = await app.oidc.initialAccessToken()
      return { initial_access_token: token, expires_at: expiresAt }
    },
  },
}

const api: Readonly<Record<string, Command>> = {
  'api create': {
    about: 'Declare an API that tokens are issued for.',
    options: {
      id: string('identifier, an absolute URI'),
      name: string('name that people see at consent'),
      scope: strings('scope'),
      format: string('jwt (unless given) or opaque'),
      algorithm: string('ES256 unless given'),
      lifetime: string('lifetime of its access tokens, for example 5m'),
    },
    async run(app, { values }) {
      const { format, lifetime, scope, ...rest } = values
      const scopes = texts.parse(scope).flatMap((s) => s.split(' '))
      return app.createApi(
        apiSchema.parse({
          ...rest,
          scopes,
          ...(format ? { accessToken: format } : {}),
          ...(typeof lifetime === 'string' ? { lifetimeSeconds: durationSeconds(lifetime) } : {}),
        }),
      )
    },
  },
  'api list': { about: 'List APIs.', options: {}, run: (app) => app.clients.apis() },
  'api remove': {
    about: 'Remove an API: no more tokens for it.',
    argument: 'id',
    options: {},
    run: async (app, { argument }) => {
      await app.clients.removeApi(argument)
      return { id: argument, removed: true }
    },
  },
}

/** Every command that works on the store. */
export const commands: Readonly<Record<string, Command>> = {
  ...client,
  ...api,
  ...accountCommands,
  ...rotationCommands,
  ...keyCommands,
  ...configCommands,
  ...envelopeCommands,
  ...tokenCommands,
  ...inventoryCommands,
}
