/** What the API refuses, and how it says so: RFC 9457 problems, one code each, one page each. */

import { z } from 'zod'
import { Conflict } from '../../adapters/store.ts'
import { Refusal, refusals } from '../base/index.ts'
import { BadBody } from '../http/index.ts'
import { IDEMPOTENCY_REFUSALS } from '../idempotency/index.ts'
import { SealStale } from '../seal/index.ts'
import { type meaningsOf, pageOf } from './pages.ts'

const OWN = {
  invalid_request: [400, 'The request is not as the API describes it.'],
  not_json: [400, 'The body is not a JSON object.'],
  body_unreadable: [400, 'The body did not arrive.'],
  body_too_large: [413, 'The body is larger than 56 KiB.'],
  media_type: [415, 'The body must be application/json.'],
  bad_cursor: [400, 'This cursor belongs to another caller or query, or was changed. Begin again without one.'],
  token_missing: [401, 'The API takes an access token or an API token: Authorization: Bearer.'],
  token_invalid: [401, 'This token is not good for the API.'],
  insufficient_scope: [403, 'This token does not have the scope that the call needs.'],
  not_yours: [403, 'With tokens:self you reach only tokens of your own account.'],
  scope_not_held: [403, 'A token with scopes of this API can only be handed out by a caller that has them.'],
  person_needed: [403, 'Only a person can approve a token.'],
  child_only: [403, 'An API token can hand out only its own children and its own successor.'],
  no_such_route: [404, 'There is nothing at this address.'],
  token_unknown: [404, 'There is no token with this id.'],
  query_unknown: [404, 'There is no saved query with this name.'],
  query_moments: [400, 'The saved query and the call must both say a duration here, or both a moment.'],
  query_scopes: [400, 'The saved query names another scope, and one can be asked for at a time.'],
  method_not_allowed: [405, 'This address does not take this method.'],
  owner_missing: [400, 'Say whose: owner=account:SUB, service:CLIENT or organisation:NAME.'],
  not_available: [501, 'This server does not offer that.'],
  unavailable: [503, "The server can't answer just now. Nothing was changed."],
  server_error: [500, 'The server failed. Its log says why, under the request id.'],
} as const

/** Every problem of this face and of what every POST passes: status and words. Verbs add their own. */
export const PROBLEMS = { ...OWN, ...IDEMPOTENCY_REFUSALS } as const
export type ProblemCode = keyof typeof PROBLEMS

export const refuse = refusals(PROBLEMS)

/** One thing that is wrong with a request. */
export interface Fault {
  readonly in: 'path' | 'query' | 'body' | 'header'
  /** JSON pointer, or the parameter's name. */
  readonly at: string
  readonly says: string
}

/** The request is not as its schema says. */
export class Invalid extends Refusal {
  readonly faults: readonly Fault[]
  constructor(faults: readonly Fault[]) {
    super({ code: 'invalid_request', status: 400, message: PROBLEMS.invalid_request[1] })
    this.name = 'Invalid'
    this.faults = faults
  }
}

/** The body of a problem. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly request_id: string
  readonly errors?: readonly Fault[]
}

const PAGES = '/docs/problems/'

/** Where a code's page is. */
export const problemType = (issuer: string, code: string): string => `${issuer.replace(/\/$/, '')}${PAGES}${code}`

/** Whether a path is where a code's page would be. */
export const isProblemPage = (path: string): boolean => path.startsWith(PAGES)

/** The page at a path. Throws `no_such_route` for a code that no table has. */
export function problemPage(path: string, known: ReturnType<typeof meaningsOf>): string {
  const code = path.slice(PAGES.length)
  const meanings = known.get(code)
  if (!meanings) throw refuse('no_such_route')
  return pageOf(code, meanings)
}

function refusalOf(cause: unknown): Refusal {
  if (cause instanceof Refusal) return cause
  if (cause instanceof BadBody) return refuse(cause.status === 413 ? 'body_too_large' : 'body_unreadable', {}, cause)
  if (cause instanceof SealStale) return refuse('unavailable', {}, cause)
  // A schema behind a door that is stricter than the route's: the caller's value, not our failure.
  if (cause instanceof z.ZodError) return refuse('invalid_request', {}, cause)
  if (cause instanceof Conflict) return refuse('contended', {}, cause)
  return refuse('server_error', {}, cause)
}

/** What a failure is to the caller. `isOurs`: nothing that the caller did; for the log. */
export function problemOf(
  cause: unknown,
  { issuer, requestId }: { readonly issuer: string; readonly requestId: string },
): { readonly problem: Problem; readonly isOurs: boolean } {
  const refusal = refusalOf(cause)
  const { code, status, message } = refusal
  return {
    isOurs: status === 500,
    problem: {
      type: problemType(issuer, code),
      title: message,
      status,
      code,
      request_id: requestId,
      ...(refusal instanceof Invalid ? { errors: refusal.faults } : {}),
    },
  }
}
