/**
 * Hand-over: how a secret reaches its recipient other than by being shown once. Owns wrapped secrets (a single-use address) and sealing
 * for a recipient's key. It refuses to know what the secrets open; of an API token it knows the id, to revoke it when an address was opened twice.
 */

import type Koa from 'koa'
import type { Views } from '../http/index.ts'
import { handoverActions } from './actions.ts'
import { refuse } from './errors.ts'
import type { HandoverDeps } from './open.ts'
import { wrapped } from './records.ts'
import { createRoutes } from './routes.ts'

export { WRAP_SECONDS_MAX, WRAPPED_PATH, type WrapOrder } from './actions.ts'
export type { HandoverDeps, OpeningInput } from './open.ts'
export { sealFor } from './seal-for.ts'
export { proofOf, unwrapText } from './wrap.ts'

/** What this room refuses. */
export const handoverRefusals = refuse.table

/** This room's collections. */
export const handoverCollections = [wrapped] as const

/** This room's events. */
export type HandoverEvent = 'wrapped.made' | 'wrapped.opened' | 'wrapped.opened_twice'

/** Opens the room. */
export function createHandover(deps: HandoverDeps & { readonly views: Pick<Views, 'wrapped'> }) {
  const { wrap, open } = handoverActions(deps)
  const answer: (ctx: Koa.Context) => Promise<boolean> = createRoutes({ views: deps.views, open })
  return { wrap, open, answer }
}

export type Handover = ReturnType<typeof createHandover>
