/**
 * One clock for several processes: a parent says how far ahead of the machine's it is, and everything in the process believes it
 * (the library and jose ask `Date` themselves). Only test processes import this; nothing that ships has such a door.
 */

let ahead = 0
const Real = Date
const now = (): number => Real.now() + ahead

class Shifted extends Real {
  constructor(...given: readonly unknown[]) {
    super(...((given.length > 0 ? given : [now()]) as [number]))
  }
  static override now(): number {
    return now()
  }
}
Object.assign(globalThis, { Date: Shifted })

/** What a parent sends. */
export interface ClockMessage {
  readonly ahead: number
}

process.on('message', (message) => {
  if (typeof message === 'object' && message !== null && 'ahead' in message && typeof message.ahead === 'number')
    ahead = message.ahead
})
// Listening for the clock is no reason to stay.
process.channel?.unref()
// Whoever started this one owns it.
process.on('disconnect', () => process.exit(1))
