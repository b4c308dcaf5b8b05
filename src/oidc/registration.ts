/**
 * Dynamic registration where secrets are hashes: reads and updates never return one (DESIGN rule 6), and a client that repeats
 * its own in an update (RFC 7592, 2.2) is compared by hash before the library compares what it has instead.
 */

import type Koa from 'koa'
import type { Provider } from 'oidc-provider'
import type { Clients } from '../clients/index.ts'
import { library, libraryWith } from './library.ts'
import { SECRET_IS_HASHED } from './models.ts'
import { currentWork } from './work.ts'

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    // The library says what is wrong with it.
    return undefined
  }
}

/** Makes the handler of /reg and what lies below it. */
export function createRegistration({ clients }: { readonly clients: Clients }) {
  async function withKeptSecret(clientId: string, body: Buffer): Promise<Buffer> {
    const json = parsed(body)
    if (!isRecord(json) || typeof json.client_secret !== 'string') return body
    const record = await clients.find(clientId, currentWork().unit)
    const right = record !== undefined && clients.secretMatches(record, json.client_secret)
    // A wrong one must not be what the library has, whatever the client sends.
    return Buffer.from(JSON.stringify({ ...json, client_secret: right ? SECRET_IS_HASHED : '' }))
  }

  return async (ctx: Koa.Context, provider: Provider, body: Buffer): Promise<void> => {
    const clientId = /^\/[^/]+\/([^/]+)/.exec(ctx.path)?.[1] ?? ''
    if (ctx.method === 'PUT') await libraryWith(ctx, provider, await withKeptSecret(clientId, body))
    else await library(provider)(ctx)
    if (ctx.status !== 200 || !isRecord(ctx.body)) return
    const { client_secret: _placeholder, client_secret_expires_at: _never, ...rest } = ctx.body
    ctx.body = rest
  }
}
