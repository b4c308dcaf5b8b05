/** `/inventory`: every live credential, its filters, saved queries, and the end of many at once. */

import { z } from 'zod'
import { Refusal } from '../base/index.ts'
import type { InventoryDoor, InventoryFilter } from './doors.ts'
import { both } from './filters.ts'
import {
  entry,
  filterBody,
  filterOf,
  filterOfQuery,
  filterQuery,
  shownEntry,
  shownFilter,
} from './inventory-schemas.ts'
import type { Policy } from './principal.ts'
import { refuse } from './problems.ts'
import { type Route, route, type Tools } from './route.ts'
import { byToken, line, nothing, page, pageOf } from './schemas.ts'

const reads: Policy = { any: ['inventory:read'], own: false }
const writes: Policy = { any: ['inventory:write'], own: false }

function doorOf({ inventory }: Pick<Tools, 'inventory'>): InventoryDoor {
  if (!inventory) throw refuse('not_available')
  return inventory
}

/** A saved query. Throws `query_unknown`. */
async function savedAs(door: InventoryDoor, name: string): Promise<InventoryFilter> {
  const found = (await door.queries.list()).find((one) => one.name === name)
  if (!found) throw refuse('query_unknown')
  return found.filter
}

const isSame = (a: InventoryFilter, b: InventoryFilter): boolean =>
  JSON.stringify(shownFilter(a)) === JSON.stringify(shownFilter(b))

const queryName = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][\w.-]{0,63}$/, 'must be 1 to 64 letters, digits, dots, hyphens and underscores'),
})
const savedQuery = z.strictObject({ name: z.string(), filter: filterBody }).meta({ id: 'SavedQuery' })

const listing = route({
  method: 'GET',
  path: '/inventory',
  name: 'listInventory',
  about: 'Every live credential of every kind that the filter finds.',
  policy: reads,
  on: 'none',
  params: nothing,
  query: z.strictObject({
    ...filterQuery,
    query: queryName.shape.name
      .optional()
      .describe('Name of a saved query; what else the filter says comes on top of it: both must hold.'),
    count: z.literal('true').optional().describe('Count them too.'),
    users: z.literal('true').optional().describe('With who used each in the last 30 days.'),
    ...page,
  }),
  answer: {
    status: 200,
    about: 'A page of credentials.',
    schema: pageOf(entry).extend({
      count: z
        .strictObject({ total: z.int(), complete: z.boolean().describe('False: at least so many.') })
        .optional()
        .describe('Where it was asked.'),
    }),
  },
  refusals: ['bad_cursor', 'query_unknown', 'query_moments', 'query_scopes', 'not_available'],
  async handle({ principal, query }, tools) {
    const door = doorOf(tools)
    const { limit, cursor, count, users, query: name, ...rest } = query
    const filter = both(name === undefined ? {} : await savedAs(door, name), filterOfQuery(rest))
    if (!filter)
      return { items: [], next_cursor: null, ...(count === undefined ? {} : { count: { total: 0, complete: true } }) }
    const place = { principal: principal.name, route: 'listInventory', query: [shownFilter(filter), users] }
    const found = await door.list(filter, {
      limit,
      cursor: await tools.cursors.read(place, cursor),
      users: users !== undefined,
    })
    const counted = count === undefined ? undefined : await door.count(filter)
    return {
      items: found.items.map(shownEntry),
      next_cursor: found.cursor === undefined ? null : tools.cursors.write(place, found.cursor),
      ...(counted ? { count: { total: counted.total, complete: counted.complete } } : {}),
    }
  },
})

/** What a bulk revocation leaves alone, as it leaves. */
export const shownLeft = (
  alone: Pick<Awaited<ReturnType<InventoryDoor['plan']>>, 'leftAlone' | 'leftAloneByKind'>,
) => ({
  left_alone: alone.leftAlone,
  left_alone_by_kind: { ...alone.leftAloneByKind },
})

