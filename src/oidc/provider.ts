/**
 * The provider: oidc-provider built from a configuration, with the members that Mintmark overrides (customary style of
 * extension: each stands here once). `createProvider` is a pure construction; the app may hold several and swap them.
 */

import { createHash } from 'node:crypto'
import { type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { seconds } from '../base/index.ts'
import type { Logger } from '../telemetry/index.ts'
import { type ConfigurationDeps, libraryConfiguration } from './configuration.ts'
import { modelClass, wrapGrantHandler } from './internals.ts'
import { artefacts, type Kind } from './records.ts'
import { endSession } from './session-model.ts'
import { currentWork, maybeWork } from './work.ts'

/** What construction uses. */
export interface ProviderDeps extends ConfigurationDeps {
  readonly issuer: string
  readonly logger: Logger
  /** Registers the grant types beyond the library's own. */
  readonly exchange: (provider: Provider) => void
}

/** Kinds whose text is `mm_<kind>_...`. */
const TOKEN_KINDS = {
  AccessToken: 'at',
  ClientCredentials: 'cc',
  RefreshToken: 'rt',
  AuthorizationCode: 'ac',
  DeviceCode: 'dc',
  InitialAccessToken: 'iat',
  RegistrationAccessToken: 'rat',
  PushedAuthorizationRequest: 'par',
} as const

function isTokenKind(kind: string): kind is keyof typeof TOKEN_KINDS {
  return Object.hasOwn(TOKEN_KINDS, kind)
}

/** Whether a text can be one of a kind: right prefix, right MAC. Kinds without a text format pass. */
export function wellFormed(seal: ConfigurationDeps['seal']): (kind: Kind, text: string) => boolean {
  return (kind, text) =>
    !text.includes('\0') && (!isTokenKind(kind) || seal.read(TOKEN_KINDS[kind], text) !== undefined)
}

function mintTexts(provider: Provider, deps: ProviderDeps): void {
  for (const [kind, short] of Object.entries(TOKEN_KINDS)) {
    const { prototype } = modelClass(provider, kind)
    const inner = prototype.generateTokenId
    prototype.generateTokenId = function generateTokenId(this: { format?: string }) {
      // The library's own also decides the format; a JWT's id stays what the library made.
      const made = inner.call(this)
      return this.format === 'jwt'
        ? made
        : deps.seal.mint(short, kind === 'RefreshToken' ? currentWork().family?.text : undefined)
    }
  }
}

type TellSignOut = (this: unknown, sub: string, sid: string) => Promise<unknown>
const tellers = new WeakMap<Provider, TellSignOut>()

/**
 * Tells a client of a sign-out (OpenID Connect Back-Channel Logout, 2.5), from the outbox. Runs inside a unit of work.
 * Rejects when the client does not answer with 200 or 204.
 */
export async function tellSignOut(
  provider: Provider,
  due: { readonly clientId: string; readonly sub: string; readonly sid: string },
): Promise<void> {
  const client = await provider.Client.find(due.clientId)
  // Removed meanwhile: there is nobody to tell.
  if (!client) return
  await tellers.get(provider)?.call(client, due.sub, due.sid)
}

function overrideModels(provider: Provider, deps: ProviderDeps): void {
  const { records, clients } = deps
  // The types leave this member out; it is documented in the library's own recipes.
  const prototype = provider.Client.prototype as unknown as { readonly backchannelLogout?: TellSignOut }
  if (prototype.backchannelLogout) tellers.set(provider, prototype.backchannelLogout)
  // One insert-if-absent instead of look and write: parallel replays of one proof would both pass the look.
  provider.ReplayDetection.unique = async (iss, jti, exp) => {
    const { unit } = currentWork()
    const text = createHash('sha256').update(`${iss}\n${jti}`).digest('base64url')
    const doc = records.burned(text, Math.max(exp ?? 0, seconds(deps.clock)) + 60)
    if (await unit.get(artefacts.name, doc.id)) return false
    unit.burn(artefacts.name, { ...doc })
    return true
  }
  Object.assign(provider.Client.prototype, {
    async compareClientSecret(this: { readonly clientId: string }, presented: string): Promise<boolean> {
      const record = await clients.find(this.clientId, currentWork().unit)
      return record !== undefined && clients.secretMatches(record, presented)
    },
    // Told from the outbox, after the commit: a relying party must not hear of a sign-out that may still be taken back.
    async backchannelLogout(this: { readonly clientId: string }, sub: string, sid: string): Promise<void> {
      currentWork().unit.note('backchannel_logout.due', { client_id: this.clientId, sub, sid })
    },
  })
  Object.assign(provider.Session.prototype, {
    // The library throws (a 500) when an error page starts a session that was never saved: POST /device out of the blue.
    async persist(this: InstanceType<Provider['Session']>): Promise<unknown> {
      if (typeof this.exp === 'number') return this.save(this.exp - seconds(deps.clock))
      const cookie = { signed: true, httpOnly: true, sameSite: 'lax', path: '/', secure: deps.secure } as const
      Provider.ctx?.oidc.cookies.set(provider.cookieName('session'), this.jti, cookie)
      return this.save(deps.configuration.lifetimes.sessionSeconds)
    },
    async destroy(this: { readonly uid: string; destroyed?: boolean; emit(event: string): void }): Promise<void> {
      endSession(deps, this.uid)
      this.destroyed = true
      this.emit('destroyed')
    },
  })
}

/** Listeners note what happened in the unit; they never throw into the library. */
function listen(provider: Provider, { logger, clock }: ProviderDeps): void {
  const on = (
    event: string,
    type: string,
    data: (ctx: KoaContextWithOIDC, more: unknown) => Readonly<Record<string, unknown>>,
  ): void => {
    provider.on(event as 'server_error', (ctx: KoaContextWithOIDC, more: unknown) => {
      try {
        maybeWork()?.unit.note(type, data(ctx, more))
      } catch (cause) {
        logger.error({ err: cause, event }, 'a listener failed')
      }
    })
  }
  const who = (ctx: KoaContextWithOIDC) => ({
    client_id: ctx.oidc?.entities.Client?.clientId,
    account: ctx.oidc?.entities.Account?.accountId,
  })
  on('grant.success', 'token.issued', (ctx) => ({
    ...who(ctx),
    grant_type: ctx.oidc.params?.grant_type,
    family: maybeWork()?.family?.id,
  }))
  on('authorization.success', 'authorization.answered', who)
  on('end_session.success', 'session.signed_out', who)
  on('pushed_authorization_request.success', 'request.pushed', who)
  on('device_authorization.success', 'device.asked', who)
  on('registration_create.success', 'client.registration_answered', (ctx) => {
    const work = maybeWork()
    const doc = work?.initialAccessToken
    if (work && doc)
      work.unit.decide(
        {
          collection: artefacts.name,
          id: doc.id,
          if: { state: 'live', revokedAt: null },
          set: { state: 'spent', lastUse: seconds(clock) },
        },
        doc,
      )
    return who(ctx)
  })
  for (const event of [
    'grant.error',
    'authorization.error',
    'introspection.error',
    'revocation.error',
    'userinfo.error',
    'registration_create.error',
    'end_session.error',
    'pushed_authorization_request.error',
    'device_authorization.error',
  ]) {
    provider.on(event as 'server_error', (_ctx: unknown, error: Error & { readonly error_detail?: string }) => {
      logger.info({ event, error: error.message, detail: error.error_detail }, 'refused')
    })
  }
  provider.on('server_error', (ctx, error) => logger.error({ err: error, route: ctx.oidc?.route }, 'server error'))
}

/** Builds a provider. */
export function createProvider(deps: ProviderDeps): Provider {
  const provider = new Provider(deps.issuer, libraryConfiguration(deps))
  provider.proxy = true
  deps.exchange(provider)
  mintTexts(provider, deps)
  overrideModels(provider, deps)
  wrapGrantHandler(provider, 'refresh_token', deps.refresh.wrap)
  listen(provider, deps)
  return provider
}
