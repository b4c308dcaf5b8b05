/** The security headers of every answer, and the shape of answers that are errors of our own routes. */

import type { Middleware } from 'koa'
import helmet from 'koa-helmet'

/**
 * Security headers for every answer. `script-src` is named so that the library can add the hash of its one inline script
 * (form_post, logout): oidc-provider appends only to an explicit directive. No `form-action`: browsers apply it to the whole
 * redirect chain after a sign-in, which ends at the application. No `upgrade-insecure-requests`: first start is plain http on loopback.
 */
export function securityHeaders(): Middleware {
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
  return (ctx, next) => protect(ctx, next)
}

/** An OAuth error body (RFC 6749, 5.2), the shape of every JSON refusal. */
export function oauthError(
  error: string,
  description: string,
): { readonly error: string; readonly error_description: string } {
  return { error, error_description: description }
}
