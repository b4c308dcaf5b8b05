/** `mintmark inventory`, `mintmark organisation ...` and `mintmark policy ...`. */

import { resolve } from 'node:path'
import { z } from 'zod'
import { both, filterBody, filterOf, type InventoryFilter, shownEntry, shownLeft } from '../admin/index.ts'
import type { Command, Given, Option } from './commands.ts'
import { type Desk, OPERATOR, offered, ownerTyped, type ShownOrganisation } from './desk.ts'

const string = (about: string): Option => ({ type: 'string', about })
const strings = (about: string): Option => ({ type: 'string', multiple: true, about })
const yes = (about: string): Option => ({ type: 'boolean', about })

const filters = {
  kind: strings('api-token, family, grant, session, client-secret or signing-key'),
  state: string('active, pending, quarantined, ...'),
  owner: string('account:LOGIN (or its sub), service:CLIENT or organisation:NAME'),
  scope: string('one that it carries'),
  'unused-since': string('Unix seconds, or so long ago: 90d'),
  'expires-before': string('Unix seconds, or so far ahead: 7d'),
  unbound: yes('works for whoever has it'),
  'no-expiry': yes('without an end'),
} as const

/** The filter that was typed. Throws where it names an account that there is not. */
async function filterTyped(app: Desk, values: Given['values']): Promise<InventoryFilter> {
  const typed = Object.entries(values)
    .filter(([name]) => Object.hasOwn(filters, name))
    .map(([name, value]) => [name.replaceAll('-', '_'), value])
  const { unused_since: since, expires_before: before, ...rest } = Object.fromEntries(typed)
  const at = (value: unknown): unknown => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value)
  const filter = filterOf(filterBody.parse({ ...rest, unused_since: at(since), expires_before: at(before) }))
  const owner = z.string().optional().parse(rest.owner)
  return owner === undefined ? filter : { ...filter, owner: await ownerTyped(app, owner) }
}

const PAGE = 200
const many = z.coerce.number().int().min(1).max(1_000_000).default(1000)

async function listed(
  door: NonNullable<Desk['inventory']>,
  filter: InventoryFilter,
  input: { readonly limit: number; readonly users: boolean },
) {
  const found: object[] = []
  let cursor: string | undefined
  do {
    const limit = Math.min(PAGE, input.limit - found.length)
    const page = await door.list(filter, { limit, cursor, users: input.users })
    found.push(...page.items.map(shownEntry))
    cursor = page.cursor
  } while (cursor !== undefined && found.length < input.limit)
  return found
}

/** Ends all that a filter means, as many at once as fit a commit. */
async function ended(
  door: NonNullable<Desk['inventory']>,
  operate: NonNullable<Desk['operate']>,
  filter: InventoryFilter,
  input: Parameters<typeof door.revoke>[2],
) {
  let revoked = 0
  for (;;) {
    const done = await operate((unit) => door.revoke(unit, filter, input))
    revoked += done.revoked
    if (done.left === 0 || done.revoked === 0) return { ...done, revoked }
  }
}

const inventory: Readonly<Record<string, Command>> = {
  'inventory list': {
    about: 'Every live credential that the filters find (also: mintmark inventory).',
    options: {
      ...filters,
      query: string('name of a saved query; other filters come on top'),
      count: yes('count only'),
      users: yes('with who used each in the last 30 days'),
      limit: string('how many; 1000 unless given'),
    },
    async run(app, { values }) {
      const { inventory: door } = offered(app, 'inventory')
      const { query, count, users, limit } = z
        .object({
          query: z.string().optional(),
          count: z.boolean().default(false),
          users: z.boolean().default(false),
          limit: many,
        })
        .parse(values)
      const saved = query === undefined ? undefined : (await door.queries.list()).find(({ name }) => name === query)
      if (query !== undefined && !saved)
        throw new z.ZodError([
          { code: 'custom', path: ['query'], message: 'there is no saved query with this name', input: query },
        ])
      const filter = both(saved?.filter ?? {}, await filterTyped(app, values))
      if (!filter) return count ? { total: 0, complete: true } : []
      return count ? door.count(filter) : listed(door, filter, { limit, users })
    },
  },
  'inventory revoke': {
    about: 'End everything that the filters find. --dry-run counts, and gives the code that many need.',
    options: {
      ...filters,
      'dry-run': yes('count, and change nothing'),
      confirm: string('the code of a dry run'),
      why: string('for the record'),
    },
    async run(app, { values }) {
      const { inventory: door, operate } = offered(app, 'inventory', 'operate')
      const {
        'dry-run': isDry,
        confirm,
        why,
      } = z
        .object({ 'dry-run': z.boolean().default(false), confirm: z.string().optional(), why: z.string().default('') })
        .parse(values)
      const filter = await filterTyped(app, values)
      if (!isDry) {
        const input = { code: confirm, by: OPERATOR, why }
        const { revoked, left, failed, ...alone } = await ended(door, operate, filter, input)
        return { count: revoked, left, ...shownLeft(alone), failed }
      }
      const { total, needsCode, code, codeUntil, ...alone } = await door.plan(filter, { by: OPERATOR })
      const confirming = { needs_confirm: needsCode, confirm: code, confirm_until: codeUntil }
      return { count: total, ...shownLeft(alone), ...confirming }
    },
  },
}

const shownOrganisation = ({ name, title, disabled, createdAt }: ShownOrganisation): object => ({
  name,
  title,
  disabled,
  created_at: createdAt,
})

const organisation: Readonly<Record<string, Command>> = {
  'organisation create': {
    about: 'Make an organisation, which can own service tokens.',
    argument: 'name',
    options: { title: string('how people call it') },
    async run(app, { argument, values }) {
      const { title } = z.object({ title: z.string().default(argument) }).parse(values)
      return shownOrganisation(await offered(app, 'organisations').organisations.create({ name: argument, title }))
    },
  },
  'organisation list': {
    about: 'List organisations.',
    options: {},
    run: async (app) => (await offered(app, 'organisations').organisations.list()).map(shownOrganisation),
  },
  'organisation disable': {
    about: 'Disable an organisation: its tokens work no more until it is enabled.',
    argument: 'name',
    options: {},
    run: async (app, { argument }) =>
      shownOrganisation(await offered(app, 'organisations').organisations.disable(argument)),
  },
  'organisation enable': {
    about: 'Enable a disabled organisation: its tokens work again.',
    argument: 'name',
    options: {},
    run: async (app, { argument }) =>
      shownOrganisation(await offered(app, 'organisations').organisations.enable(argument)),
  },
}

const policy: Readonly<Record<string, Command>> = {
  'policy check': {
    about: 'Which tokens violate which lifecycle policy.',
    options: {},
    run: async (app) => offered(app, 'policies').policies.check(),
  },
  'policy simulate': {
    about: 'What the policies of another configuration would do to the tokens that exist. Changes nothing.',
    options: { config: string('the configuration module') },
    async run(app, { values }) {
      const { config } = z.object({ config: z.string() }).parse(values)
      return offered(app, 'policies').policies.simulate(resolve(config))
    },
  },
}

/** The commands. */
export const inventoryCommands: Readonly<Record<string, Command>> = { ...inventory, ...organisation, ...policy }
