/**
 * What a resource server says of the request that it was sent, and what that makes of a live access token: the same questions as for API
 * tokens, in the same words. Pure, so that every path to an answer gives the same.
 */

import { errors } from 'oidc-provider'
import type { Presented, Reason } from '../api-tokens/index.ts'
import type { ClientRecord } from '../clients/index.ts'

/** What an answer is, before it is written. */
export type Body = Readonly<Record<string, unknown>>

const ASKED = ['ip', 'method', 'path', 'resource', 'scope', 'user_agent'] as const

/** What is asked. Throws for a parameter that is there twice. */
export function askedOf(form: URLSearchParams): Presented {
  for (const name of ASKED)
    if (form.getAll(name).length > 1) throw new errors.InvalidRequest(`'${name}' parameter must not be provided twice`)
  const one = (name: (typeof ASKED)[number]): string | undefined => form.get(name) || undefined
  return {
    address: one('ip'),
    method: one('method'),
    path: one('path'),
    api: one('resource'),
    scopes: one('scope')?.split(' ').filter(Boolean),
    agent: one('user_agent'),
  }
}

/** Whether an access token that lives is for the API, and has the scopes, that are asked for. */
export function reasonFor(
  { aud, scope }: { readonly aud?: unknown; readonly scope?: unknown },
  { api, scopes }: Pick<Presented, 'api' | 'scopes'>,
): Reason {
  if (api !== undefined && api !== aud) return 'NOT_FOUND'
  const held = typeof scope === 'string' ? scope.split(' ') : []
  return scopes?.every((one) => held.includes(one)) === false ? 'SCOPE_DENIED' : 'VALID'
}

/** Whether a client may know why a token of an API is not good: it serves that API. */
export const serves = (caller: Pick<ClientRecord, 'introspect'>, api: unknown): boolean =>
  typeof api === 'string' && caller.introspect.includes(api)

/**
 * The answer about an access token that lives, by what was asked of it. Of a token of another API than the one that was named, or than
 * those that the caller serves, nothing is told: it is NOT_FOUND like one that there is not. A client that serves no API asks about its own
 * tokens, and hears what it always did.
 */
export function answerTo(
  caller: Pick<ClientRecord, 'introspect'>,
  live: Body,
  asked: Pick<Presented, 'api' | 'scopes'>,
): Body {
  if (caller.introspect.length === 0) return live
  const isServed = serves(caller, live.aud)
  const reason = reasonFor(live, asked)
  if (reason !== 'VALID') return { active: false, reason: isServed ? reason : 'NOT_FOUND' }
  return isServed ? { ...live, reason } : live
}
