/** What verification answers for a token now, whatever the request: place, method, path and API are left aside. Facts in, verdict out. */

import type { ReadToken } from './above.ts'
import { type Above, effective, type Reason, standing } from './rules.ts'

/** The reason. */
export function standingReason({ doc, record }: ReadToken, above: Above, now: number): Reason {
  const reason = standing(doc, above, now)
  if (reason !== 'VALID') return reason
  // Nothing is left of what it may do: there is no request that it would be good for.
  return record.scopes.length > 0 && effective(record, above).scopes.length === 0 ? 'SCOPE_DENIED' : 'VALID'
}
