/** `mintmark token ...`: API tokens on the command line, by whoever owns the server's folder. */

import { z } from 'zod'
import { type Delivery, delivered, delivery, ownerText, shownConsumers, shownToken } from '../admin/index.ts'
import type { Owner, ShownToken, TokenOrder } from '../api-tokens/index.ts'
import type { App } from '../app.ts'
import { durationSeconds, SPAN, type Unit } from '../base/index.ts'
import type { Command, Given, Option } from './commands.ts'
import { type Desk, OPERATOR, offered, ownerTyped } from './desk.ts'

const string = (about: string): Option => ({ type: 'string', about })
const strings = (about: string): Option => ({ type: 'string', multiple: true, about })
const yes = (about: string): Option => ({ type: 'boolean', about })

const texts = z.array(z.string()).default([])
const duration = z.string().regex(SPAN, 'a time with its unit, such as 30s or 30d')
const words = (list: readonly string[]): readonly string[] => list.flatMap((one) => one.split(' ')).filter(Boolean)

const order = z.object({
  name: z.string(),
  kind: z.enum(['personal', 'service']),
  owner: ownerText,
  purpose: z.string().optional(),
  'kept-at': z.string().optional(),
  scope: z.array(z.string()).min(1, 'say what it may do: --scope read'),
  api: texts,
  allow: texts,
  except: texts,
  method: texts,
  path: texts,
  'not-before': z.iso.datetime({ offset: true, error: 'a moment such as 2027-01-31T00:00:00Z' }).optional(),
  expires: duration.optional(),
  label: texts,
  template: z.string().optional(),
  parent: z.string().optional(),
  canary: z.boolean().default(false),
})

const orderOptions = {
  name: string('how people call it'),
  kind: string('personal or service'),
  owner: string('account:LOGIN (or its sub), service:CLIENT or organisation:NAME'),
  purpose: string('what it is for'),
  'kept-at': string('where it is kept'),
  scope: strings('scope that it carries'),
  api: strings('API that it is for; all that have its scopes unless given'),
  allow: strings('network that it works from; anywhere unless given'),
  except: strings('network that it never works from'),
  method: strings('HTTP method; all unless given'),
  path: strings('path template such as /orders/{id}; all unless given'),
  'not-before': string('from when it works, for example 2027-01-31T00:00:00Z'),
  expires: string('how long it lives; 30d unless given'),
  label: strings('label'),
  template: string('policy template'),
  parent: string('token that it is a child of: narrower, and dies with it'),
  canary: yes('a trap: any use alarms'),
} as const

async function orderOf(app: App, values: Given['values']): Promise<TokenOrder> {
  const o = order.parse(values)
  return {
    name: o.name,
    kind: o.kind,
    owner: await ownerTyped(app, o.owner),
    purpose: o.purpose,
    keptAt: o['kept-at'],
    scopes: words(o.scope),
    apis: o.api,
    networks: { allow: o.allow, except: o.except },
    methods: o.method,
    paths: o.path,
    notBefore: o['not-before'] === undefined ? undefined : Math.floor(Date.parse(o['not-before']) / 1000),
    lifetimeSeconds: o.expires === undefined ? undefined : durationSeconds(o.expires),
    labels: o.label,
    template: o.template,
    parent: o.parent,
    canary: o.canary,
  }
}

const delivering = {
  wrap: string('instead of its text, show an address that opens once within this time: at most 15m'),
  recipient: string('instead of its text, show it sealed for this public JWK'),
} as const

const JSON_TEXT = z.string().transform((text, ctx): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    ctx.addIssue('a JWK is JSON')
    return z.NEVER
  }
})

/** How the text of a fresh token leaves, from the options. */
function deliveryOf(values: Given['values']): Delivery | undefined {
  const { wrap, recipient } = z
    .object({ wrap: duration.optional(), recipient: JSON_TEXT.optional() })
    .refine((both) => both.wrap === undefined || both.recipient === undefined, 'one of --wrap and --recipient')
    .parse(values)
  if (wrap !== undefined) return delivery.parse({ as: 'wrapped', lifetime_seconds: durationSeconds(wrap) })
  return recipient === undefined ? undefined : delivery.parse({ as: 'sealed', recipient })
}

const PAGE = 200

/** All tokens of an owner. */
async function all(tokens: NonNullable<Desk['tokens']>, owner: Owner): Promise<readonly ShownToken[]> {
  const found: ShownToken[] = []
  for (;;) {
    const after = found.at(-1)?.id
    const page = await tokens.list(owner, { limit: PAGE, ...(after === undefined ? {} : { after }) })
    found.push(...page)
    if (page.length < PAGE) return found
  }
}

