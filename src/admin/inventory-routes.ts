/** `/inventory`: every live credential, its filters, saved queries, and the end of many at once. */

import { z } from 'zod'
import { TENANT } from '../base/index.ts'
import type { InventoryDoor, InventoryEntry, InventoryFilter } from './doors.ts'
import type { Policy, Principal } from './principal.ts'
import { refuse } from './problems.ts'
import { type Route, route, type Tools } from './route.ts'
import { line, nothing, ownerShown, ownerText, page, pageOf } from './schemas.ts'
import { ownerOf } from './token-routes.ts'

/** Above so many a bulk revocation needs the code of a dry run. */
export const CONFIRM_ABOVE = 10
const BULK_MAX = 10_000
const CODE_SECONDS = 900

const reads: Policy = { any: ['inventory:read'], own: false }
const writes: Policy = { any: ['inventory:write'], own: false }

const time = z.coerce.number().int().min(0).max(253_402_300_799)
const texts = {
  kind: z
    .string()
    .regex(/^[a-z][a-z_-]{0,31}$/)
    .optional()
    .describe('`api-token`, `family`, `session`, `client-secret`, `signing-key`, `consent`.'),
  owner: ownerText.optional(),
  scope: z
    .string()
    .regex(/^[\x21\x23-\x5B\x5D-\x7E]{1,128}$/)
    .optional()
    .describe('One that it carries.'),
}
const times = { unused_since: 'Not used since then, Unix seconds.', expires_before: 'Ends before then, Unix seconds.' }
const flags = { unbound: 'Bound to no key.', no_expiry: 'Without an end.' }

/** As a query carries it: all of it text. */
const filterQuery = {
  ...texts,
  unused_since: time.optional().describe(times.unused_since),
  expires_before: time.optional().describe(times.expires_before),
  unbound: z.enum(['true', 'false']).optional().describe(flags.unbound),
  no_expiry: z.enum(['true', 'false']).optional().describe(flags.no_expiry),
}
const filterBody = z
  .strictObject({
    ...texts,
    unused_since: z.int().min(0).optional().describe(times.unused_since),
    expires_before: z.int().min(0).optional().describe(times.expires_before),
    unbound: z.boolean().optional().describe(flags.unbound),
    no_expiry: z.boolean().optional().describe(flags.no_expiry),
  })
  .meta({ id: 'InventoryFilter' })

type FilterBody = z.output<typeof filterBody>

function filterOf({ owner, unused_since, expires_before, no_expiry, ...rest }: FilterBody): InventoryFilter {
  return {
    ...rest,
    owner: owner === undefined ? undefined : ownerOf(owner),
    unusedSince: unused_since,
    expiresBefore: expires_before,
    noExpiry: no_expiry,
  }
}

