/** What one connection plays: units of one or more requests, one after the other. */

import type { Answer } from './answer.ts'
import { Connection } from './connection.ts'

/** A player. A unit is what a work counts: one request, or a whole sign-in. */
export interface Player {
  /** The first request of a unit. */
  begin(): Uint8Array
  /** Takes an answer: the next request of the unit, or undefined when the unit is over. Throws for an answer that is not right. */
  take(answer: Answer): Uint8Array | undefined
}

/** Plays one unit of each of several players at once, each on a connection of its own. */
export async function playOnce(port: number, players: readonly Player[]): Promise<void> {
  await Promise.all(
    players.map(
      (player) =>
        new Promise<void>((done, fail) => {
          const connection = new Connection(port, {
            answered(answer) {
              const next = player.take(answer)
              if (next) return connection.send(next)
              connection.close()
              done()
            },
            failed: fail,
          })
          connection.send(player.begin())
        }),
    ),
  )
}
