/** The closed loop: every connection sends its next request when it has the answer to the last. It finds the highest load. */

import { Connection } from './connection.ts'
import type { Player } from './player.ts'
import type { Sample } from './protocol.ts'

/** Loads a port for some seconds or some units, a connection for each player. Rejects at the first answer that is not right. */
export function runClosed(
  port: number,
  players: readonly Player[],
  {
    seconds,
    units: most = Number.POSITIVE_INFINITY,
  }: { readonly seconds: number; readonly units?: number | undefined },
): Promise<Sample> {
  const latencies: number[] = []
  let units = 0
  const began = performance.now()
  const until = began + seconds * 1000
  return new Promise((done, fail) => {
    let running = players.length
    const connections = players.map((player) => {
      let since = 0
      const send = (bytes: Uint8Array, now: number): void => {
        since = now
        connection.send(bytes)
      }
      const connection: Connection = new Connection(port, {
        answered(answer) {
          const now = performance.now()
          latencies.push(now - since)
          const next = player.take(answer)
          if (next) return send(next, now)
          units++
          if (now < until && units + running <= most) return send(player.begin(), now)
          connection.close()
          running--
          if (running > 0) return
          done({ units, latencies: Float64Array.from(latencies), seconds: (now - began) / 1000, late: 0 })
        },
        failed(cause) {
          for (const one of connections) one.close()
          fail(cause)
        },
      })
      send(player.begin(), began)
      return connection
    })
  })
}
