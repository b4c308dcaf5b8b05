/**
 * `POST /auth`: OpenID Connect requires it (Core, 3.1.2.1), the library would need SameSite=None cookies for it. We answer with
 * a 303 to `GET /auth`, where the cookies are; a request too long for a URL is kept as a pushed one.
 */

import { UnsecuredJWT } from 'jose'
import type Koa from 'koa'
import { errors, type Provider } from 'oidc-provider'

const URL_LENGTH_MAX = 2000
const PUSHED_SECONDS = 60
const URN = 'urn:ietf:params:oauth:request_uri:'

/** The query to redirect to; a long request is staged as a pushed request first. */
export async function pushLongRequest(provider: Provider, ctx: Koa.Context, body: Buffer): Promise<string> {
  if (!ctx.is('application/x-www-form-urlencoded'))
    throw new errors.InvalidRequest(
      'only application/x-www-form-urlencoded content-type bodies are supported on POST /auth',
    )
  const form = new URLSearchParams(body.toString())
  const query = form.toString()
  if (query.length <= URL_LENGTH_MAX) return query
  const names = [...form.keys()]
  if (new Set(names).size !== names.length) throw new errors.InvalidRequest('a parameter must not be given twice')
  const clientId = form.get('client_id') ?? ''
  const client = await provider.Client.find(clientId)
  if (!client) throw new errors.InvalidClient('client is invalid')
  const { claims, ...plain } = Object.fromEntries(form)
  const request =
    form.get('request') ??
    new UnsecuredJWT({ ...plain, ...(claims ? { claims: parsed(claims) } : {}) })
      .setIssuedAt()
      .setIssuer(clientId)
      .setAudience(provider.issuer)
      .setExpirationTime(`${PUSHED_SECONDS}s`)
      .setNotBefore('0s')
      .encode()
  // Not `trusted`: nobody authenticated the client here, unlike at the pushed request endpoint (RFC 9126, 2.1).
  const pushed = new provider.PushedAuthorizationRequest({
    request,
    trusted: false,
  } as unknown as ConstructorParameters<typeof provider.PushedAuthorizationRequest>[0])
  const id = await pushed.save(PUSHED_SECONDS)
  return new URLSearchParams({ client_id: clientId, request_uri: `${URN}${id}` }).toString()
}

function parsed(claims: string): unknown {
  try {
    return JSON.parse(claims)
  } catch {
    throw new errors.InvalidRequest('could not parse the claims parameter JSON')
  }
}

/** Answers with 303, so that the browser comes back with GET (RFC 9700, 4.12). */
export function redirectToAuth(ctx: Koa.Context, query: string): void {
  ctx.status = 303
  ctx.set('Location', `/auth?${query}`)
  ctx.set('Cache-Control', 'no-store')
  ctx.body = ''
}
