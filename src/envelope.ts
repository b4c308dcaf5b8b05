/** The envelope as people turn it: rewrap, renew, status, erase. It joins the seal with the rooms whose documents it seals. */

import type { Configuration } from './config/index.ts'

const DAY_SECONDS = 24 * 3600

/** The longest that anything lives that is looked up by an opaque token's text: a refresh token ends with its family. */
export function tokenSecondsMax(lifetimes: Configuration['lifetimes']): number {
  return DAY_SECONDS + Math.max(DAY_SECONDS, lifetimes.refreshAbsoluteSeconds, lifetimes.initialAccessTokenSeconds)
}