const bulk = route({
  method: 'POST',
  path: '/inventory/revoke',
  name: 'revokeInventory',
  about:
    'End everything that the filter finds, 500 at once. A dry run counts, and gives the code that the real call must carry above a threshold.',
  policy: writes,
  on: 'none',
  params: nothing,
  query: nothing,
  body: z.strictObject({
    filter: filterBody
      .refine((filter) => Object.keys(filter).length > 0, 'an empty filter would end everything')
      .describe('At least one part.'),
    dry_run: z.boolean().default(false).describe('Count only.'),
    confirm: z.string().max(256).optional().describe('The code of a dry run.'),
    why: line(200).default('').describe('For the record.'),
  }),
  answer: {
    status: 200,
    about: 'How many there are, or were ended.',
    schema: z.strictObject({
      dry_run: z.boolean(),
      count: z.int(),
      left: z.int().describe('So many more it finds: ask again, with a new Idempotency-Key.').optional(),
      left_alone: z.int().describe('Of kinds that are not revoked in bulk: client secrets, signing keys.'),
      left_alone_by_kind: z.record(z.string(), z.int()),
      needs_confirm: z.boolean().optional(),
      confirm: z.string().optional().describe('What the real call must carry.'),
      confirm_until: z.int().optional(),
      failed: z.array(z.strictObject({ id: z.string(), kind: z.string(), why: z.string() })).optional(),
    }),
  },
  refusals: ['not_available'],
  async handle({ unit, principal, body }, tools) {
    const door = doorOf(tools)
    const filter = filterOf(body.filter)
    if (!body.dry_run) {
      const input = { code: body.confirm, by: principal.by, why: body.why }
      const { revoked, left, failed, ...alone } = await door.revoke(unit, filter, input)
      const faults = failed.map(({ id, kind, why }) => ({ id, kind, why }))
      return { dry_run: false, count: revoked, left, ...shownLeft(alone), failed: faults }
    }
    const { total, needsCode, code, codeUntil, ...alone } = await door.plan(filter, { by: principal.by })
    return {
      dry_run: true,
      count: total,
      ...shownLeft(alone),
      needs_confirm: needsCode,
      confirm: code,
      confirm_until: codeUntil,
    }
  },
})

const rightSizing = route({
  method: 'GET',
  path: '/tokens/{id}/unused-scopes',
  name: 'listUnusedScopes',
  about: 'Scopes that a token has and did not use; `narrow` takes them away.',
  policy: { any: ['tokens:read'], own: true },
  on: 'token',
  params: byToken,
  query: z.strictObject({
    days: z.coerce.number().int().min(1).max(365).default(90).describe('How far to look back.'),
  }),
  answer: {
    status: 200,
    about: 'What it has, used and did not use.',
    schema: z.strictObject({
      granted: z.array(z.string()),
      used: z.array(z.string()),
      unused: z.array(z.string()),
      observed: z.boolean().describe('False: it is younger than the time that was looked at, or a use named no scope.'),
    }),
  },
  refusals: ['not_available'],
  async handle({ params, query }, tools) {
    const found = await doorOf(tools).grantedButUnused?.(params.id, { days: query.days })
    if (!found) throw refuse('not_available')
    const { granted, used, unused, observed } = found
    return { granted, used, unused, observed }
  },
})

const saved: readonly Route[] = [
  route({
    method: 'GET',
    path: '/inventory/queries',
    name: 'listQueries',
    about: 'The saved queries, which all administrators share.',
    policy: reads,
    on: 'none',
    params: nothing,
    query: nothing,
    answer: { status: 200, about: 'All of them.', schema: z.strictObject({ items: z.array(savedQuery) }) },
    refusals: ['not_available'],
    handle: async (_call, tools) => ({
      items: (await doorOf(tools).queries.list()).map(({ name, filter }) => ({ name, filter: shownFilter(filter) })),
    }),
  }),
  route({
    method: 'PUT',
    path: '/inventory/queries/{name}',
    name: 'saveQuery',
    about: 'Save a query under a name that is free, or has this query already.',
    policy: writes,
    on: 'none',
    params: queryName,
    query: nothing,
    body: z.strictObject({ filter: filterBody }),
    answer: { status: 200, about: 'The query.', schema: savedQuery },
    refusals: ['not_available'],
    async handle({ params, body, principal }, tools) {
      const door = doorOf(tools)
      const query = { name: params.name, filter: filterOf(body.filter) }
      await door.queries.save({ ...query, by: principal.by }).catch(async (cause) => {
        // A PUT may be repeated: what stands there already as it was asked is no conflict.
        const isThere = cause instanceof Refusal && cause.status === 409
        if (!isThere || !isSame(await savedAs(door, query.name), query.filter)) throw cause
      })
      return { name: query.name, filter: shownFilter(query.filter) }
    },
  }),
  route({
    method: 'DELETE',
    path: '/inventory/queries/{name}',
    name: 'removeQuery',
    about: 'Remove a saved query.',
    policy: writes,
    on: 'none',
    params: queryName,
    query: nothing,
    answer: { status: 204, about: 'It is gone.', schema: z.undefined() },
    refusals: ['query_unknown', 'not_available'],
    async handle({ params, principal }, tools) {
      await doorOf(tools).queries.remove(params.name, principal.by)
    },
  }),
]

/** All of them. */
export const inventoryRoutes: readonly Route[] = [listing, bulk, rightSizing, ...saved]
