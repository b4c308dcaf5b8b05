/** `tokens` of the configuration: format and limits of API tokens, and the policies of their life. All times in seconds. */

import { z } from 'zod'
import { isNetwork, nearest } from '../base/index.ts'
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

const cidrs = z.array(z.string().refine(isNetwork, 'must be a network in CIDR form or one address')).max(200)

/** What a policy or a template says; what is absent is not limited by it. */
const figures = {
  lifetimeSecondsMax: positive.optional().meta({ about: 'None of these tokens lives longer.' }),
  rotateEverySeconds: positive.optional().meta({ about: 'A token that was not rotated for so long is called due.' }),
  overlapSeconds: z
    .number()
    .int()
    .nonnegative()
    .optional()
    .meta({ about: 'A rotated token works on beside its successor for so long at most.' }),
  overdue: z.enum(['keep', 'quarantine']).optional().meta({
    about: 'What becomes of a due token that is not rotated when its overlap (7 days unless said) is over, too.',
  }),
  renew: z
    .boolean()
    .optional()
    .meta({ about: 'A rotation begins a new lifetime, as long as the first; otherwise the successor keeps the end.' }),
  dormantSeconds: z
    .strictObject({
      warn: positive.optional().meta({ about: 'Owner and administrators are told.' }),
      quarantine: positive.optional().meta({ about: 'The token is held.' }),
      revoke: positive.optional().meta({ about: 'The token is ended.' }),
    })
    .optional()
    .meta({ about: 'After so long without use.' }),
  approval: z.boolean().optional().meta({ about: 'A second person must approve it before it works.' }),
  scopes: texts.optional().meta({ about: 'The only scopes that these tokens may have.' }),
  networks: z
    .strictObject({
      allow: cidrs.default([]).meta({ about: 'In CIDR form; empty: all.' }),
      except: cidrs.default([]).meta({ about: 'None of these.' }),
    })
    .optional()
    .meta({ about: 'The only networks that these tokens may be used from.' }),
  rates: z
    .array(z.string())
    .max(20)
    .optional()
    .meta({ about: 'Names of `tokens.rates` that these tokens are held to.' }),
}

const owner = z
  .string()
  .regex(/^(account|service|organisation):./, 'must be type:id or type:*, such as service:reports')

/** One lifecycle policy. All of what `for` names must fit. */
export const tokenPolicySchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w .-]{1,60}$/, 'up to 60 letters, digits, blanks, dots and hyphens')
    .meta({ about: 'Stands in the record of whatever it does.' }),
  template: z.enum(TOKEN_TEMPLATES).optional().meta({ about: 'Builds on a template (docs/api-tokens.md).' }),
  for: z
    .strictObject({
      kinds: z
        .array(z.enum(['personal', 'service']))
        .min(1)
        .optional()
        .meta({ about: 'Kinds of tokens.' }),
      owners: z.array(owner).min(1).optional().meta({ about: '`type:id`, or `type:*` for all of a type.' }),
      labels: texts.min(1).optional().meta({ about: 'One of these labels.' }),
      templates: texts.min(1).optional().meta({ about: 'Tokens that were ordered under one of these templates.' }),
    })
    .optional()
    .meta({ about: 'Whose tokens it is for; nothing named: all.' }),
  ...figures,
})

/** The section's fields. */
const tokensFields = z.strictObject({
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
    .array(tokenPolicySchema)
    .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, 'two policies have the same name')
    .default([])
    .meta({
      about: 'Lifecycle policies; the strictest of all that match holds (docs/api-tokens.md).',
    }),
})

/** The section. What a policy names must be there: a limit that is mistyped would limit nothing, and nobody would notice. */
export const tokensSchema = tokensFields.superRefine(({ rates, policies }, context) => {
  for (const [n, policy] of policies.entries())
    for (const name of policy.rates ?? []) {
      if (Object.hasOwn(rates, name)) continue
      const near = nearest(name, Object.keys(rates))
      const message = `there is no rate ${name} in tokens.rates${near ? `; did you mean ${near}?` : ''}`
      context.addIssue({ code: 'custom', path: ['policies', n, 'rates'], message })
    }
})

export type TokenSettings = z.output<typeof tokensSchema>
export type TokenPolicy = z.output<typeof tokenPolicySchema>
/** What a policy or a template says of the tokens that it is for. */
export type TokenFigures = Omit<TokenPolicy, 'name' | 'template' | 'for'>