function shownFilter({
  owner,
  unusedSince,
  expiresBefore,
  noExpiry,
  kind,
  scope,
  unbound,
}: InventoryFilter): FilterBody {
  const all = {
    kind,
    scope,
    unbound,
    owner: owner && ownerShown(owner),
    unused_since: unusedSince,
    expires_before: expiresBefore,
    no_expiry: noExpiry,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

const nullableTime = z.int().nullable()
const entry = z
  .strictObject({
    kind: z.string(),
    id: z.string(),
    owner: z.string().nullable(),
    name: z.string().nullable(),
    purpose: z.string().nullable(),
    scopes: z.array(z.string()),
    unused_scopes: z.array(z.string()).describe('Scopes that it has and did not use.'),
    binding: z.string(),
    created_at: nullableTime,
    last_used_at: nullableTime,
    expires_at: nullableTime,
    next_rotation: z.strictObject({ at: z.int(), why: z.string() }).nullable(),
    users: z.int().describe('Users of the last 30 days: who would notice its end.'),
  })
  .meta({ id: 'InventoryEntry' })

function shownEntry(one: InventoryEntry): z.output<typeof entry> {
  return {
    kind: one.kind,
    id: one.id,
    owner: one.owner && ownerShown(one.owner),
    name: one.name,
    purpose: one.purpose,
    scopes: [...one.scopes],
    unused_scopes: [...one.unusedScopes],
    binding: one.binding,
    created_at: one.createdAt,
    last_used_at: one.lastUsedAt,
    expires_at: one.expiresAt,
    next_rotation: one.nextRotation && { at: one.nextRotation.at, why: one.nextRotation.why },
    users: one.users,
  }
}

function doorOf({ inventory }: Pick<Tools, 'inventory'>): InventoryDoor {
  if (!inventory) throw refuse('not_available')
  return inventory
}

/** What a confirmation says yes to: this caller, this filter, this many, until then. */
interface Confirmed {
  readonly principal: Principal
  readonly filter: InventoryFilter
  readonly count: number
}

const placeOf = ({ principal, filter, count }: Confirmed, until: number) => ({
  tenant: TENANT,
  kind: 'inventory confirmation',
  text: JSON.stringify([principal.name, shownFilter(filter), count, until]),
})

function codeOf(seal: Tools['seal'], confirmed: Confirmed, until: number): string {
  const { tenant, kind, text } = placeOf(confirmed, until)
  return `${until}.${seal.hash('secret', tenant, kind, text)}`
}

/** Throws `confirmation_needed` or `confirmation_dead`. */
function checkCode({ seal, now }: Tools, confirmed: Confirmed, code: string | undefined): void {
  if (confirmed.count <= CONFIRM_ABOVE && code === undefined) return
  if (code === undefined) throw refuse('confirmation_needed', { count: confirmed.count })
  const [until = '', hash = ''] = code.split('.')
  if (!(Number(until) > now()) || !seal.matches('secret', placeOf(confirmed, Number(until)), hash))
    throw refuse('confirmation_dead', { count: confirmed.count })
}

const revocation = z.strictObject({
  filter: filterBody
    .refine((filter) => Object.keys(filter).length > 0, 'an empty filter would end everything')
    .describe('At least one part.'),
  dry_run: z.boolean().default(false).describe('Count only.'),
  confirm: z
    .string()
    .regex(/^\d{1,12}\.[\w-]{1,64}$/, 'must be the code of a dry run')
    .optional()
    .describe(`The code of a dry run; needed above ${CONFIRM_ABOVE}.`),
  why: line(200).default('').describe('For the record.'),
})

const queryName = z.strictObject({
  name: z.string().regex(/^[\w][\w.-]{0,63}$/, 'must be 1 to 64 letters, digits, dots, hyphens and underscores'),
})
const savedQuery = z.strictObject({ name: z.string(), filter: filterBody }).meta({ id: 'SavedQuery' })

const bulk: readonly Route[] = [
  route({
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
        .describe('Name of a saved query; other parts of the filter come on top of it.'),
      count: z.enum(['true', 'false']).optional().describe('Count them too.'),
      ...page,
    }),
    answer: {
      status: 200,
      about: 'A page of credentials.',
      schema: pageOf(entry).extend({
        count: z.int().nullable().describe('How many there are in all, where it was asked.'),
      }),
    },
    refusals: ['bad_cursor', 'query_unknown', 'not_available'],
    async handle({ principal, query }, tools) {
      const door = doorOf(tools)
      const { limit, cursor, count, query: name, unbound, no_expiry, ...rest } = query
      const saved = name === undefined ? undefined : (await door.queries()).find((one) => one.name === name)
      if (name !== undefined && !saved) throw refuse('query_unknown')
      const own = {
        ...rest,
        ...(unbound === undefined ? {} : { unbound: unbound === 'true' }),
        ...(no_expiry === undefined ? {} : { no_expiry: no_expiry === 'true' }),
      }
      const filter = filterOf({ ...(saved && shownFilter(saved.filter)), ...own })
      const place = { principal: principal.name, route: 'listInventory', query: shownFilter(filter) }
      const after = await tools.cursors.read(place, cursor)
      const found = await door.list(filter, { limit: limit + 1, ...(after === undefined ? {} : { after }) })
      const last = found.slice(0, limit).at(-1)
      return {
        items: found.slice(0, limit).map(shownEntry),
        next_cursor: last && found.length > limit ? tools.cursors.write(place, last.id) : null,
        count: count === 'true' ? await door.count(filter) : null,
      }
    },
  }),
  route({
    method: 'POST',
    path: '/inventory/revoke',
    name: 'revokeInventory',
    about: `End everything that the filter finds. A dry run counts, and gives the code that the real call must carry above ${CONFIRM_ABOVE}.`,
    policy: writes,
    on: 'none',
    params: nothing,
    query: nothing,
    body: revocation,
    answer: {
      status: 200,
      about: 'How many there are, or were ended.',
      schema: z.strictObject({
        dry_run: z.boolean(),
        count: z.int(),
        confirm: z.string().nullable().describe('What the real call must carry.'),
        confirm_until: nullableTime,
      }),
    },
    refusals: ['confirmation_needed', 'confirmation_dead', 'bulk_too_many', 'not_available'],
    async handle({ principal, body, unit }, tools) {
      const door = doorOf(tools)
      const filter = filterOf(body.filter)
      const count = await door.count(filter)
      const confirmed = { principal, filter, count }
      if (body.dry_run) {
        const until = tools.now() + CODE_SECONDS
        return { dry_run: true, count, confirm: codeOf(tools.seal, confirmed, until), confirm_until: until }
      }
      if (count > BULK_MAX) throw refuse('bulk_too_many', { count })
      checkCode(tools, confirmed, body.confirm)
      const ended = await door.revoke(unit, filter, { by: principal.by, why: body.why })
      return { dry_run: false, count: ended, confirm: null, confirm_until: null }
    },
  }),
]

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
      items: (await doorOf(tools).queries()).map(({ name, filter }) => ({ name, filter: shownFilter(filter) })),
    }),
  }),
  route({
    method: 'PUT',
    path: '/inventory/queries/{name}',
    name: 'saveQuery',
    about: 'Save a query, in the place of one with its name.',
    policy: writes,
    on: 'none',
    params: queryName,
    query: nothing,
    body: z.strictObject({ filter: filterBody }),
    answer: { status: 200, about: 'The query.', schema: savedQuery },
    refusals: ['not_available'],
    async handle({ unit, params, body, principal }, tools) {
      await doorOf(tools).saveQuery(unit, { name: params.name, filter: filterOf(body.filter) }, principal.by)
      return { name: params.name, filter: body.filter }
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
    async handle({ unit, params, principal }, tools) {
      if (!(await doorOf(tools).removeQuery(unit, params.name, principal.by))) throw refuse('query_unknown')
      return undefined
    },
  }),
]

/** All of them. */
export const inventoryRoutes: readonly Route[] = [...bulk, ...saved]
