/** `/tokens`: the life of API tokens. */

import { z } from 'zod'
import type { Owner, Rights, ShownToken, TokenOrder } from '../api-tokens/index.ts'
import { durationSeconds } from '../base/index.ts'
import { delivered, delivery, mintedToken } from './delivery.ts'
import { MANAGEMENT_API, MANAGEMENT_SCOPES } from './doors.ts'
import { consumer, shownConsumers } from './inventory-schemas.ts'
import type { Policy, Principal } from './principal.ts'
import { refuse } from './problems.ts'
import { type Call, type Route, route, type Tools } from './route.ts'
import {
  byToken,
  importOrder,
  narrowing,
  nothing,
  ownerOf,
  ownerText,
  page,
  pageOf,
  reason,
  rotation as rotationBody,
  shownToken,
  time,
  token,
  tokenOrder,
} from './schemas.ts'

const reads: Policy = { any: ['tokens:read'], own: true }
const writes: Policy = { any: ['tokens:write'], own: true }

/** Whose tokens a call is about: those it names, or the caller's own. With `tokens:self` no others. */
function whose(
  owner: string | undefined,
  { principal, reach }: Pick<Call<unknown, unknown, unknown>, 'principal' | 'reach'>,
): Owner {
  const own = principal.account === undefined ? undefined : ({ type: 'account', id: principal.account } as const)
  const named = owner === undefined ? own : ownerOf(owner)
  if (!named) throw refuse('owner_missing')
  if (reach === 'own' && (named.type !== 'account' || named.id !== principal.account)) throw refuse('not_yours')
  return named
}

/** Nobody hands out more power over this API than he has: otherwise `tokens:write` would be every scope of it. */
function refuseClimbing({ scopes, apis }: Pick<Rights, 'scopes' | 'apis'>, { scopes: held }: Principal): void {
  const isOurs = apis.length === 0 || apis.includes(MANAGEMENT_API)
  const climbs = scopes.filter((scope) => isOurs && Object.hasOwn(MANAGEMENT_SCOPES, scope) && !held.includes(scope))
  if (climbs.length > 0) throw refuse('scope_not_held', { climbs })
}

/** The order in the verbs' words. */
function orderOf(
  body: z.output<typeof tokenOrder>,
  call: Pick<Call<unknown, unknown, unknown>, 'principal' | 'reach'>,
): TokenOrder {
  const { principal, reach } = call
  refuseClimbing({ scopes: body.scopes, apis: body.apis ?? [] }, principal)
  // With its own scope an API token makes children of itself, which can only be narrower. Otherwise it could write itself a wider one.
  const own = reach === 'own' ? principal.token?.id : undefined
  if (own !== undefined && body.parent !== undefined && body.parent !== own) throw refuse('child_only')
  const { kept_at: keptAt, not_before: notBefore, lifetime_seconds: lifetimeSeconds, owner, ...rest } = body
  return { ...rest, keptAt, notBefore, lifetimeSeconds, owner: whose(owner, call), parent: own ?? body.parent }
}

const creation = z.strictObject({ ...tokenOrder.shape, deliver: delivery.optional() })
const rotation = z.strictObject({ ...rotationBody.shape, deliver: delivery.optional() })

const making: readonly Route[] = [
  route({
    method: 'POST',
    path: '/tokens',
    name: 'createToken',
    about:
      'Make a token. Its text is in the answer, this once. Where its scopes are sensitive it waits for a second person.',
    policy: writes,
    on: 'none',
    params: nothing,
    query: nothing,
    body: creation,
    answer: { status: 201, about: 'The token, with its text.', schema: mintedToken },
    refusals: ['owner_missing', 'not_yours', 'scope_not_held', 'child_only', 'not_available'],
    async handle(call, { tokens, handover }) {
      const { deliver, ...body } = call.body
      const { unit, principal } = call
      const minted = await tokens.create(unit, orderOf(body, call), principal.by)
      return delivered(minted, deliver, { unit, by: principal.by, handover })
    },
  }),
  route({
    method: 'POST',
    path: '/tokens/import',
    name: 'importToken',
    about: 'Take over a token that another system made, by the hash of its text.',
    policy: { any: ['tokens:write'], own: false },
    on: 'none',
    params: nothing,
    query: nothing,
    body: importOrder,
    answer: { status: 201, about: 'The token.', schema: token },
    refusals: ['owner_missing', 'scope_not_held'],
    async handle(call, { tokens }) {
      const { sha256, ...body } = call.body
      const order = { ...orderOf(body, call), sha256: sha256.toLowerCase() }
      return shownToken(await tokens.importByHash(call.unit, order, call.principal.by))
    },
  }),
  route({
    method: 'POST',
    path: '/tokens/{id}/rotate',
    name: 'rotateToken',
    about:
      'Give a token a successor with the same rights and the same end. Its text is in the answer, this once. Where its scopes are sensitive and ' +
      'the caller neither ordered it nor owns it, the successor waits for a second person.',
    policy: writes,
    on: 'token',
    params: byToken,
    query: nothing,
    body: rotation,
    answer: { status: 201, about: 'The successor, with its text.', schema: mintedToken },
    refusals: ['scope_not_held', 'child_only', 'not_available'],
    async handle({ unit, params, body, principal, reach }, { tokens, handover }) {
      const old = await tokens.show(params.id)
      // Whoever rotates a token holds its successor.
      refuseClimbing(old, principal)
      const own = reach === 'own' ? principal.token?.id : undefined
      if (own !== undefined && own !== old.id && own !== old.parent?.id) throw refuse('child_only')
      const overlapSeconds = durationSeconds(body.overlap)
      const minted = await tokens.rotate(unit, params.id, { overlapSeconds, by: principal.by, why: body.why })
      return delivered(minted, body.deliver, { unit, by: principal.by, handover })
    },
  }),
]

