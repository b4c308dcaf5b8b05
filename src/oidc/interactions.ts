/**
 * Sign-in and consent: our pages between the library's /auth and its resume. Who asks comes from the interaction's cookie,
 * never from the URL; every form carries a token that only our page could know.
 */

import type Koa from 'koa'
import type { Provider } from 'oidc-provider'
import type { Accounts } from '../accounts/index.ts'
import { type Clock, seconds, TENANT } from '../base/index.ts'
import type { Clients } from '../clients/index.ts'
import type { Configuration } from '../config/index.ts'
import type { Asker, SignInModel, Views } from '../http/index.ts'
import type { Seal } from '../seal/index.ts'
import { PASSWORD_ACR } from './configuration.ts'
import { consentGroups } from './consent-words.ts'
import { show } from './pages.ts'
import type { Records } from './records.ts'
import { currentWork } from './work.ts'

/** What the pages use. */
export interface InteractionDeps {
  readonly accounts: Accounts
  readonly clients: Clients
  readonly views: Views
  readonly seal: Seal
  readonly records: Records
  readonly clock: Clock
  readonly lifetimes: Configuration['lifetimes']
  /** Scopes that need no API. */
  readonly statics: readonly string[]
}

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>

/** A form that did not come from our page, or a choice that the page does not offer. */
export class BadForm extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'BadForm'
  }
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const list = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((v): v is string => typeof v === 'string') : []

function hostOf(uri: string): string | null {
  const url = URL.parse(uri)
  return url ? url.host || url.protocol : null
}

/** Grants what the consent page showed. */
async function grantAsked(provider: Provider, interaction: Interaction, accountId: string): Promise<string> {
  const clientId = text(interaction.params.client_id)
  const known = interaction.grantId ? await provider.Grant.find(interaction.grantId) : undefined
  const grant = known ?? new provider.Grant({ accountId, clientId })
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes } = interaction.prompt.details
  if (list(missingOIDCScope).length > 0) grant.addOIDCScope(list(missingOIDCScope).join(' '))
  if (list(missingOIDCClaims).length > 0) grant.addOIDCClaims([...list(missingOIDCClaims)])
  if (typeof missingResourceScopes === 'object' && missingResourceScopes !== null) {
    for (const [api, scopes] of Object.entries(missingResourceScopes))
      grant.addResourceScope(api, list(scopes).join(' '))
  }
  return grant.save()
}

