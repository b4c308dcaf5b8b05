/**
 * A sign that somebody else has a token: presented with its right text, again and again from outside its networks. Counted beside the
 * writing of uses, by node and hour, so that verification does nothing for it.
 */

/** How often in an hour, before anyone is asked: one is a laptop in a train. */
export const OUTSIDE_MAX = 5
/** Tokens that are counted at once; the oldest is let go. */
const TOKENS_MAX = 10_000

/** Makes the watch. `tell` hears of a token once in an hour, with how often it came from outside so far. */
export function createRiskWatch(tell: (id: string, times: number) => unknown) {
  const counted = new Map<string, { readonly hour: number; readonly times: number }>()
  return (id: string, hour: number, times: number): void => {
    if (times <= 0) return
    const known = counted.get(id)
    const before = known?.hour === hour ? known.times : 0
    counted.delete(id)
    counted.set(id, { hour, times: before + times })
    for (const oldest of counted.keys()) {
      if (counted.size <= TOKENS_MAX) break
      counted.delete(oldest)
    }
    if (before < OUTSIDE_MAX && before + times >= OUTSIDE_MAX) tell(id, before + times)
  }
}
