/** The values of the API, as zod schemas: what is parsed, what is described, and what answers are held against in tests. */

import { z } from 'zod'
import type { Owner, ShownToken } from '../api-tokens/index.ts'
import { isNetwork, LINE, NETWORK, SEEN } from '../base/index.ts'

/** A line of text for people. */
export const line = (max: number) =>
  z.string().max(max).regex(LINE, 'must not contain characters that control text or its direction')
/** One that something can be seen of. */
const seen = (max: number) => line(max).min(1).regex(SEEN, 'must have a character that can be seen')
const word = (max: number) =>
  z.string().regex(new RegExp(`^[\\x21-\\x7e]{1,${max}}$`), `must be 1 to ${max} visible ASCII characters`)
/** RFC 6749, 3.3. */
const scopeName = z.string().regex(/^[\x21\x23-\x5B\x5D-\x7E]{1,128}$/, 'must be a scope')
export const time = z.int().min(0).max(253_402_300_799)
const list = <T extends z.ZodType>(one: T, max = 64) => z.array(one).max(max)

export const tokenId = z
  .string()
  .regex(/^tok_[\w-]{8,128}$/, 'must be the id of a token: tok_...')
  .describe('Id of a token.')

export const ownerText = z
  .string()
  .regex(
    /^(account|service|organisation):[\x21-\x7e]{1,256}$/,
    'must be account:SUB, service:CLIENT or organisation:NAME',
  )
  .describe('Whose it is: `account:SUB`, `service:CLIENT` or `organisation:NAME`.')

const network = z
  .string()
  .max(49)
  .regex(NETWORK, 'must be an address or a network in CIDR form')
  .refine(isNetwork, 'must be an address or a network in CIDR form')
const networks = z
  .strictObject({ allow: list(network).default([]), except: list(network).default([]) })
  .describe('From where it works: one of `allow` (empty: anywhere), none of `except`.')

const order = {
  name: seen(100).describe('How people call it.'),
  kind: z
    .enum(['personal', 'service'])
    .describe('`personal` for a person; `service` for a service or an organisation.'),
  owner: ownerText
    .optional()
    .describe(
      "Whose it is: `account:SUB`, `service:CLIENT` or `organisation:NAME`; the caller's own account unless given.",
    ),
  purpose: line(500).optional().describe('What it is for.'),
  kept_at: line(200).optional().describe('Where it is kept.'),
  scopes: list(scopeName).min(1).describe('What it may do.'),
  apis: list(line(500).min(1)).optional().describe('Resource indicators; every API that has its scopes unless given.'),
  networks: networks.optional(),
  methods: list(z.string().regex(/^[A-Z]{1,16}$/), 16)
    .optional()
    .describe('HTTP methods; all unless given.'),
  paths: list(line(300).regex(/^\//))
    .optional()
    .describe('Path templates such as `/orders/{id}` and `/files/**`; all unless given.'),
  not_before: time.optional().describe('From when it works, Unix seconds.'),
  lifetime_seconds: z
    .int()
    .min(1)
    .max(315_360_000)
    .optional()
    .describe('30 days unless given; the limit of the deployment holds.'),
  labels: list(seen(64), 32).optional(),
  template: word(64).optional().describe('Policy template that it is made under.'),
  parent: tokenId.optional().describe('The child can only be narrower, and dies with its parent.'),
  canary: z.boolean().optional().describe('A trap: any use alarms.'),
}

export const tokenOrder = z.strictObject(order)
export const importOrder = z.strictObject({
  ...order,
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits')
    .describe("SHA-256 of the foreign token's text; the text itself never comes here."),
})
export const rotation = z.strictObject({
  overlap: z
    .enum(['0', '1h', '24h', '7d'])
    .default('24h')
    .describe('How long the old one still works beside its successor.'),
  why: line(200).default(''),
})
export const reason = z.strictObject({ why: line(200).default('').describe('For the record.') })
export const nothing = z.strictObject({})
export const narrowing = z.strictObject({
  scopes: list(scopeName).describe('Those that it keeps. What is taken away never comes back.'),
})

export const page = {
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('How many at most.'),
  cursor: z.string().max(2048).optional().describe('`next_cursor` of the page before.'),
}
export const byToken = z.strictObject({ id: tokenId })

const nullableTime = time.nullable()
export const token = z
  .strictObject({
    id: tokenId,
    name: z.string(),
    kind: z.enum(['personal', 'service']),
    owner: z.string(),
    state: z.enum(['pending', 'not_yet', 'active', 'quarantined', 'rotating', 'rotated', 'expired', 'revoked']),
    why: z.string().nullable(),
    purpose: z.string(),
    kept_at: z.string(),
    scopes: z.array(z.string()),
    apis: z.array(z.string()),
    networks: z.strictObject({ allow: z.array(z.string()), except: z.array(z.string()) }),
    methods: z.array(z.string()),
    paths: z.array(z.string()),
    labels: z.array(z.string()),
    template: z.string().nullable(),
    parent: z.strictObject({ id: z.string(), name: z.string() }).nullable(),
    line: z.string().describe('The same before and after each rotation.'),
    rotations: z.int(),
    successor: z.string().nullable(),
    canary: z.boolean(),
    ending: z.string().describe('Last four characters of its text.'),
    created_at: time,
    created_by: z.string(),
    approved_by: z.string().nullable(),
    not_before: nullableTime,
    expires_at: time,
    last_used_at: nullableTime,
    overlap_until: nullableTime,
  })
  .meta({ id: 'Token' })

export const pageOf = <T extends z.ZodType>(one: T) =>
  z.strictObject({ items: z.array(one), next_cursor: z.string().nullable() })

/** `service:reports` as an owner; the schema has seen it. */
export function ownerOf(text: string): Owner {
  const at = text.indexOf(':')
  return { type: text.slice(0, at) as Owner['type'], id: text.slice(at + 1) }
}

/** `type:id` of an owner. */
export const ownerShown = ({ type, id }: ShownToken['owner']): string => `${type}:${id}`

/** A token as it leaves: field by field, so that a new one in the record must be let out here. */
export function shownToken(one: ShownToken): z.output<typeof token> {
  return {
    id: one.id,
    name: one.name,
    kind: one.kind,
    owner: ownerShown(one.owner),
    state: one.state,
    why: one.why,
    purpose: one.purpose,
    kept_at: one.keptAt,
    scopes: [...one.scopes],
    apis: [...one.apis],
    networks: { allow: [...one.networks.allow], except: [...one.networks.except] },
    methods: [...one.methods],
    paths: [...one.paths],
    labels: [...one.labels],
    template: one.template,
    parent: one.parent === null ? null : { id: one.parent.id, name: one.parent.name },
    line: one.line,
    rotations: one.rotations,
    successor: one.successor,
    canary: one.canary,
    ending: one.ending,
    created_at: one.createdAt,
    created_by: one.createdBy,
    approved_by: one.approvedBy,
    not_before: one.notBefore,
    expires_at: one.expiresAt,
    last_used_at: one.lastUsedAt,
    overlap_until: one.overlapUntil,
  }
}
