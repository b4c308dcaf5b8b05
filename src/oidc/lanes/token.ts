/** `POST /token` in a lane: which grant it is, the unit that it stages in, and the commit before the answer leaves (DESIGN rules 1 to 3). */

import type { Store } from '../../../adapters/store.ts'
import { type Random, randomText, Unit } from '../../base/index.ts'
import type { Finish } from '../commit.ts'
import type { Payload } from '../records.ts'
import { newWork, type Work } from '../work.ts'
import type { Caller, Callers } from './callers.ts'
import { CLIENT_CREDENTIALS_FORM } from './client-credentials.ts'
import { REFRESH_FORM } from './refresh.ts'
import { type Lane, type PlainForm, plainForm } from './request.ts'

/** A grant: stages in the work's unit and resolves to the answer's members; undefined where the library must answer. */
export type LaneGrant = (work: Work, caller: Caller, form: PlainForm) => Promise<Payload | undefined>

/** What it uses. */
export interface TokenLaneDeps {
  readonly store: Pick<Store, 'get' | 'find'>
  readonly random: Random
  readonly callers: Callers
  readonly finish: Finish
  readonly clientCredentials: LaneGrant
  readonly refresh: LaneGrant
}

/** What every answer of /token carries beside its body (RFC 6749, 5.1; the library's CORS). */
const HEADERS = [
  'Vary',
  'Origin',
  'Access-Control-Allow-Origin',
  '*',
  'Access-Control-Expose-Headers',
  'DPoP-Nonce,WWW-Authenticate',
  'Cache-Control',
  'no-store',
] as const

const FORM = [...new Set([...CLIENT_CREDENTIALS_FORM, ...REFRESH_FORM])]
const only = (form: PlainForm, known: readonly string[]): boolean =>
  Object.keys(form).every((name) => known.includes(name))

/** Makes the lane. */
export function createTokenLane(deps: TokenLaneDeps): Lane {
  function grantOf(form: PlainForm): LaneGrant | undefined {
    if (form.grant_type === 'client_credentials')
      return only(form, CLIENT_CREDENTIALS_FORM) ? deps.clientCredentials : undefined
    return form.grant_type === 'refresh_token' && only(form, REFRESH_FORM) ? deps.refresh : undefined
  }

  return async (request) => {
    const form = plainForm(request.body, FORM)
    const grant = form && grantOf(form)
    const caller = grant && (await deps.callers.of(form, request))
    if (!caller) return undefined
    const unit = new Unit({ store: deps.store, cid: randomText(deps.random, 16), request: request.requestId })
    const answer = await grant(newWork({ unit, route: 'token', seen: request.seen }), caller, form)
    if (!answer) return undefined
    await deps.finish(unit, { keep: 'all', network: request.seen.network })
    return { body: JSON.stringify(answer), headers: HEADERS }
  }
}
