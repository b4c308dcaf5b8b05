/**
 * Idempotency: a retried request is one request. Owns the records of requests with an Idempotency-Key, and the only commit that such a request
 * makes. It refuses to know what a request does, who its caller is, and HTTP beyond a status.
 */

import { type IdempotencyDeps, onceActions } from './once.ts'
import { idempotentRequests } from './records.ts'

export { type Given, IDEMPOTENCY_REFUSALS, type Request } from './once.ts'
export { type Answer, idempotencyResealer } from './records.ts'

/** This room's collections. */
export const idempotencyCollections = [idempotentRequests] as const

/** Opens the room. */
export const createIdempotency = (deps: IdempotencyDeps) => onceActions(deps)

export type Idempotency = ReturnType<typeof createIdempotency>
