/** Answers that caches may keep, and refusals of our own small routes. */

import { hash } from 'node:crypto'
import type Koa from 'koa'
import { Refusal } from '../base/index.ts'
import { oauthError } from './headers.ts'
import type { Asset } from './pages.ts'

/** A static file. */
export function sendAsset(ctx: Koa.Context, file: Asset): void {
  ctx.set('Cache-Control', 'public, max-age=86400')
  ctx.set('ETag', file.etag)
  ctx.type = file.type
  if (ctx.fresh) ctx.status = 304
  else ctx.body = file.body
}

/** Bytes that are the same for everyone, with how long they may be kept. */
export interface Cacheable {
  readonly body: string
  readonly type: string
  readonly cacheControl: string
  /** Made of the body unless it is known already. */
  readonly etag?: string
}

/** An answer with an ETag (RFC 9110, 8.8.3), or 304 for whoever has it (DESIGN section 8). */
export function sendCacheable(ctx: Koa.Context, { body, type, cacheControl, etag }: Cacheable): void {
  ctx.body = body
  ctx.set('Cache-Control', cacheControl)
  ctx.set('Content-Type', `${type}; charset=utf-8`)
  ctx.response.etag = etag ?? `"${hash('sha256', body, 'base64url').slice(0, 22)}"`
  if (ctx.fresh) ctx.status = 304
}

/** Answers a refusal as JSON, naming the methods that a route takes where the method was wrong; throws whatever is none. */
export function sendRefusal(ctx: Koa.Context, cause: unknown, methods: string): void {
  if (!(cause instanceof Refusal)) throw cause
  if (cause.status === 405) ctx.set('Allow', methods)
  ctx.status = cause.status
  ctx.body = oauthError(cause.code, cause.message)
}
