/**
 * The open loop: units begin at a fixed rate, whether or not the server keeps up, and each is timed from when it should have begun (the
 * further requests of a unit from when they are sent). A closed loop asks less of a server that stalls, and so hides the stall.
 */

import { Connection } from './connection.ts'
import type { Player } from './player.ts'
import type { Sample } from './protocol.ts'

/** How long answers are waited for when the last unit has begun. */
const GRACE_MS = 5000

/** Loads a port at `rate` units a second. What could not even begin is counted in `late`, with the time that it had waited. */
export function runOpen(
  port: number,
  players: readonly Player[],
  { seconds, rate }: { readonly seconds: number; readonly rate: number },
): Promise<Sample> {
  const latencies: number[] = []
  const began = performance.now()
  const until = began + seconds * 1000
  const planned = Math.round(seconds * rate)
  const dueAt = (n: number): number => began + (n * 1000) / rate
  let begun = 0
  let flying = 0
  let units = 0
  let broken = false
  return new Promise((done, fail) => {
    const idle: ((since: number) => void)[] = []
    const connections = players.map((player) => {
      let since = 0
      const start = (due: number): void => {
        since = due
        flying++
        connection.send(player.begin())
      }
      const connection: Connection = new Connection(port, {
        answered(answer) {
          const now = performance.now()
          latencies.push(now - since)
          since = now
          const next = player.take(answer)
          if (next) return connection.send(next)
          units++
          flying--
          idle.push(start)
        },
        failed(cause) {
          broken = true
          for (const one of connections) one.close()
          fail(cause)
        },
      })
      idle.push(start)
      return connection
    })
    function finish(): void {
      for (const one of connections) one.close()
      let late = 0
      for (; begun < planned; begun++, late++) latencies.push(Math.max(0, until - dueAt(begun)))
      done({ units, latencies: Float64Array.from(latencies), seconds, late: late + flying })
    }
    // Turns of the loop, not a timer: a timer's millisecond would be counted as the server's.
    const turn = (): void => {
      if (broken) return
      const now = performance.now()
      while (begun < planned && dueAt(begun) <= now) {
        const start = idle.shift()
        if (!start) break
        start(dueAt(begun++))
      }
      const isOver = begun === planned && flying === 0
      if (isOver || now > until + GRACE_MS) finish()
      else setImmediate(turn)
    }
    turn()
  })
}
