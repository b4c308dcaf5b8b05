/** Refresh with rotation: each player turns a family of its own, which began with a sign-in. */

import { type Answer, memberOf } from '../generator/answer.ts'
import { type Player, playOnce } from '../generator/player.ts'
import { postAsClient } from '../generator/request.ts'
import { SignIn } from './sign-in.ts'
import type { Target } from './work.ts'

class Refresher implements Player {
  readonly #port: number
  #token = ''

  constructor(port: number) {
    this.#port = port
  }

  begin(): Uint8Array {
    return postAsClient(this.#port, '/token', { grant_type: 'refresh_token', refresh_token: this.#token })
  }

  take(answer: Answer): undefined {
    const next = memberOf(answer, 'refresh_token')
    // A server that does not rotate would be measured at something else.
    if (next === this.#token) throw new Error('the refresh token was not rotated')
    this.#token = next
  }
}

/** Signs in once for each player. */
export async function refreshers({ port }: Target, count: number): Promise<readonly Player[]> {
  const pairs = Array.from({ length: count }, () => {
    const player = new Refresher(port)
    return { player, signIn: new SignIn(port, (answer) => player.take(answer)) }
  })
  await playOnce(
    port,
    pairs.map(({ signIn }) => signIn),
  )
  return pairs.map(({ player }) => player)
}
