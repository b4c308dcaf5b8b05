/** `/wrapped/:id`: GET shows a page that asks the store nothing; POST opens. */

import type Koa from 'koa'
import { z } from 'zod'
import { readBody, sendRefusal, type Views } from '../http/index.ts'
import { WRAPPED_PATH } from './actions.ts'
import { refuse } from './errors.ts'
import type { OpeningInput } from './open.ts'

const ID = /^[\w-]{24}$/
const opening = z.strictObject({
  proof: z.string().regex(/^[\w-]{43}$/),
  attempt: z.string().regex(/^[\w-]{22}$/),
})

/** The one page with a script: ours, from a file, and it may speak to nobody but us. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "connect-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

function parsed(id: string, body: Buffer): OpeningInput {
  let json: unknown
  try {
    json = JSON.parse(body.toString())
  } catch {
    throw refuse('bad_opening')
  }
  const asked = opening.safeParse(json)
  if (!asked.success) throw refuse('bad_opening')
  return { id, ...asked.data }
}

/** Answers the addresses of wrapped secrets; false for any other path. */
export function createRoutes(deps: {
  readonly views: Pick<Views, 'wrapped'>
  readonly open: (input: OpeningInput) => Promise<{ readonly ciphertext: string }>
}) {
  // The same for whoever looks, at whatever address: a link preview learns nothing and changes nothing.
  const page = deps.views.wrapped()
  return async (ctx: Koa.Context): Promise<boolean> => {
    const id = ctx.path.startsWith(WRAPPED_PATH) ? ctx.path.slice(WRAPPED_PATH.length) : ''
    if (!ID.test(id)) return false
    ctx.set('Cache-Control', 'no-store')
    ctx.set('Referrer-Policy', 'no-referrer')
    if (ctx.method === 'GET' || ctx.method === 'HEAD') {
      ctx.set('Content-Security-Policy', POLICY)
      ctx.type = 'html'
      ctx.body = page
      return true
    }
    try {
      if (ctx.method !== 'POST') throw refuse('method_not_allowed')
      ctx.body = await deps.open(parsed(id, await readBody(ctx.req)))
    } catch (cause) {
      sendRefusal(ctx, cause, 'GET, HEAD, POST')
    }
    return true
  }
}
