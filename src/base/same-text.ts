/** Comparing what was presented with what is right. */

import { timingSafeEqual } from 'node:crypto'

/** Whether two texts are the same, in a time that tells their lengths alone. As UTF-8: of well-formed texts no two are the same there. */
export function isSameText(given: string, right: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(right)]
  return one.length === other.length && timingSafeEqual(one, other)
}
