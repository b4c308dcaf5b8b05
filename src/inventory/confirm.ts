/** Confirmation codes: that whoever acts has seen how many a filter means. A keyed hash over filter, count, time and who; nothing is stored. */

import { type Clock, seconds, TENANT } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import { refuse } from './errors.ts'
import { canonical, type Filter } from './filter.ts'

const CODE_SECONDS = 600

/** Makes both ends. */
export function createConfirmation({
  seal,
  clock,
}: {
  readonly seal: Pick<Seal, 'hash' | 'matches'>
  readonly clock: Clock
}) {
  const place = (filter: Filter, seen: { readonly count: number; readonly at: number; readonly by: string }) => ({
    tenant: TENANT,
    kind: 'inventory confirmation',
    text: JSON.stringify([seen.at, seen.count, seen.by, canonical(filter)]),
  })
  return {
    /** A code for who asked, with its end (Unix seconds). */
    code(
      filter: Filter,
      { count, by }: { readonly count: number; readonly by: string },
    ): { readonly code: string; readonly codeUntil: number } {
      const at = seconds(clock)
      const { tenant, kind, text } = place(filter, { count, at, by })
      return { code: `${at}.${count}.${seal.hash('lookup', tenant, kind, text)}`, codeUntil: at + CODE_SECONDS }
    },
    /** How many a code confirms. Refused: `confirmation_wrong`, also for a code that somebody else got. */
    confirmed(filter: Filter, { code, by }: { readonly code: string; readonly by: string }): number {
      const [, at, count, mac] = /^(\d{1,12})\.(\d{1,12})\.([\w-]{43})$/.exec(code) ?? []
      const [time, most, age] = [Number(at), Number(count), seconds(clock) - Number(at)]
      if (
        mac === undefined ||
        !seal.matches('lookup', place(filter, { count: most, at: time, by }), mac) ||
        age < 0 ||
        age > CODE_SECONDS
      )
        throw refuse('confirmation_wrong')
      return most
    },
  }
}
