/**
 * The one place that reaches below oidc-provider's public surface (DESIGN rule 7). Each reach has a reason and a test in
 * test/oidc/internals.test.ts that fails when an upgrade moves it. Pinned to 9.13.3.
 */

import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
// @ts-expect-error the package ships no types for this file
import instance from 'oidc-provider/lib/helpers/weak_cache.js'

/**
 * What the library's own grant handlers are made of: binding by DPoP and certificate, the API that is asked for, the answer. Its
 * subpath is typed but not covered by its version's promise.
 */
export {
  buildTokenResponse,
  checkDpopReplay,
  checkDpopRequired,
  checkMtlsCert,
  resolveRequestedResources,
  validateDpop,
} from 'oidc-provider/lib/helpers/grants.js'

type GrantHandler = (ctx: KoaContextWithOIDC) => Promise<void>

interface Instance {
  readonly grantTypeHandlers: Map<string, GrantHandler>
}

function inside(provider: Provider): Instance {
  // The library's private state has no type: this is the edge where it gets one.
  return instance(provider) as Instance
}

/**
 * Wraps the built-in handler of a grant type. The public `registerGrantType` replaces a handler and forgets the old one;
 * receipts need the old one's checks before and its answer after.
 */
export function wrapGrantHandler(
  provider: Provider,
  grantType: string,
  wrap: (inner: GrantHandler) => GrantHandler,
): void {
  const { grantTypeHandlers } = inside(provider)
  const inner = grantTypeHandlers.get(grantType)
  if (!inner) throw new Error(`oidc-provider has no handler for ${grantType}`)
  grantTypeHandlers.set(grantType, wrap(inner))
}

/** A model class as far as it is overridden here. */
export interface ModelClass {
  readonly prototype: {
    generateTokenId(): string
    emit(event: string): void
  }
}

/** The library's model class of a name; its types leave out the members that opaque token texts need. */
export function modelClass(provider: Provider, name: string): ModelClass {
  return (provider as unknown as Record<string, ModelClass>)[name] as ModelClass
}
