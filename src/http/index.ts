/**
 * What every route shares: the edge (ids, limits, origin), security headers, the outbound client and the pages' renderer.
 * Knows no endpoint and no credential.
 */

export {
  ANY_ORIGIN,
  type Cacheable,
  createShelf,
  type Prepared,
  prepared,
  type Shelf,
  sendAsset,
  sendCacheable,
  sendRefusal,
} from './answers.ts'
export { BadBody, BODY_BYTES_MAX, callerAddress, earlyId, keepEarly, networkOf, readBody, requestView } from './edge.ts'
export { oauthError, securityHeaderList, securityHeaders } from './headers.ts'
export { createOutbound, type Outbound, OutboundRefused, type OutboundRequest } from './outbound.ts'
export {
  ACCENTS,
  type Accent,
  type Asker,
  type Asset,
  type Branding,
  type ScopeGroup,
  type SignInModel,
  type Views,
} from './pages.ts'
export { createViews, duration } from './views.ts'