const making: Readonly<Record<string, Command>> = {
  'token create': {
    about: 'Make an API token. Its text is shown once.',
    options: { ...orderOptions, ...delivering },
    async run(app, { values }) {
      const { tokens, operate, doors } = offered(app, 'tokens', 'operate', 'doors')
      const [wanted, how] = [await orderOf(app, values), deliveryOf(values)]
      return operate(async (unit) =>
        delivered(await tokens.create(unit, wanted, OPERATOR), how, { unit, by: OPERATOR, ...doors }),
      )
    },
  },
  'token import': {
    about: 'Take over a token that another system made, by the SHA-256 of its text.',
    options: { ...orderOptions, sha256: string('64 hexadecimal digits') },
    async run(app, { values }) {
      const { tokens, operate } = offered(app, 'tokens', 'operate')
      const { sha256 } = z
        .object({ sha256: z.string().regex(/^[0-9a-fA-F]{64}$/, '64 hexadecimal digits') })
        .parse(values)
      const wanted = { ...(await orderOf(app, values)), sha256: sha256.toLowerCase() }
      return shownToken(await operate((unit) => tokens.importByHash(unit, wanted, OPERATOR)))
    },
  },
  'token rotate': {
    about: 'Give a token a successor, whose text is shown once.',
    argument: 'id',
    options: {
      overlap: string('how long the old one still works: 0, 1h, 24h (unless given) or 7d'),
      why: string('for the record'),
      ...delivering,
    },
    async run(app, { argument, values }) {
      const { tokens, operate, doors } = offered(app, 'tokens', 'operate', 'doors')
      const how = deliveryOf(values)
      const { overlap, why } = z
        .object({ overlap: z.enum(['0', '1h', '24h', '7d']).default('24h'), why: z.string().default('') })
        .parse(values)
      const input = { overlapSeconds: durationSeconds(overlap), by: OPERATOR, why }
      return operate(async (unit) =>
        delivered(await tokens.rotate(unit, argument, input), how, { unit, by: OPERATOR, ...doors }),
      )
    },
  },
}

const seeing: Readonly<Record<string, Command>> = {
  'token list': {
    about: "An owner's API tokens.",
    options: { owner: orderOptions.owner },
    async run(app, { values }) {
      const { tokens } = offered(app, 'tokens')
      const { owner } = z.object({ owner: ownerText }).parse(values)
      return (await all(tokens, await ownerTyped(app, owner))).map(shownToken)
    },
  },
  'token show': {
    about: 'Show an API token.',
    argument: 'id',
    options: {},
    run: async (app, { argument }) => shownToken(await offered(app, 'tokens').tokens.show(argument)),
  },
  'token consumers': {
    about: 'Who used a token in its last 30 days: what breaks when it ends.',
    argument: 'id',
    options: {},
    async run(app, { argument }) {
      const { tokens, consumers } = offered(app, 'tokens', 'consumers')
      // One that there is not has no users: that must not read as "nothing breaks".
      const { id } = await tokens.show(argument)
      return shownConsumers(await consumers(id))
    },
  },
  'token hours': {
    about: 'How often a token was presented in each hour of its last 32 days, by outcome.',
    argument: 'id',
    options: {},
    async run(app, { argument }) {
      const { tokens, hours } = offered(app, 'tokens', 'hours')
      const { id } = await tokens.show(argument)
      return hours(id)
    },
  },
}

/** A command that changes a token and prints it as it is then. */
function changing<T>(
  about: string,
  input: { readonly options?: Command['options']; readonly read: z.ZodType<T> },
  change: (tokens: NonNullable<Desk['tokens']>, at: { unit: Unit; id: string; values: T }) => Promise<ShownToken>,
): Command {
  return {
    about,
    argument: 'id',
    options: input.options ?? {},
    async run(app, { argument: id, values }) {
      const { tokens, operate } = offered(app, 'tokens', 'operate')
      const read = input.read.parse(values)
      return shownToken(await operate((unit) => change(tokens, { unit, id, values: read })))
    },
  }
}

const nothing = { read: z.object({}) }
const reason = { options: { why: string('for the record') }, read: z.object({ why: z.string().default('') }) }
const kept = {
  options: { scope: strings('scope that it keeps') },
  read: z.object({ scope: z.array(z.string()).min(1, 'say which it keeps: --scope read') }),
}

const lives: Readonly<Record<string, Command>> = {
  'token revoke': changing('End a token for good, and its children with it.', reason, (tokens, { unit, id, values }) =>
    tokens.revoke(unit, id, { by: OPERATOR, ...values }),
  ),
  'token quarantine': changing('Stop a token until it is released.', reason, (tokens, { unit, id, values }) =>
    tokens.quarantine(unit, id, { by: OPERATOR, ...values }),
  ),
  'token release': changing('Let a quarantined token work again.', nothing, (tokens, { unit, id }) =>
    tokens.release(unit, id, OPERATOR),
  ),
  'token approve': changing('Let a pending token work: one that somebody else made.', nothing, (tokens, { unit, id }) =>
    tokens.approve(unit, id, OPERATOR),
  ),
  'token narrow': changing('Take scopes away from a token for good.', kept, (tokens, { unit, id, values }) =>
    tokens.narrow(unit, id, { scopes: words(values.scope), by: OPERATOR }),
  ),
}

/** The commands. */
export const tokenCommands: Readonly<Record<string, Command>> = { ...making, ...seeing, ...lives }
