/** What must hold after every history, asked from outside as a client and a resource server would, and in the record. */

import { openEvents } from '../../../src/seal/index.ts'
import { type Answer, type Known, type Played, send } from './play.ts'
import type { Stage } from './stage.ts'

/** A question of the invariants themselves: it must be answered. */
async function asked(stage: Stage, path: string, form: Readonly<Record<string, string>>): Promise<Answer> {
  const answer = await send(stage, path, form)
  if (answer.status === 0) throw new Error(`${path} was not answered to the suite itself`)
  if (answer.status !== 200 && answer.status !== 400) throw new Error(`${path} answered ${answer.status}`)
  return answer
}

const active = async (stage: Stage, token: string): Promise<boolean> =>
  (await asked(stage, '/token/introspection', { token })).body.active === true

async function activeOf(stage: Stage, tokens: readonly string[]): Promise<readonly string[]> {
  const answers = await Promise.all(tokens.map((token) => active(stage, token)))
  return tokens.filter((_, n) => answers[n])
}

const refreshes = async (stage: Stage, token: string): Promise<boolean> =>
  (await asked(stage, '/token', { grant_type: 'refresh_token', refresh_token: token })).status === 200

/** Families and accounts whose end stands in the record. */
async function causesOf(
  stage: Stage,
): Promise<{ readonly families: ReadonlySet<unknown>; readonly disabled: boolean }> {
  const families = new Set<unknown>()
  let disabled = false
  for (const entry of await stage.store.pending(1000))
    for (const { type, data } of await openEvents(stage.app.seal, entry)) {
      if (type === 'account.disabled') disabled = true
      if (type === 'family.revoked') families.add(data.family)
    }
  return { families, disabled }
}

/** Nothing that the family's holder was ever given may be of use to anyone. */
async function dead(stage: Stage, known: Known, why: string): Promise<string | undefined> {
  const live = await activeOf(stage, [...known.refreshTokens, ...known.accessTokens])
  if (live.length > 0) return `${live.length} token(s) active after ${why}`
  for (const token of known.refreshTokens)
    if (await refreshes(stage, token)) return `a refresh token works after ${why}`
  return undefined
}

/** Somebody who did nothing wrong is still signed in, and what was answered is there. */
async function alive(stage: Stage, known: Known): Promise<string | undefined> {
  const live = await activeOf(stage, known.accessTokens)
  if (live.length < known.accessTokens.length) return 'an access token that was answered is dead, without a cause'
  for (const token of known.refreshTokens.filter((one) => !known.used.has(one)))
    if (!(await refreshes(stage, token)))
      return 'a refresh token that was answered and never used is dead, without a cause'
  for (const token of [...known.refreshTokens].reverse()) if (await refreshes(stage, token)) return undefined
  return 'signed out without a cause'
}

async function familyFault(stage: Stage, played: Played, n: 0 | 1): Promise<string | undefined> {
  const known = played.families[n]
  if (known.refreshTokens.length === 0) return undefined
  const live = await activeOf(stage, known.refreshTokens)
  if (live.length > 1) return `${live.length} live successors`
  if (known.revoked) return dead(stage, known, 'its revocation')
  if (played.disabled) return dead(stage, known, 'its account was disabled')
  const cause = known.revokeAsked || played.disableAsked || played.waited || known.redeems > 1
  if (!cause) return alive(stage, known)
  for (const token of [...known.refreshTokens].reverse()) if (await refreshes(stage, token)) return undefined
  const record = await causesOf(stage)
  const [first = ''] = known.refreshTokens
  const named = stage.app.seal.read('rt', first)?.family ?? ''
  const id = stage.app.seal.hash('lookup', 'default', 'Family', named)
  return record.families.has(id) || record.disabled ? undefined : 'signed out, and the record has no cause'
}

async function sessionFault(stage: Stage, { signedOut }: Played): Promise<string | undefined> {
  if (!signedOut) return undefined
  const parameters = new URLSearchParams({
    client_id: 'web',
    response_type: 'code',
    redirect_uri: 'http://localhost:9/callback',
    scope: 'openid',
    prompt: 'none',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  })
  const answer = await stage.beginning.browser.copy().request(`/auth?${parameters}`)
  const location = answer.headers.get('location') ?? ''
  return location.includes('error=login_required')
    ? undefined
    : `a session that was signed out gives ${answer.status} ${location.slice(0, 120)}`
}

/** The first fault of a history, or undefined. */
export async function faultOf(stage: Stage, played: Played): Promise<string | undefined> {
  const [first] = played.faults
  if (first !== undefined) return first
  for (const n of [0, 1] as const) {
    const fault = await familyFault(stage, played, n)
    if (fault !== undefined) return `family ${n}: ${fault}`
  }
  return sessionFault(stage, played)
}
