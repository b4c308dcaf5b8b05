/** The one-time link that claims the first administrator. It refuses to know how accounts are kept. */

import type Koa from 'koa'
import type { Accounts } from '../accounts/index.ts'
import { Refusal, TENANT } from '../base/index.ts'
import type { Views } from '../http/index.ts'
import type { Seal } from '../seal/index.ts'

/** Where the link leads. */
export const CLAIM_PATH = '/admin/claim'

/** Opens the room. */
export function createAdmin({
  accounts,
  views,
  seal,
}: {
  readonly accounts: Pick<Accounts, 'offerClaim' | 'isClaimable' | 'claim'>
  readonly views: Views
  readonly seal: Pick<Seal, 'hash' | 'matches'>
}) {
  const place = (code: string) => ({ tenant: TENANT, kind: 'claim form', text: code })
  const csrfOf = (code: string): string => seal.hash('secret', TENANT, 'claim form', code)
  const actionOf = (code: string): string => `${CLAIM_PATH}?${new URLSearchParams({ code })}`

  function dead(ctx: Koa.Context): void {
    ctx.status = 410
    const requestId = String(ctx.state.requestId ?? '')
    ctx.body = views.error({
      title: 'This link is dead',
      sentence: 'It was used, is too old, or there is an administrator already.',
      code: 'claim_dead',
      requestId,
      hint: 'Restart the server for a new one, if there is no administrator yet.',
    })
  }

  async function submit(ctx: Koa.Context, code: string, form: URLSearchParams): Promise<void> {
    const login = form.get('login') ?? ''
    try {
      await accounts.claim(code, { loginName: login, password: form.get('password') ?? '' })
      ctx.body = views.claimed()
    } catch (cause) {
      if (!(cause instanceof Refusal)) throw cause
      if (cause.code === 'claim_dead') return dead(ctx)
      ctx.status = 400
      ctx.body = views.claim({
        action: actionOf(code),
        csrf: csrfOf(code),
        login: login.slice(0, 200),
        problem: cause.message,
      })
    }
  }

  return {
    /** The link's path and query, for whoever shows it; undefined when there is an administrator. */
    async claimLink(): Promise<string | undefined> {
      const code = await accounts.offerClaim()
      return code && actionOf(code)
    },
    /** GET shows the form and changes nothing; POST uses the link. */
    async claim(ctx: Koa.Context, body: Buffer): Promise<void> {
      const code = typeof ctx.query.code === 'string' ? ctx.query.code : ''
      ctx.type = 'html'
      ctx.set('Cache-Control', 'no-store')
      ctx.set('Referrer-Policy', 'no-referrer')
      if (!(await accounts.isClaimable(code))) return dead(ctx)
      if (ctx.method !== 'POST') {
        ctx.body = views.claim({ action: actionOf(code), csrf: csrfOf(code) })
        return
      }
      const form = new URLSearchParams(body.toString())
      if (!seal.matches('secret', place(code), form.get('csrf') ?? '')) return dead(ctx)
      await submit(ctx, code, form)
    },
  }
}

export type Admin = ReturnType<typeof createAdmin>
