/** What an opening means. Facts in, verdict out. */

/** What is known when somebody asks to open a wrap. */
export interface OpeningFacts {
  /** Whether the proof is the right one. */
  readonly proved: boolean
  readonly state: string
  readonly expired: boolean
  /** Whether it is the attempt that opened it: a retry whose answer was lost. */
  readonly sameAttempt: boolean
}

/** `alarm`: it was opened before, by somebody else. `alarmed`: the same, and the alarm has been given. */
export type Opening = 'unknown' | 'expired' | 'open' | 'again' | 'alarm' | 'alarmed'

/** A wrong key is nothing; the first right one opens; any other after it alarms, also when the time is over. */
export function onOpening({ proved, state, expired, sameAttempt }: OpeningFacts): Opening {
  if (!proved) return 'unknown'
  if (state === 'alarmed') return 'alarmed'
  if (state === 'opened' && !sameAttempt) return 'alarm'
  if (expired) return 'expired'
  return state === 'opened' ? 'again' : 'open'
}