const seeing: readonly Route[] = [
  route({
    method: 'GET',
    path: '/tokens',
    name: 'listTokens',
    about: "An owner's tokens; the caller's own unless it names another.",
    policy: reads,
    on: 'none',
    params: nothing,
    query: z.strictObject({ owner: ownerText.optional(), ...page }),
    answer: { status: 200, about: 'A page of tokens.', schema: pageOf(token) },
    refusals: ['owner_missing', 'not_yours', 'bad_cursor'],
    async handle(call, { tokens, cursors }) {
      const { limit, cursor, owner: asked } = call.query
      const owner = whose(asked, call)
      const place = { principal: call.principal.name, route: 'listTokens', query: owner }
      const after = await cursors.read(place, cursor)
      const found = await tokens.list(owner, { limit: limit + 1, ...(after === undefined ? {} : { after }) })
      const shown = found.slice(0, limit)
      const last = shown.at(-1)
      return {
        items: shown.map(shownToken),
        next_cursor: last && found.length > limit ? cursors.write(place, last.id) : null,
      }
    },
  }),
  route({
    method: 'GET',
    path: '/tokens/{id}',
    name: 'showToken',
    about: 'A token.',
    policy: reads,
    on: 'token',
    params: byToken,
    query: nothing,
    answer: { status: 200, about: 'The token.', schema: token },
    handle: async ({ params }, { tokens }) => shownToken(await tokens.show(params.id)),
  }),
  route({
    method: 'GET',
    path: '/tokens/{id}/consumers',
    name: 'listConsumers',
    about: 'Who used a token in its last 30 days: what breaks when it ends.',
    policy: reads,
    on: 'token',
    params: byToken,
    query: nothing,
    answer: {
      status: 200,
      about: 'Its users.',
      schema: z.strictObject({
        items: z.array(consumer).describe('Who was served: the latest 50.'),
        refused: z.array(consumer).describe('Who came with it and was refused: the latest 20.'),
      }),
    },
    refusals: ['not_available'],
    async handle({ params }, { consumers }) {
      if (!consumers) throw refuse('not_available')
      return shownConsumers(await consumers(params.id))
    },
  }),
  route({
    method: 'GET',
    path: '/tokens/{id}/hours',
    name: 'listHours',
    about:
      'How often a token was presented in each hour of its last 32 days, by outcome. Hours without a use are left out.',
    policy: reads,
    on: 'token',
    params: byToken,
    query: nothing,
    answer: {
      status: 200,
      about: 'Its hours, the oldest first.',
      schema: z.strictObject({ items: z.array(z.strictObject({ hour: time, counts: z.record(z.string(), z.int()) })) }),
    },
    refusals: ['not_available'],
    async handle({ params }, { hours }) {
      if (!hours) throw refuse('not_available')
      return { items: await hours(params.id) }
    },
  }),
]

/** Routes that change one token, and answer with it as it is then. */
function changing<B>(
  verb: string,
  facts: Pick<Parameters<typeof route<{ id: string }, object, B>>[0], 'about' | 'policy' | 'refusals'> & {
    readonly body: z.ZodType<B>
    readonly change: (call: Call<{ id: string }, object, B>, tools: Tools) => Promise<ShownToken>
  },
): Route {
  const { change, ...rest } = facts
  return route({
    ...rest,
    method: 'POST',
    path: `/tokens/{id}/${verb}`,
    name: `${verb}Token`,
    on: 'token',
    params: byToken,
    query: nothing,
    answer: { status: 200, about: 'The token as it is now.', schema: token },
    handle: async (call, tools) => shownToken(await change(call, tools)),
  })
}

const lives: readonly Route[] = [
  changing('revoke', {
    about: 'End a token for good, and its children with it.',
    policy: writes,
    body: reason,
    change: ({ unit, params, body, principal }, { tokens }) =>
      tokens.revoke(unit, params.id, { by: principal.by, why: body.why }),
  }),
  changing('quarantine', {
    about: 'Stop a token until it is released.',
    policy: writes,
    body: reason,
    change: ({ unit, params, body, principal }, { tokens }) =>
      tokens.quarantine(unit, params.id, { by: principal.by, why: body.why }),
  }),
  changing('release', {
    about: 'Let a quarantined token work again. Not for its owner: who quarantined it had a reason.',
    policy: { any: ['tokens:write'], own: false },
    body: nothing,
    change: ({ unit, params, principal }, { tokens }) => tokens.release(unit, params.id, principal.by),
  }),
  changing('approve', {
    about: 'Let a pending token work: by a second person, who neither ordered it nor owns it.',
    policy: { any: ['tokens:approve'], own: false },
    body: nothing,
    refusals: ['person_needed'],
    change({ unit, params, principal }, { tokens }) {
      if (principal.account === undefined) throw refuse('person_needed')
      return tokens.approve(unit, params.id, principal.by)
    },
  }),
  changing('narrow', {
    about: 'Take scopes away from a token for good.',
    policy: writes,
    body: narrowing,
    change: ({ unit, params, body, principal }, { tokens }) =>
      tokens.narrow(unit, params.id, { scopes: body.scopes, by: principal.by }),
  }),
]

/** All of them. */
export const tokenRoutes: readonly Route[] = [...making, ...seeing, ...lives]
