/** `POST /token` in a lane: which grant it is, the unit that it stages in, and the commit before the answer leaves (DESIGN rules 1 to 3). */

import type { Finish, UnitOf } from '../commit.ts'
import type { Payload } from '../records.ts'
import { newWork, type Work } from '../work.ts'
import type { Caller, Callers } from './callers.ts'
import { CLIENT_CREDENTIALS_FORM } from './client-credentials.ts'
import { REFRESH_FORM } from './refresh.ts'
import { headersOf, type Lane, type PlainForm, plainForm } from './request.ts'

/** A grant: stages in the work's unit and resolves to the answer's members; undefined where the library must answer. */
export type LaneGrant = (work: Work, caller: Caller, form: PlainForm) => Promise<Payload | undefined>

/** What it uses. */
export interface TokenLaneDeps {
  readonly unitOf: UnitOf
  readonly callers: Callers
  readonly finish: Finish
  readonly clientCredentials: LaneGrant
  readonly refresh: LaneGrant
}

const HEADERS = headersOf('DPoP-Nonce,WWW-Authenticate')
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
    const unit = deps.unitOf(request.requestId)
    const answer = await grant(newWork({ unit, route: 'token', seen: request.seen }), caller, form)
    if (!answer) return undefined
    await deps.finish(unit, { keep: 'all', network: request.seen.network })
    return { body: JSON.stringify(answer), headers: HEADERS }
  }
}
