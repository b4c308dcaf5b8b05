/** The values of `/inventory`: filters as queries and bodies carry them, and credentials as they leave. */

import { z } from 'zod'
import { DURATION } from '../base/index.ts'
import {
  type Consumer,
  CREDENTIAL_KINDS,
  CREDENTIAL_STATES,
  type InventoryEntry,
  type InventoryFilter,
} from './doors.ts'
import { ownerOf, ownerShown, ownerText } from './schemas.ts'

const kind = z.enum(CREDENTIAL_KINDS)
const moment = z.string().regex(/^\d{1,12}$|^\d{1,9}[smhd]$/, 'must be Unix seconds, or a duration such as 90d')
const common = {
  state: z.enum(CREDENTIAL_STATES).optional(),
  owner: ownerText.optional(),
  scope: z
    .string()
    .regex(/^[\x21\x23-\x5B\x5D-\x7E]{1,128}$/)
    .optional()
    .describe('One that it carries.'),
}
const SAYS = {
  unused_since: 'Not used since then: Unix seconds, or so long ago (`90d`).',
  expires_before: 'Ends before then: Unix seconds, or so far ahead (`7d`).',
  unbound: 'Works for whoever has it.',
  no_expiry: 'Without an end.',
}

/** As a query carries it. */
export const filterQuery = {
  kind: kind.optional(),
  ...common,
  unused_since: moment.optional().describe(SAYS.unused_since),
  expires_before: moment.optional().describe(SAYS.expires_before),
  unbound: z.literal('true').optional().describe(SAYS.unbound),
  no_expiry: z.literal('true').optional().describe(SAYS.no_expiry),
}

const time = z.union([
  z.int().min(0).max(253_402_300_799),
  z.string().regex(DURATION, 'must be Unix seconds, or a duration such as 90d'),
])

/** As a body carries it. */
export const filterBody = z
  .strictObject({
    kind: z.array(kind).min(1).max(CREDENTIAL_KINDS.length).optional(),
    ...common,
    unused_since: time.optional().describe(SAYS.unused_since),
    expires_before: time.optional().describe(SAYS.expires_before),
    unbound: z.literal(true).optional().describe(SAYS.unbound),
    no_expiry: z.literal(true).optional().describe(SAYS.no_expiry),
  })
  .meta({ id: 'InventoryFilter' })

export type FilterBody = z.output<typeof filterBody>
type FilterQuery = z.output<z.ZodObject<typeof filterQuery>>

/** A filter in the inventory's words. Without what is not said, so that two filters can be laid over each other. */
export function filterOf({ owner, unused_since, expires_before, no_expiry, ...rest }: FilterBody): InventoryFilter {
  const all: InventoryFilter = {
    ...rest,
    owner: owner === undefined ? undefined : ownerOf(owner),
    unusedSince: unused_since,
    expiresBefore: expires_before,
    noExpiry: no_expiry,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

/** The same of a query, where everything is text. */
export function filterOfQuery({
  kind: one,
  unused_since,
  expires_before,
  unbound,
  no_expiry,
  ...rest
}: FilterQuery): InventoryFilter {
  const at = (text: string | undefined) => (text !== undefined && /^\d+$/.test(text) ? Number(text) : text)
  return filterOf({
    ...rest,
    kind: one && [one],
    unused_since: at(unused_since),
    expires_before: at(expires_before),
    unbound: unbound && true,
    no_expiry: no_expiry && true,
  })
}

/** A filter as it leaves. */
export function shownFilter({
  owner,
  unusedSince,
  expiresBefore,
  noExpiry,
  kind: kinds,
  state,
  scope,
  unbound,
}: InventoryFilter): FilterBody {
  const all = {
    kind: kinds,
    state,
    owner: owner && ownerShown(owner),
    scope,
    unused_since: unusedSince,
    expires_before: expiresBefore,
    unbound,
    no_expiry: noExpiry,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

const nullableTime = z.int().nullable()

/** Who used a credential. */
export const consumer = z
  .strictObject({
    network: z.string().nullable(),
    agent: z.string().nullable(),
    route: z.string().nullable(),
    outcome: z.string().describe('How the latest time ended: `VALID` for who was served, else why not.'),
    last_seen_at: z.int(),
  })
  .meta({ id: 'Consumer' })

export const shownConsumer = ({ network, agent, route, outcome, lastSeenAt }: Consumer): z.output<typeof consumer> => ({
  network: network ?? null,
  agent: agent ?? null,
  route: route ?? null,
  outcome,
  last_seen_at: lastSeenAt,
})

/** Both lists of a token, as they leave. */
export const shownConsumers = (found: {
  readonly served: readonly Consumer[]
  readonly refused: readonly Consumer[]
}) => ({
  items: found.served.map(shownConsumer),
  refused: found.refused.map(shownConsumer),
})

/** A credential. */
export const entry = z
  .strictObject({
    id: z.string().describe('Names it, and opens nothing.'),
    kind: z.string(),
    owner: z.string().nullable(),
    name: z.string(),
    purpose: z.string(),
    scopes: z.array(z.string()),
    binding: z.string().describe('What must be there besides its text; `none`: whoever has it may use it.'),
    state: z.string(),
    standing: z
      .string()
      .optional()
      .describe(
        'Of API tokens: what verification answers for it now, place aside. `VALID`: it works; `NOT_YET`, `QUARANTINED` (its owner may not be used), ... : not.',
      ),
    created_at: nullableTime,
    last_used_at: nullableTime.optional().describe('Null: never. Absent: of this kind it is not known.'),
    expires_at: nullableTime,
    idle_until: nullableTime.optional().describe('Its end unless it is used before.'),
    next: z.strictObject({ at: nullableTime, why: z.string() }).nullable().describe('Its next rotation.'),
    users: z
      .array(consumer)
      .optional()
      .describe('Who used it in the last 30 days: what breaks when it ends. Absent: of this kind it is not recorded.'),
  })
  .meta({ id: 'InventoryEntry' })

/** A credential as it leaves: field by field. */
export function shownEntry(one: InventoryEntry): z.output<typeof entry> {
  return {
    id: one.id,
    kind: one.kind,
    owner: one.owner && ownerShown(one.owner),
    name: one.name,
    purpose: one.purpose,
    scopes: [...one.scopes],
    binding: one.binding,
    state: one.state,
    ...(one.standing === undefined ? {} : { standing: one.standing }),
    created_at: one.createdAt,
    ...(one.lastUsedAt === undefined ? {} : { last_used_at: one.lastUsedAt }),
    expires_at: one.expiresAt,
    ...(one.idleUntil === undefined ? {} : { idle_until: one.idleUntil }),
    next: one.next && { at: one.next.at, why: one.next.why },
    ...(one.users ? { users: one.users.map(shownConsumer) } : {}),
  }
}
