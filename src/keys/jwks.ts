/** /jwks: what is published, as bytes with an ETag, and how long verifiers may keep it (RFC 7517, 5; RFC 9111, 5.2). */

import { hash } from 'node:crypto'
import { isPending, type KeyState, type Ring, type RingKey } from './rules.ts'

/** How long a verifier may keep the set, and how long while a change is on its way. */
export const MAX_AGE_SECONDS = 300
export const MAX_AGE_PENDING_SECONDS = 60

const ORDER: readonly KeyState[] = ['current', 'next', 'previous', 'retired']

/** Keys of these states, those that sign first. */
export function ordered(ring: Ring, states: readonly KeyState[] = ORDER): readonly RingKey[] {
  return ORDER.filter((state) => states.includes(state)).flatMap((state) =>
    ring.keys.filter((key) => key.state === state && key.slot !== 'cookie'),
  )
}

/** The set as it is answered. */
export interface Published {
  readonly body: string
  readonly etag: string
}

/** The published set of a ring: next, current and previous keys. */
export function published(ring: Ring): Published {
  const keys = ordered(ring, ['current', 'next', 'previous']).map(({ kid, slot, publicJwk }) => ({
    ...publicJwk,
    kid,
    alg: slot,
    use: 'sig',
  }))
  const body = JSON.stringify({ keys })
  return { body, etag: `"${hash('sha256', body, 'base64url').slice(0, 22)}"` }
}

/** `Cache-Control` of the set. */
export function cacheControl(ring: Ring, facts: { readonly now: number; readonly publishSeconds: number }): string {
  const seconds = isPending(ring, facts) ? MAX_AGE_PENDING_SECONDS : MAX_AGE_SECONDS
  return `public, max-age=${seconds}, must-revalidate`
}
