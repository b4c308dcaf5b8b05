/** A route, declared once: address, policy, schemas, answer and what it does. The router and the description are made from the same. */

import type { z } from 'zod'
import type { ShownToken } from '../api-tokens/index.ts'
import { Refusal, type Unit } from '../base/index.ts'
import type { Answer } from '../idempotency/index.ts'
import type { Cursors } from './cursor.ts'
import type { Doors } from './doors.ts'
import { parsed } from './parse.ts'
import type { Policy, Principal, Reach } from './principal.ts'
import { type ProblemCode, refuse } from './problems.ts'

/** What a handler works with beside its own values. */
export interface Tools extends Doors {
  readonly cursors: Cursors
}

/** One call, let in and parsed. Writes are staged in `unit`; whoever runs the handler commits. */
export interface Call<P, Q, B> {
  readonly principal: Principal
  readonly reach: Reach
  readonly unit: Unit
  readonly params: P
  readonly query: Q
  readonly body: B
}

/** What stands of a route beside its handler. */
export interface RouteFacts {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Under `/api/v1`; `{name}` stands for one part. */
  readonly path: string
  /** `operationId`: verb and noun. */
  readonly name: string
  readonly about: string
  /** Who may: there is no route without. */
  readonly policy: Policy
  /** `token`: the route acts on the token that `{id}` names, and a caller that reaches only its own is checked before the handler runs. */
  readonly on: 'token' | 'none'
  readonly params: z.ZodType
  readonly query: z.ZodType
  readonly body: z.ZodType | undefined
  readonly answer: { readonly status: 200 | 201 | 204; readonly about: string; readonly schema: z.ZodType }
  /** What it refuses beyond what every route does. */
  readonly refusals: readonly ProblemCode[]
}

/** A request's values before they are parsed. */
export interface Raw {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly body: unknown
}

type Admitted = Pick<Call<unknown, unknown, unknown>, 'principal' | 'reach' | 'unit'>

/** A route as the router has it. `ready` parses and throws `Invalid`; what it returns does the work. */
export interface Route extends RouteFacts {
  ready(raw: Raw): (admitted: Admitted, tools: Tools) => Promise<Answer>
}

interface Declared<P, Q, B> extends Omit<RouteFacts, 'params' | 'query' | 'body' | 'refusals'> {
  readonly params: z.ZodType<P>
  readonly query: z.ZodType<Q>
  readonly body?: z.ZodType<B>
  readonly refusals?: readonly ProblemCode[]
  handle(call: Call<P, Q, B>, tools: Tools): Promise<unknown>
}

const isOwn = ({ owner }: ShownToken, { account }: Principal): boolean =>
  account !== undefined && owner.type === 'account' && owner.id === account

/** The token that a call names. One that the caller does not reach looks like one that is not there. */
export async function tokenAt(
  tools: Tools,
  id: string,
  { principal, reach }: Pick<Admitted, 'principal' | 'reach'>,
): Promise<ShownToken> {
  const token = await tools.tokens.show(id).catch((cause) => {
    throw cause instanceof Refusal && cause.status === 404 ? refuse('token_unknown', {}, cause) : cause
  })
  if (reach === 'own' && !isOwn(token, principal)) throw refuse('token_unknown', { id, not: principal.account })
  return token
}

/** Declares a route. */
export function route<P, Q, B>(declared: Declared<P, Q, B>): Route {
  const { params, query, body, handle, refusals = [], ...facts } = declared
  return {
    ...facts,
    params,
    query,
    body,
    refusals,
    ready(raw) {
      const values = {
        params: parsed('path', params, raw.params),
        query: parsed('query', query, raw.query),
        // A route without a body has an empty one: whatever is sent there is refused by the router.
        body: (body ? parsed('body', body, raw.body) : undefined) as B,
      }
      return async (admitted, tools) => {
        if (facts.on === 'token') await tokenAt(tools, raw.params.id ?? '', admitted)
        return { status: facts.answer.status, body: await handle({ ...admitted, ...values }, tools) }
      }
    },
  }
}
