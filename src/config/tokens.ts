/** `tokens` of the configuration: format and limits of API tokens, and the policies of their life. All times in seconds. */

import { z } from 'zod'
import { ratesSchema } from './token-rates.ts'

const positive = z.number().int().positive()
const days = (n: number): number => n * 24 * 3600
const texts = z.array(z.string().min(1).max(300)).max(200)

/** Templates that ship; their figures stand in src/api-tokens/templates.ts. */
export const TOKEN_TEMPLATES = [
  'ci',
  'partner',
  'personal',
  'service',
  'agent',
  'pci-dss-4',
  'india-dpdp',
  'zero-trust',
] as const
export type TokenTemplate = (typeof TOKEN_TEMPLATES)[number]

/** What a policy or a template says; what is absent is not limited by it. */
const figures = {
  lifetimeSecondsMax: positive.optional(),
  rotateEverySeconds: positive.optional(),
  overlapSeconds: z.number().int().nonnegative().optional(),
  /** What becomes of a token that was not rotated when its overlap after the due day is over, too. */
  overdue: z.enum(['keep', 'quarantine']).optional(),
  /** A rotation begins a new lifetime, as long as the first; otherwise the successor keeps the end. */
  renew: z.boolean().optional(),
  dormantSeconds: z
    .strictObject({
      warn: positive.optional(),
      quarantine: positive.optional(),
      revoke: positive.optional(),
    })
    .optional(),
  approval: z.boolean().optional(),
  scopes: texts.optional(),
  networks: z.strictObject({ allow: texts.default([]), except: texts.default([]) }).optional(),
}

/** One lifecycle policy. `for` says whose tokens it is for: all of what is named must fit; nothing named: all tokens. */
const policy = z.strictObject({
  name: z.string().regex(/^[\w .-]{1,60}$/, 'up to 60 letters, digits, blanks, dots and hyphens'),
  template: z.enum(TOKEN_TEMPLATES).optional(),
  for: z
    .strictObject({
      kinds: z
        .array(z.enum(['personal', 'service']))
        .min(1)
        .optional(),
      /** `type:id`, or `type:*` for all of a type. */
      owners: z
        .array(
          z.string().regex(/^(account|service|organisation):./, 'must be type:id or type:*, such as service:reports'),
        )
        .min(1)
        .optional(),
      labels: texts.min(1).optional(),
      templates: texts.min(1).optional(),
    })
    .optional(),
  ...figures,
})

/** The section. */
export const tokensSchema = z.strictObject({
  prefix: z
    .string()
    .regex(/^[a-z]{1,12}$/, 'must be 1 to 12 lower-case letters')
    .default('mm')
    .meta({ about: 'How API tokens begin: `mm_pat_...`. Existing ones go on to work when it changes.' }),
  lifetimeSecondsDefault: positive.default(days(30)).meta({ about: 'Lifetime of a token that asks for none.' }),
  lifetimeSecondsMax: positive.default(days(366)).meta({ about: 'No token lives longer, those that exist included.' }),
  idleSecondsMax: positive.optional().meta({ about: 'A token that was not used for so long is quarantined.' }),
  sensitiveScopes: texts
    .default([])
    .meta({ about: 'A token with one of these scopes waits until a second person approves it.' }),
  rates: ratesSchema,
  policies: z
    .array(policy)
    .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, 'two policies have the same name')
    .default([])
    .meta({
      about:
        'Lifecycle policies: { name, template, for: { kinds, owners, labels, templates }, lifetimeSecondsMax, rotateEverySeconds, overlapSeconds, overdue, renew, dormantSeconds: { warn, quarantine, revoke }, approval, scopes, networks }. The strictest of all that match holds (docs/api-tokens.md).',
    }),
})

export type TokenSettings = z.output<typeof tokensSchema>
export type TokenPolicy = z.output<typeof policy>
/** What a policy or a template says of the tokens that it is for. */
export type TokenFigures = Omit<TokenPolicy, 'name' | 'template' | 'for'>
