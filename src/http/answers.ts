/** Answers that caches may keep. */

import { hash } from 'node:crypto'
import type Koa from 'koa'
import type { Asset } from './pages.ts'

/** A static file. */
export function sendAsset(ctx: Koa.Context, file: Asset): void {
  ctx.set('Cache-Control', 'public, max-age=86400')
  ctx.set('ETag', file.etag)
  ctx.type = file.type
  if (ctx.fresh) ctx.status = 304
  else ctx.body = file.body
}

/** Discovery and keys are the same for everyone: the body as bytes with an ETag (DESIGN section 8). */
export function sendCacheable(ctx: Koa.Context, type: string): void {
  const text = JSON.stringify(ctx.body)
  ctx.body = text
  ctx.set('Cache-Control', 'public, max-age=300')
  ctx.set('Content-Type', `${type}; charset=utf-8`)
  ctx.response.etag = `"${hash('sha256', text, 'base64url').slice(0, 22)}"`
  if (ctx.fresh) ctx.status = 304
}
