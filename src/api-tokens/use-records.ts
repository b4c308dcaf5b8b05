/** Records of use: what is kept of who uses a token and how it goes, and how it is staged and read. */

import type { Collection, Doc, Store } from '../../adapters/store.ts'
import { bound, type Clock, newDoc, seconds, TENANT, type Unit } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import { matchesPath } from './paths.ts'
import type { Asked, Reason } from './rules.ts'

/** How each outcome's count is called in the store. NOT_FOUND has no token to count at. */
const COUNTS = {
  VALID: 'valid',
  EXPIRED: 'expired',
  REVOKED: 'revoked',
  QUARANTINED: 'quarantined',
  NOT_YET: 'notYet',
  IP_DENIED: 'ipDenied',
  SCOPE_DENIED: 'scopeDenied',
  RATE_LIMITED: 'rateLimited',
} as const satisfies Partial<Record<Reason, string>>

export type Outcome = keyof typeof COUNTS
export type Counts = Readonly<Partial<Record<Outcome, number>>>

export const tokenUses: Collection = {
  name: 'api-token-uses',
  indexes: [['family', 'kind']],
  fields: {
    hour: 'counters: the hour, Unix seconds of its beginning',
    ...Object.fromEntries(
      Object.entries(COUNTS).map(([reason, name]) => [name, `counters: verifications that ended with ${reason}`]),
    ),
  },
  expires: true,
  about:
    "Uses of API tokens: a counter for each token and hour, and for each token its latest users (network, agent, route), sealed. `family` is the token's id.",
}

/** One use. `network`: a prefix, never an address; empty where it is not known. */
export interface Use {
  readonly id: string
  readonly outcome: Reason
  readonly network: string
  readonly agent: string
  readonly route: string
  readonly scopes?: readonly string[] | undefined
  /** Keyed hash of the account that owns the token, where one does. */
  readonly account?: string | null
}

/** Who uses a token: where from, with what, for what. `lastSeen` in Unix seconds. */
export interface TokenUser {
  readonly network: string
  readonly agent: string
  readonly route: string
  readonly outcome: Outcome
  readonly lastSeen: number
  /** Scopes that resource servers asked for when it came; absent where none was named. */
  readonly scopes?: readonly string[] | undefined
}

export const HOUR = 3600
export const DAY = 24 * HOUR
const KEPT_SECONDS = 32 * DAY
export const USERS_DAYS = 30
export const USERS_MAX = 50
const PAGE = 200
const ROUTE_MAX = 120
export const isOutcome = (reason: Reason): reason is Outcome => reason !== 'NOT_FOUND'

/** A request's route in few words: the token's own template, or the path without what looks like an id. */
export function routeOf(templates: readonly string[], { method, path }: Asked): string {
  if (path === undefined) return method?.toUpperCase().slice(0, ROUTE_MAX) ?? ''
  const plain = path.split('?')[0] ?? ''
  const named =
    templates.find((one) => matchesPath(one, plain)) ??
    plain
      .split('/')
      .map((part) => (/\d/.test(part) && /^[\w.~-]*$/.test(part) && !/^v\d{1,2}$/i.test(part) ? '{id}' : part))
      .join('/')
  return `${method?.toUpperCase() ?? ''} ${named}`.trim().slice(0, ROUTE_MAX)
}

export const keyOf = ({ network, agent, route }: Pick<TokenUser, 'network' | 'agent' | 'route'>): string =>
  `${network}\n${agent}\n${route}`

const SCOPES_MAX = 64

/** A user seen again: the later use, with every scope that either asked for. */
export function seenAgain(before: TokenUser | undefined, user: TokenUser): TokenUser {
  const later = before && before.lastSeen > user.lastSeen ? before : user
  const scopes = [...new Set([...(before?.scopes ?? []), ...(user.scopes ?? [])])].slice(0, SCOPES_MAX)
  return scopes.length > 0 ? { ...later, scopes } : later
}

/** Both lists as one: each user once with its latest use, the latest first, no more than are kept. */
export function joined(some: readonly TokenUser[], more: readonly TokenUser[], since: number): readonly TokenUser[] {
  const all = new Map<string, TokenUser>()
  for (const user of [...some, ...more]) {
    if (user.lastSeen >= since) all.set(keyOf(user), seenAgain(all.get(keyOf(user)), user))
  }
  return [...all.values()].sort((a, b) => b.lastSeen - a.lastSeen).slice(0, USERS_MAX)
}

