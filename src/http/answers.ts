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

const etagOf = (body: string): string => `"${hash('sha256', body, 'base64url').slice(0, 22)}"`

/** What is the same for everyone, as bytes that can leave at once. `headers`: names and values in turn. */
export interface Prepared {
  readonly body: Buffer
  readonly headers: readonly string[]
}

/** Prepares an answer. The ETag is made of the body unless it is known already. */
export function prepared(
  { body, type, cacheControl, etag = etagOf(body) }: Cacheable,
  more: readonly string[],
): Prepared {
  const bytes = Buffer.from(body)
  const type8 = `${type}; charset=utf-8`
  const own = [
    'Cache-Control',
    cacheControl,
    'Content-Type',
    type8,
    'ETag',
    etag,
    'Content-Length',
    String(bytes.length),
  ]
  return { body: bytes, headers: [...more, ...own] }
}

/** What an answer carries that anybody's page may read: the library's CORS for a request without an origin. */
export const ANY_ORIGIN = ['Vary', 'Origin', 'Access-Control-Allow-Origin', '*'] as const

/** Prepared answers by path, each good while `of` (the generation that made it, or its text) is the one that is asked for. */
export function createShelf() {
  const kept = new Map<string, { readonly of: unknown; readonly answer: Prepared }>()
  return {
    put: (path: string, of: unknown, answer: Prepared): void => void kept.set(path, { of, answer }),
    get(path: string, of: unknown): Prepared | undefined {
      const found = kept.get(path)
      return found?.of === of ? found?.answer : undefined
    },
  }
}

export type Shelf = ReturnType<typeof createShelf>

/** An answer with an ETag (RFC 9110, 8.8.3), or 304 for whoever has it (DESIGN section 8). */
export function sendCacheable(ctx: Koa.Context, { body, type, cacheControl, etag }: Cacheable): void {
  ctx.body = body
  ctx.set('Cache-Control', cacheControl)
  ctx.set('Content-Type', `${type}; charset=utf-8`)
  ctx.response.etag = etag ?? etagOf(body)
  if (ctx.fresh) ctx.status = 304
}

/** Answers a refusal as JSON, naming the methods that a route takes where the method was wrong; throws whatever is none. */
export function sendRefusal(ctx: Koa.Context, cause: unknown, methods: string): void {
  if (!(cause instanceof Refusal)) throw cause
  if (cause.status === 405) ctx.set('Allow', methods)
  ctx.status = cause.status
  ctx.body = oauthError(cause.code, cause.message)
}
