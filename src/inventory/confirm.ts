/** Confirmation codes: that a person has seen how many a filter means. A keyed hash over filter, count and time; nothing is stored. */

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
  const place = (filter: Filter, count: number, at: number) => ({
    tenant: TENANT,
    kind: 'inventory confirmation',
    text: `${at} ${count} ${canonical(filter)}`,
  })
  return {
    /** A code, with its end (Unix seconds). */
    code(filter: Filter, count: number): { readonly code: string; readonly codeUntil: number } {
      const at = seconds(clock)
      const { tenant, kind, text } = place(filter, count, at)
      return { code: `${at}.${count}.${seal.hash('lookup', tenant, kind, text)}`, codeUntil: at + CODE_SECONDS }
    },
    /** How many a code confirms. Refused: `confirmation_wrong`. */
    confirmed(filter: Filter, code: string): number {
      const [, at, count, mac] = /^(\d{1,12})\.(\d{1,12})\.([\w-]{43})$/.exec(code) ?? []
      const [time, most, age] = [Number(at), Number(count), seconds(clock) - Number(at)]
      if (mac === undefined || !seal.matches('lookup', place(filter, most, time), mac) || age < 0 || age > CODE_SECONDS)
        throw refuse('confirmation_wrong')
      return most
    },
  }
}
