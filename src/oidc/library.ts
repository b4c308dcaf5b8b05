/** Runs the library's own middleware on a context of ours: as it stands, or with another body. */

import type Koa from 'koa'
import compose from 'koa-compose'
import type { Provider } from 'oidc-provider'

const composed = new WeakMap<Provider, (ctx: Koa.Context) => Promise<void>>()

/** The library as one handler; composed once a provider. */
export function library(provider: Provider): (ctx: Koa.Context) => Promise<void> {
  const known = composed.get(provider)
  if (known) return known
  const made = compose(provider.middleware as Parameters<typeof compose>[0])
  const handle = async (ctx: Koa.Context): Promise<void> => {
    await made(ctx)
  }
  composed.set(provider, handle)
  return handle
}

/** The id of the client that the library has authenticated on a context of its own, or undefined. */
export function authenticated(ctx: Koa.Context): string | undefined {
  const id: unknown = ctx.oidc?.client?.clientId
  return typeof id === 'string' ? id : undefined
}

/** Runs the library on the same request with another body, and takes its answer over. Resolves to the context that it ran on. */
export async function libraryWith(ctx: Koa.Context, provider: Provider, body: Buffer): Promise<Koa.Context> {
  const req: typeof ctx.req = Object.create(ctx.req, {
    iterator: {
      value: async function* () {
        yield body
      },
    },
    headers: { value: { ...ctx.req.headers, 'content-length': String(body.length) } },
  })
  const inner = provider.createContext(req, ctx.res) as Koa.Context
  await library(provider)(inner)
  ctx.status = inner.status
  if (inner.body !== undefined) ctx.body = inner.body
  return inner
}

/** A text that is no token of any kind: the library authenticates the client, reads nothing and says that it is not active. */
export const NOBODYS = 'mm_at_unknown'

/** Replaces one parameter of a form body. */
export function withToken(body: Buffer, text: string): Buffer {
  const form = new URLSearchParams(body.toString())
  form.set('token', text)
  return Buffer.from(form.toString())
}
