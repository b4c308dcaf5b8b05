/**
 * Revocation (RFC 7009). OAuth tokens are the library's; an API token is ended here for the service that owns it. For everybody else, and for
 * a text that is nobody's, the answer is the same 200 and nothing happens: who asks learns of no token by it.
 */

import type Koa from 'koa'
import type { Provider } from 'oidc-provider'
import { actorOf, mayBeToken, type TokenVerbs, type Verifier } from '../api-tokens/index.ts'
import { Refusal } from '../base/index.ts'
import { authenticated, library, libraryWith, NOBODYS, withToken } from './library.ts'
import { currentWork } from './work.ts'

/** What it uses. */
export interface AnyRevocationDeps {
  readonly verifier: Pick<Verifier, 'find' | 'alarm'>
  readonly tokens: Pick<TokenVerbs, 'revoke'>
}

/** Who asks, when the library has let it through to the token: it knows a client by name before it has seen its secret. */
function clientOf(inner: Koa.Context): string | undefined {
  const { status, body } = inner
  const isRefusedJwt =
    status === 400 &&
    typeof body === 'object' &&
    body !== null &&
    'error' in body &&
    body.error === 'unsupported_token_type'
  return status === 200 || isRefusedJwt ? authenticated(inner) : undefined
}

/** Makes the handler of the revocation endpoint. */
export function createAnyRevocation({ verifier, tokens }: AnyRevocationDeps) {
  /** Stages the end of a client's own API token, if this is one. */
  async function end(ctx: Koa.Context, client: string, text: string): Promise<boolean> {
    const found = await verifier.find(text)
    if (!found) return false
    verifier.alarm(found, { address: ctx.ip, agent: ctx.get('user-agent'), client })
    const { doc, record } = found
    if (record.owner.type !== 'service' || record.owner.id !== client) return false
    const how = { by: actorOf(record.owner), why: 'revoked by its owner' }
    await tokens.revoke(currentWork().unit, doc.id, how).catch((cause) => {
      // It has ended already: that is what was asked for (RFC 7009, 2.2).
      if (!(cause instanceof Refusal && (cause.status === 404 || cause.status === 409))) throw cause
    })
    return true
  }

  return async (ctx: Koa.Context, provider: Provider, body: Buffer): Promise<void> => {
    const [text, ...more] = new URLSearchParams(body.toString()).getAll('token')
    if (!text || more.length > 0 || !mayBeToken(text)) return library(provider)(ctx)
    // The library refuses every JWT (RFC 7009, 2.2.1), and what looks like one may still be another system's token. Only its owner may see that.
    const isJwt = text.split('.').length === 3
    const client = clientOf(await libraryWith(ctx, provider, isJwt ? body : withToken(body, NOBODYS)))
    if (client === undefined || !(await end(ctx, client, text)) || !isJwt) return
    ctx.remove('Content-Type')
    ctx.status = 200
    ctx.body = ''
  }
}

export type AnyRevocation = ReturnType<typeof createAnyRevocation>
