/**
 * Introspection (RFC 7662) in a lane: live access tokens, opaque ones and JWTs, API tokens, and texts that are nobody's. A token that is dead,
 * and every other kind, is the library's.
 */

import { mayBeToken } from '../../api-tokens/index.ts'
import type { TokenAnswers } from '../api-token-introspection.ts'
import { answerTo, askedOf, type Body } from '../asked-of.ts'
import type { UnitOf } from '../commit.ts'
import type { StandIn } from '../introspect.ts'
import { type MayLearnDeps, mayLearn } from '../may-learn.ts'
import type { Kind, Payload } from '../records.ts'
import type { Caller, Callers } from './callers.ts'
import type { LiveJwt, LiveJwtFound, LivePayload } from './live-token.ts'
import { headersOf, type Lane, type LaneAnswer, type PlainForm, plainForm } from './request.ts'

/** What it uses. */
export interface IntrospectionLaneDeps extends MayLearnDeps {
  readonly unitOf: UnitOf
  readonly livePayload: LivePayload
  readonly liveJwt: LiveJwt
  readonly answers: TokenAnswers
  readonly callers: Callers
  readonly issuer: string
  readonly wellFormed: (kind: Kind, text: string) => boolean
}

const FORM = [
  'token',
  'token_type_hint',
  'client_id',
  'client_secret',
  'ip',
  'method',
  'path',
  'resource',
  'scope',
  'user_agent',
] as const

const HEADERS = headersOf('WWW-Authenticate')

/** What is asked about which text. */
interface AskedOf {
  readonly text: string
  readonly form: PlainForm
  readonly requestId: string
}

const KINDS: readonly (readonly [beginning: string, kind: StandIn['kind']])[] = [
  ['mm_at_', 'AccessToken'],
  ['mm_cc_', 'ClientCredentials'],
]

/** A plain form as what asks of a form wants it. */
const asParams = (form: PlainForm): Pick<URLSearchParams, 'get' | 'getAll'> => ({
  get: (name) => form[name] ?? null,
  getAll: (name) => (form[name] === undefined ? [] : [form[name]]),
})

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/** The key or certificate that a token is bound to (RFC 8705, 3.1; RFC 9449, 6.1). */
function confirmation(payload: Payload): { readonly cnf?: Payload } {
  const [x5t, jkt] = [payload['x5t#S256'], payload.jkt]
  if (x5t === undefined && jkt === undefined) return {}
  return { cnf: { ...(x5t === undefined ? {} : { 'x5t#S256': x5t }), ...(jkt === undefined ? {} : { jkt }) } }
}

/** Subjects that differ from client to client are the library's to make. */
async function subject(
  { callers }: Pick<IntrospectionLaneDeps, 'callers'>,
  payload: Payload,
): Promise<{ readonly sub?: unknown } | undefined> {
  if (payload.accountId === undefined) return {}
  const owner = await callers.client(String(payload.clientId))
  return owner && owner.subjectType !== 'pairwise' ? { sub: payload.accountId } : undefined
}

/** Makes the lane. */
export function createIntrospectionLane(deps: IntrospectionLaneDeps): Lane {
  async function opaque(
    { record }: Caller,
    kind: StandIn['kind'],
    { text, form, requestId }: AskedOf,
  ): Promise<Body | undefined> {
    if (!deps.wellFormed(kind, text))
      return { active: false, ...(record.introspect.length > 0 ? { reason: 'NOT_FOUND' } : {}) }
    const payload = (await deps.livePayload(deps.unitOf(requestId), kind, text))?.payload
    return payload && answer(record, { kind, payload }, form)
  }

  async function jwt({ record }: Caller, { text, form, requestId }: AskedOf): Promise<Body | undefined> {
    const live = await deps.liveJwt(deps.unitOf(requestId), text)
    return live && answer(record, live, form)
  }

  /** What is told of a live token. */
  async function answer(
    record: Caller['record'],
    found: StandIn & Partial<LiveJwtFound>,
    form: PlainForm,
  ): Promise<Body | undefined> {
    const { kind, payload } = found
    if (payload.rar !== undefined) return undefined
    const who = await subject(deps, payload)
    const token = { ...payload, kind, clientId: textOf(payload.clientId) }
    if (!who || !(await mayLearn(deps, record, token))) return undefined
    const { clientId, exp, iat, sid, aud, scope, extra, jkt } = payload
    const live = {
      active: true,
      ...who,
      ...(typeof extra === 'object' ? extra : {}),
      client_id: clientId,
      exp,
      iat,
      sid,
      iss: deps.issuer,
      ...(found.jti === undefined ? {} : { jti: found.jti }),
      aud,
      scope: scope || undefined,
      ...confirmation(payload),
      token_type: jkt === undefined ? 'Bearer' : 'DPoP',
    }
    return answerTo(record, live, askedOf(asParams(form)))
  }

  async function apiToken({ record }: Caller, text: string, form: PlainForm): Promise<LaneAnswer> {
    const { body, expiresIn } = await deps.answers(record, text, asParams(form))
    const more = expiresIn === undefined ? [] : ['Token-Expires-In', String(expiresIn)]
    return { body: JSON.stringify(body), headers: [...HEADERS, ...more] }
  }

  return async (request) => {
    const form = plainForm(request.body, FORM)
    const text = form?.token
    if (!text) return undefined
    // Three parts are a JWT's.
    const isJwt = text.split('.').length === 3
    const kind = isJwt ? undefined : KINDS.find(([beginning]) => text.startsWith(beginning))?.[1]
    if (!isJwt && !kind && !mayBeToken(text)) return undefined
    const caller = await deps.callers.of(form, request)
    if (!caller) return undefined
    const asked = { text, form, requestId: request.requestId }
    if (!isJwt && !kind) return apiToken(caller, text, form)
    const body = await (kind ? opaque(caller, kind, asked) : jwt(caller, asked))
    return body && { body: JSON.stringify(body), headers: HEADERS }
  }
}
