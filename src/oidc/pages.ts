/** The pages that the library asks for: errors, device flow, sign-out. It hands over HTML; ours replaces it. */

import type { ErrorOut, KoaContextWithOIDC } from 'oidc-provider'
import { type Asker, networkOf, type Views } from '../http/index.ts'
import { maybeWork } from './work.ts'

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
type Named = { readonly clientName?: string | undefined; readonly clientId: string }
const askerOf = (client: Named | undefined): Asker | undefined =>
  client && { name: client.clientName ?? client.clientId }
const requestOf = (ctx: KoaContextWithOIDC): string => text(ctx.res.getHeader('x-request-id'))

/** Shows a page of ours. */
export function show(ctx: { body: unknown; type: string; set(name: string, value: string): void }, html: string): void {
  ctx.type = 'html'
  ctx.set('Cache-Control', 'no-store')
  ctx.body = html
}

/** What the page says of an error while a user code is typed. Whether a code is unknown, over or used is one answer. */
function deviceError(error: Error | undefined): 'wrong' | 'interrupted' | 'failed' | undefined {
  switch (error?.name) {
    case undefined:
    case 'NoCodeError':
      return undefined
    case 'AbortedError':
    case 'AccessDenied':
      return 'interrupted'
    case 'NotFoundError':
    case 'ExpiredError':
    case 'AlreadyUsedError':
      return 'wrong'
    default:
      return 'failed'
  }
}

/** The library's page functions. */
export function createPages(views: Views) {
  return {
    async renderError(ctx: KoaContextWithOIDC, out: ErrorOut, error: Error): Promise<void> {
      const requestId = requestOf(ctx)
      if (error.name === 'SessionNotFound') return show(ctx, views.expired({ requestId }))
      show(
        ctx,
        views.error({
          sentence: out.error_description ?? 'The request could not be completed.',
          code: out.error,
          requestId,
        }),
      )
    },
    async userCodeInputSource(ctx: KoaContextWithOIDC, form: string, _out?: ErrorOut, error?: Error): Promise<void> {
      // The library re-renders without telling anyone; guessing is counted by this note.
      if (error?.name === 'NotFoundError') maybeWork()?.unit.note('device.wrong_code', {})
      const typed = error && 'userCode' in error ? text(error.userCode) : ''
      show(ctx, views.deviceEntry({ form, ...(typed ? { userCode: typed } : {}), error: deviceError(error) }))
    },
    async userCodeConfirmSource(
      ctx: KoaContextWithOIDC,
      form: string,
      client: Named,
      info: Readonly<Record<string, unknown>>,
      userCode: string,
    ): Promise<void> {
      const device = { network: networkOf(text(info.ip)), userAgent: text(info.ua).slice(0, 200) || undefined }
      show(ctx, views.deviceConfirm({ form, client: askerOf(client) ?? { name: 'An application' }, userCode, device }))
    },
    async successSource(ctx: KoaContextWithOIDC): Promise<void> {
      show(ctx, views.deviceDone({ client: askerOf(ctx.oidc.client) }))
    },
    async logoutSource(ctx: KoaContextWithOIDC, form: string): Promise<void> {
      show(ctx, views.signOut({ form, client: askerOf(ctx.oidc.client) }))
    },
    async postLogoutSuccessSource(ctx: KoaContextWithOIDC): Promise<void> {
      show(ctx, views.signedOut({ client: askerOf(ctx.oidc.client) }))
    },
  }
}
