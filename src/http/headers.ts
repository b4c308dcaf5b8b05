/** The security headers of every answer, and the shape of answers that are errors of our own routes. */

import type Koa from 'koa'
import helmet from 'koa-helmet'

/**
 * Security headers for every answer, by helmet. `script-src` is named so that the library can add the hash of its one inline script
 * (form_post, logout): oidc-provider appends only to an explicit directive. No `form-action`: browsers apply it to the whole
 * redirect chain after a sign-in, which ends at the application. No `upgrade-insecure-requests`: first start is plain http on loopback.
 */
const protect = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      'default-src': ["'none'"],
      'script-src': ["'none'"],
      'style-src': ["'self'"],
      'img-src': ["'self'"],
      'base-uri': ["'none'"],
      'frame-ancestors': ["'none'"],
    },
  },
  crossOriginEmbedderPolicy: false,
  referrerPolicy: { policy: 'same-origin' },
  strictTransportSecurity: { maxAge: 31_536_000, includeSubDomains: false },
  xFrameOptions: { action: 'deny' },
})

/** The headers, names and values in turn. Helmet is asked once: with these settings they differ by no request. */
export function securityHeaderList(): readonly string[] {
  const list: string[] = []
  const stand = {
    setHeader: (name: string, value: string) => void list.push(name, value),
    removeHeader() {},
  }
  // Helmet asks nothing else of a context.
  void protect({ req: {}, res: stand } as unknown as Koa.Context, async () => {})
  return list
}

/** Sets them. */
export function securityHeaders(): Koa.Middleware {
  const list = securityHeaderList()
  return (ctx, next) => {
    for (let n = 0; n < list.length; n += 2) ctx.res.setHeader(list[n] ?? '', list[n + 1] ?? '')
    return next()
  }
}

/** An OAuth error body (RFC 6749, 5.2), the shape of every JSON refusal. */
export function oauthError(
  error: string,
  description: string,
): { readonly error: string; readonly error_description: string } {
  return { error, error_description: description }
}
