/** Plays one history and says what it found. */

import { request } from 'node:http'
import { CANARY, REDIRECT } from '../../support/world.ts'
import type { FamilyNumber, History, Op } from './history.ts'
import type { Stage } from './stage.ts'

/** An answer that left; status 0: none came. */
export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** What the world outside knows of one family. */
export interface Known {
  /** Refresh tokens in the order of the answers that carried them. */
  readonly refreshTokens: string[]
  readonly accessTokens: string[]
  /** Tokens that anyone has used. */
  readonly used: Set<string>
  lastSent: string | undefined
  revokeAsked: boolean
  revoked: boolean
  redeems: number
}

/** What happened, for the invariants. */
export interface Played {
  readonly families: readonly [Known, Known]
  readonly crashed: boolean
  readonly waited: boolean
  readonly disableAsked: boolean
  readonly disabled: boolean
  readonly signedOut: boolean
  readonly requests: number
  /** What no order of events may bring about, seen on the way. */
  readonly faults: readonly string[]
}

const WINDOW_SECONDS = 11

/** Sends a form as the web client; resolves with status 0 when the connection is cut. */
export function send(
  stage: Stage,
  path: string,
  form: Readonly<Record<string, string>>,
  rival?: number,
): Promise<Answer> {
  const body = new URLSearchParams(form).toString()
  const { hostname, port } = new URL(stage.issuer)
  const basic = Buffer.from(`web:${encodeURIComponent(stage.secret)}`).toString('base64')
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': String(Buffer.byteLength(body)),
    authorization: `Basic ${basic}`,
    ...(rival === undefined ? {} : { 'x-rival': String(rival) }),
  }
  return new Promise((done) => {
    const lost = (): void => done({ status: 0, body: {} })
    const sent = request({ agent: stage.agent, hostname, port, path, method: 'POST', headers }, (res) => {
      let whole = ''
      res.setEncoding('utf8')
      res.on('data', (chunk: string) => {
        whole += chunk
      })
      res.on('error', lost)
      res.on('close', lost)
      res.on('end', () => done({ status: res.statusCode ?? 0, body: whole ? JSON.parse(whole) : {} }))
    })
    sent.on('error', lost)
    sent.end(body)
  })
}

const empty = (): Known => ({
  refreshTokens: [],
  accessTokens: [],
  used: new Set(),
  lastSent: undefined,
  revokeAsked: false,
  revoked: false,
  redeems: 0,
})

class Player {
  readonly families: readonly [Known, Known] = [empty(), empty()]
  readonly faults: string[] = []
  stopped = false
  waited = false
  disableAsked = false
  disabled = false
  signedOut = false
  requests = 0
  readonly #stage: Stage

  constructor(stage: Stage) {
    this.#stage = stage
    this.families[0].refreshTokens.push(stage.beginning.refreshToken)
    this.families[0].accessTokens.push(stage.beginning.accessToken)
  }

  #take(family: FamilyNumber, answer: Answer, late: boolean): void {
    const known = this.families[family]
    const { refresh_token: refresh, access_token: access } = answer.body
    if (answer.status >= 500 && answer.status !== 503) this.faults.push(`status ${answer.status}`)
    if (answer.status !== 200) return
    if (late) this.faults.push(`a request that began after the end of family ${family} got tokens`)
    if (typeof refresh === 'string' && !known.refreshTokens.includes(refresh)) known.refreshTokens.push(refresh)
    if (typeof access === 'string') known.accessTokens.push(access)
  }

  async #use(family: FamilyNumber, token: string | undefined, rival: number, scope?: string): Promise<void> {
    if (token === undefined) return
    const known = this.families[family]
    known.lastSent = token
    known.used.add(token)
    const over = known.revoked || this.disabled
    this.requests++
    const form = { grant_type: 'refresh_token', refresh_token: token, ...(scope ? { scope } : {}) }
    this.#take(family, await send(this.#stage, '/token', form, rival), over)
  }

  async #redeem(rival: number): Promise<void> {
    const { code, verifier } = this.#stage.beginning.code
    const known = this.families[1]
    known.redeems++
    this.requests++
    const over = this.disabled
    const form = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: verifier }
    this.#take(1, await send(this.#stage, '/token', form, rival), over)
  }

  async #revoke(family: FamilyNumber, rival: number): Promise<void> {
    const known = this.families[family]
    const token = known.refreshTokens.at(-1)
    if (token === undefined) return
    known.revokeAsked = true
    this.requests++
    const { status } = await send(this.#stage, '/token/revocation', { token }, rival)
    if (status === 200) known.revoked = true
    if (status >= 500 && status !== 503) this.faults.push(`revocation: status ${status}`)
  }

  async #signOut(rival: number): Promise<void> {
    const browser = this.#stage.beginning.browser.copy()
    const headers = { 'x-rival': String(rival) }
    this.requests += 2
    const page = await browser.request('/session/end', { headers }).catch(() => undefined)
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page?.text ?? '')?.[1]
    const action = /<form[^>]*action="([^"]+)"/.exec(page?.text ?? '')?.[1]
    if (!xsrf || !action) return
    const form = { xsrf, logout: 'yes' }
    const answer = await browser
      .request(new URL(action, this.#stage.issuer).pathname, { form, headers })
      .catch(() => undefined)
    if (answer && answer.status < 400) this.signedOut = true
  }

  async op(op: Op, rival: number): Promise<void> {
    const { app, clock } = this.#stage
    switch (op.do) {
      case 'refresh':
        return this.#use(op.family, this.families[op.family].refreshTokens.at(-1), rival)
      case 'refresh less':
        return this.#use(op.family, this.families[op.family].refreshTokens.at(-1), rival, 'openid')
      case 'retry':
        return this.#use(op.family, this.families[op.family].lastSent, rival)
      case 'redeem':
        return this.#redeem(rival)
      case 'revoke':
        return this.#revoke(op.family, rival)
      case 'sign out':
        return this.#signOut(rival)
      case 'disable':
        this.disableAsked = true
        await app.accounts.disable(CANARY.login).then(
          () => {
            this.disabled = true
          },
          () => {},
        )
        return
      case 'turn keys':
        return app.seal.turn()
      case 'drop a key':
        // A signing key goes at once, and the provider is swapped under whoever is in flight.
        await app.keyring.drop({ alg: 'EdDSA', why: 'the history says so', dryRun: false })
        return
      case 'flip policy':
        this.#stage.policy = this.#stage.policy === 'rotate' ? 'keep' : 'rotate'
        return
      case 'wait':
        this.waited = true
        clock.ahead += WINDOW_SECONDS * 1000
        return
      default:
        op satisfies never
    }
  }
}

/** Plays a history from the beginning; afterwards the stage is open again, whatever happened. */
export async function play(stage: Stage, history: History): Promise<Played> {
  await stage.reset()
  const player = new Player(stage)
  const rivals = history.rivals.map((ops, rival) => async () => {
    // With the process the history ends: what a rival would have done next is the next history's.
    for (const op of ops) if (!player.stopped) await player.op(op, rival)
  })
  const crashed = await stage.desk.play(rivals, history)
  player.stopped = crashed
  if (crashed) await stage.reopen()
  const { families, waited, disableAsked, disabled, signedOut, requests, faults } = player
  return { families, crashed, waited, disableAsked, disabled, signedOut, requests, faults: [...faults] }
}
