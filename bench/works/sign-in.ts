/** A whole sign-in of a person with a fresh browser: authorization request with PKCE, both pages and their forms, and the code's redemption. */

import { createHash, randomBytes } from 'node:crypto'
import { type Answer, headerOf, memberOf } from '../generator/answer.ts'
import type { Player } from '../generator/player.ts'
import { get, post, postAsClient } from '../generator/request.ts'
import { CLIENT, PASSWORD, PERSON, REDIRECT } from '../sides/shared.ts'
import type { Target } from './work.ts'

const STEPS_MAX = 16

/** A player whose unit is one sign-in. `done` gets the tokens' answer. */
export class SignIn implements Player {
  readonly #port: number
  readonly #done: (answer: Answer) => void
  #cookies = new Map<string, string>()
  #verifier = ''
  #path = ''
  #steps = 0
  #redeems = false

  constructor(port: number, done: (answer: Answer) => void) {
    this.#port = port
    this.#done = done
  }

  begin(): Uint8Array {
    this.#cookies = new Map()
    this.#steps = 0
    this.#redeems = false
    this.#verifier = randomBytes(32).toString('base64url')
    const query = new URLSearchParams({
      client_id: CLIENT,
      response_type: 'code',
      redirect_uri: REDIRECT,
      scope: 'openid offline_access',
      // Offline access is only given where a person was asked (OpenID Connect Core, 11).
      prompt: 'consent',
      code_challenge: createHash('sha256').update(this.#verifier).digest('base64url'),
      code_challenge_method: 'S256',
    })
    return this.#get(`/auth?${query}`)
  }

  take(answer: Answer): Uint8Array | undefined {
    if (this.#redeems) {
      memberOf(answer, 'access_token')
      this.#done(answer)
      return undefined
    }
    if (answer.status >= 400 || ++this.#steps > STEPS_MAX)
      throw new Error(`sign-in: ${answer.status} at ${this.#path} ${answer.body.toString('latin1').slice(0, 300)}`)
    for (const line of headerOf(answer, 'set-cookie')) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=')
      if (value === '') this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
    const [location] = headerOf(answer, 'location')
    if (location?.startsWith(REDIRECT)) return this.#redeem(location)
    return location === undefined ? this.#submit(answer.body.toString('latin1')) : this.#get(location)
  }

  #headers(): Readonly<Record<string, string>> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    return { accept: 'text/html', ...(cookie ? { cookie } : {}) }
  }

  #get(location: string): Uint8Array {
    const { pathname, search } = new URL(location, `http://localhost:${this.#port}`)
    this.#path = pathname
    return get(this.#port, pathname + search, this.#headers())
  }

  #submit(html: string): Uint8Array {
    const csrf = /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? ''
    const form = html.includes('name="password"')
      ? { csrf, login: PERSON, password: PASSWORD, do: 'sign-in' }
      : { csrf, do: 'allow' }
    return post(this.#port, this.#path, form, this.#headers())
  }

  #redeem(location: string): Uint8Array {
    this.#redeems = true
    return postAsClient(this.#port, '/token', {
      grant_type: 'authorization_code',
      code: new URL(location).searchParams.get('code') ?? '',
      redirect_uri: REDIRECT,
      code_verifier: this.#verifier,
    })
  }
}

/** One browser for each player, a person's whole sign-in its unit. */
export const signIns = async ({ port }: Target, count: number): Promise<readonly Player[]> =>
  Array.from({ length: count }, () => new SignIn(port, () => {}))