const hourId = (seal: Seal, id: string, hour: number): string =>
  seal.hash('lookup', TENANT, 'api token hour', `${id}\n${hour}`)
const usersId = (seal: Seal, id: string): string => seal.hash('lookup', TENANT, 'api token users', id)

/** Stages the removal of who used a token. Hourly counts stay: they say of nobody where from and with what. */
export const stageUsersErased = (seal: Seal, unit: Unit, id: string): void =>
  unit.cleanup(tokenUses.name, usersId(seal, id))

async function usersIn(seal: Seal, doc: Doc | undefined): Promise<readonly TokenUser[]> {
  // These bytes were such a list when they were sealed.
  return doc?.body ? (JSON.parse((await seal.open(doc)).toString()) as readonly TokenUser[]) : []
}

/** Adds counts to an hour: by increment, so that nodes lose nothing of each other. */
async function stageCount(
  seal: Seal,
  unit: Unit,
  at: { readonly id: string; readonly hour: number },
  counts: ReadonlyMap<Outcome, number>,
): Promise<void> {
  const key = hourId(seal, at.id, at.hour)
  const doc = await unit.get(tokenUses.name, key)
  const increment = Object.fromEntries([...counts].map(([outcome, n]) => [COUNTS[outcome], n]))
  if (doc) return unit.decide({ collection: tokenUses.name, id: key, if: {}, set: {}, increment }, doc)
  const columns = bound({ tenant: TENANT, kind: 'api-token-hour', id: key, family: at.id })
  const none = Object.fromEntries(Object.values(COUNTS).map((name) => [name, 0]))
  const fields = { ...none, hour: at.hour, ...increment }
  unit.insert(tokenUses.name, newDoc(columns, { hk: seal.hk, purgeAt: at.hour + KEPT_SECONDS, fields }))
}

const countsOf = ({ fields }: Doc): Counts =>
  Object.fromEntries(
    Object.entries(COUNTS)
      .map(([reason, name]) => [reason, Number(fields[name] ?? 0)] as const)
      .filter(([, n]) => n > 0),
  )

/** Reads and stages records of use. */
export function createUseRecords(deps: {
  readonly store: Pick<Store, 'get' | 'find'>
  readonly seal: Seal
  readonly clock: Clock
}) {
  const { store, seal, clock } = deps
  return {
    stageCount: (
      unit: Unit,
      at: { readonly id: string; readonly hour: number },
      counts: ReadonlyMap<Outcome, number>,
    ) => stageCount(seal, unit, at, counts),
    /** Joins users to those that are kept. */
    async stageUsers(unit: Unit, id: string, users: readonly TokenUser[]): Promise<void> {
      const key = usersId(seal, id)
      const now = seconds(clock)
      const doc = await unit.get(tokenUses.name, key)
      const all = joined(await usersIn(seal, doc), users, now - USERS_DAYS * DAY)
      const body = Buffer.from(JSON.stringify(all))
      const rest = { lastUse: all[0]?.lastSeen ?? now, purgeAt: now + KEPT_SECONDS }
      if (doc) return unit.update(tokenUses.name, doc, { ...seal.seal(doc, body), ...rest })
      const columns = bound({ tenant: TENANT, kind: 'api-token-users', id: key, family: id })
      unit.insert(tokenUses.name, newDoc(columns, { hk: seal.hk, ...seal.seal(columns, body), ...rest }))
    },
    async users(id: string): Promise<readonly TokenUser[]> {
      return usersIn(seal, await store.get(tokenUses.name, usersId(seal, id)))
    },
    /** Counts by hour, oldest first. */
    async hours(id: string): Promise<readonly { readonly hour: number; readonly counts: Counts }[]> {
      const by = { tenant: TENANT, by: { family: id, kind: 'api-token-hour' } }
      const docs: Doc[] = []
      for (let after: string | undefined; ; ) {
        const page = await store.find(tokenUses.name, by, { limit: PAGE, ...(after ? { after } : {}) })
        docs.push(...page)
        after = page.at(-1)?.id
        if (page.length < PAGE) break
      }
      return docs
        .map((doc) => ({ hour: Number(doc.fields.hour), counts: countsOf(doc) }))
        .sort((a, b) => a.hour - b.hour)
    },
  }
}