/** The verbs of the interaction pages; each runs inside a unit of work. */
export function createInteractions(deps: InteractionDeps) {
  const { accounts, clients, views, seal, clock } = deps
  const csrfOf = (uid: string): string => seal.hash('secret', TENANT, 'interaction form', uid)

  async function asker(interaction: Interaction): Promise<Asker> {
    const record = await clients.find(text(interaction.params.client_id), currentWork().unit)
    const host = hostOf(text(interaction.params.redirect_uri))
    return {
      name: text(record?.metadata.client_name) || text(interaction.params.client_id) || 'an application',
      ...(host ? { host } : {}),
    }
  }

  async function signInPage(
    ctx: Koa.Context,
    interaction: Interaction,
    more: { readonly login: string; readonly error?: SignInModel['error'] },
  ): Promise<void> {
    show(
      ctx,
      views.signIn({
        action: `/interaction/${interaction.uid}`,
        csrf: csrfOf(interaction.uid),
        client: await asker(interaction),
        ...more,
      }),
    )
  }

  async function consentPage(ctx: Koa.Context, interaction: Interaction): Promise<void> {
    const account = (await accounts.find(text(interaction.session?.accountId)))?.person.loginName ?? ''
    const offline = text(interaction.params.scope).split(' ').includes('offline_access')
    const groups = await consentGroups(interaction.params, interaction.prompt.details, deps)
    const lifetimeSeconds = offline ? deps.lifetimes.refreshAbsoluteSeconds : deps.lifetimes.sessionSeconds
    const client = await asker(interaction)
    show(
      ctx,
      views.consent({
        action: `/interaction/${interaction.uid}`,
        csrf: csrfOf(interaction.uid),
        client,
        account,
        groups,
        lifetimeSeconds,
        offline,
        redirectHost: client.host ?? 'this device',
      }),
    )
  }

  async function finish(
    ctx: Koa.Context,
    provider: Provider,
    result: Parameters<Provider['interactionResult']>[2],
    merge: boolean,
  ): Promise<void> {
    const returnTo = await provider.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: merge })
    ctx.status = 303
    ctx.set('Location', returnTo)
    ctx.set('Cache-Control', 'no-store')
    ctx.body = ''
  }

  async function signIn(
    ctx: Koa.Context,
    provider: Provider,
    interaction: Interaction,
    form: URLSearchParams,
  ): Promise<void> {
    const loginName = form.get('login') ?? ''
    const { network = 'unknown' } = currentWork().seen
    const answer = await accounts.authenticate({ loginName, password: form.get('password') ?? '', network })
    if (answer.ok) {
      currentWork().unit.note('sign_in.succeeded', { account: answer.sub, client_id: interaction.params.client_id })
      return finish(
        ctx,
        provider,
        { login: { accountId: answer.sub, acr: PASSWORD_ACR, amr: ['pwd'], ts: seconds(clock), remember: true } },
        false,
      )
    }
    currentWork().unit.note('sign_in.refused', { why: answer.why, client_id: interaction.params.client_id })
    ctx.status = answer.why === 'throttled' ? 429 : 200
    if (answer.why === 'throttled') ctx.set('Retry-After', String(answer.waitSeconds))
    const error =
      answer.why === 'throttled'
        ? { kind: 'throttled' as const, minutes: Math.ceil(answer.waitSeconds / 60) }
        : { kind: 'wrong' as const }
    await signInPage(ctx, interaction, { login: loginName.slice(0, 200), error })
  }

  async function refuse(ctx: Koa.Context, provider: Provider): Promise<void> {
    await finish(ctx, provider, { error: 'access_denied', error_description: 'The person refused.' }, false)
  }

  return {
    /** GET /interaction/:uid */
    async page(ctx: Koa.Context, provider: Provider, uid: string): Promise<void> {
      const interaction = await provider.interactionDetails(ctx.req, ctx.res)
      if (interaction.uid !== uid) throw new BadForm('this page belongs to another sign-in')
      if (interaction.prompt.name === 'login')
        return signInPage(ctx, interaction, { login: text(interaction.params.login_hint).slice(0, 200) })
      await consentPage(ctx, interaction)
    },
    /** POST /interaction/:uid */
    async submit(ctx: Koa.Context, provider: Provider, uid: string, form: URLSearchParams): Promise<void> {
      const interaction = await provider.interactionDetails(ctx.req, ctx.res)
      if (interaction.uid !== uid) throw new BadForm('this page belongs to another sign-in')
      const place = { tenant: TENANT, kind: 'interaction form', text: interaction.uid }
      if (!seal.matches('secret', place, form.get('csrf') ?? ''))
        throw new BadForm("the form did not come from this server's page")
      const choice = `${interaction.prompt.name} ${form.get('do')}`
      switch (choice) {
        case 'login sign-in':
          return signIn(ctx, provider, interaction, form)
        case 'login cancel':
        case 'consent refuse':
          return refuse(ctx, provider)
        case 'consent allow': {
          const grantId = await grantAsked(provider, interaction, text(interaction.session?.accountId))
          currentWork().unit.note('consent.given', {
            client_id: interaction.params.client_id,
            account: interaction.session?.accountId,
          })
          return finish(ctx, provider, { consent: interaction.grantId ? {} : { grantId } }, true)
        }
        default:
          throw new BadForm('the page offers no such choice')
      }
    },
  }
}

export type Interactions = ReturnType<typeof createInteractions>
