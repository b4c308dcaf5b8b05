/** Records of use: what is kept of who uses a token and how it goes, and how it is staged and read. */

import type { Collection, Doc, Store } from '../../adapters/store.ts'
import { bound, type Clock, newDoc, seconds, TENANT, type Unit } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import {
  COUNTS,
  type Counts,
  joined,
  joinedScopes,
  NO_SCOPES,
  NO_USERS,
  type Outcome,
  type TokenUser,
  type TokenUsers,
  type UsedScopes,
} from './seen.ts'

export const tokenUses: Collection = {
  name: 'api-token-uses',
  indexes: [['family', 'kind']],
  fields: {
    hour: 'counters: the hour, Unix seconds of its beginning',
    served: 'used: verifications that were good, in its whole life',
    ...Object.fromEntries(
      Object.entries(COUNTS).map(([reason, name]) => [name, `counters: verifications that ended with ${reason}`]),
    ),
  },
  expires: true,
  about:
    "Uses of API tokens: a counter for each token and hour, and for each token its latest users (network, agent, route) and the scopes that it used, sealed. `family` is the token's id.",
}

export const HOUR = 3600
export const DAY = 24 * HOUR
const KEPT_SECONDS = 32 * DAY
export const USERS_DAYS = 30
/** As long as a token can have lived: what it never used in its whole life must not be what it used last year. */
const USED_KEPT_SECONDS = 400 * DAY
const PAGE = 200

const hourId = (seal: Seal, id: string, hour: number): string =>
  seal.hash('lookup', TENANT, 'api token hour', `${id}\n${hour}`)
const usersId = (seal: Seal, id: string): string => seal.hash('lookup', TENANT, 'api token users', id)
const usedId = (seal: Seal, id: string): string => seal.hash('lookup', TENANT, 'api token used', id)

/** Stages the removal of who used a token. Hourly counts and used scopes stay: they say of nobody where from and with what. */
export const stageUsersErased = (seal: Seal, unit: Unit, id: string): void =>
  unit.cleanup(tokenUses.name, usersId(seal, id))

/** A list of users as it was kept until those who were refused stood apart, with the scopes that each asked for. */
type Before = readonly (TokenUser & { readonly scopes?: readonly string[] })[]

async function usersIn(seal: Seal, doc: Doc | undefined): Promise<TokenUsers> {
  if (!doc?.body) return NO_USERS
  // These bytes were one or the other when they were sealed.
  const kept = JSON.parse((await seal.open(doc)).toString()) as TokenUsers | Before
  if (!('served' in kept))
    return {
      served: kept.filter(({ outcome }) => outcome === 'VALID').map(({ scopes: _scopes, ...user }) => user),
      refused: kept.filter(({ outcome }) => outcome !== 'VALID').map(({ scopes: _scopes, ...user }) => user),
    }
  return kept
}

async function scopesIn(seal: Seal, doc: Doc | undefined): Promise<UsedScopes> {
  // These bytes were UsedScopes when they were sealed.
  return doc?.body ? (JSON.parse((await seal.open(doc)).toString()) as UsedScopes) : NO_SCOPES
}

/** What a token was used for so far. `uses`: how often with success, in its life. */
export interface Used {
  readonly uses: number
  readonly scopes: UsedScopes
}

/** Adds to what a token was used for. Apart from its users: it holds nothing personal and is kept as long as the token may live. */
async function stageUsed(
  { seal, clock }: { readonly seal: Seal; readonly clock: Clock },
  unit: Unit,
  id: string,
  { uses, scopes }: Used,
): Promise<void> {
  const key = usedId(seal, id)
  const doc = await unit.get(tokenUses.name, key)
  const body = Buffer.from(JSON.stringify(joinedScopes(await scopesIn(seal, doc), scopes)))
  const fields = { served: Number(doc?.fields.served ?? 0) + uses }
  const rest = { purgeAt: seconds(clock) + USED_KEPT_SECONDS, fields }
  if (doc) return unit.update(tokenUses.name, doc, { ...seal.seal(doc, body), ...rest })
  const columns = bound({ tenant: TENANT, kind: 'api-token-used', id: key, family: id })
  unit.insert(tokenUses.name, newDoc(columns, { hk: seal.hk, ...seal.seal(columns, body), ...rest }))
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
    async stageUsers(unit: Unit, id: string, users: TokenUsers): Promise<void> {
      const key = usersId(seal, id)
      const now = seconds(clock)
      const doc = await unit.get(tokenUses.name, key)
      const all = joined(await usersIn(seal, doc), users, now - USERS_DAYS * DAY)
      const body = Buffer.from(JSON.stringify(all))
      const rest = { lastUse: all.served[0]?.lastSeen ?? null, purgeAt: now + KEPT_SECONDS }
      if (doc) return unit.update(tokenUses.name, doc, { ...seal.seal(doc, body), ...rest })
      const columns = bound({ tenant: TENANT, kind: 'api-token-users', id: key, family: id })
      unit.insert(tokenUses.name, newDoc(columns, { hk: seal.hk, ...seal.seal(columns, body), ...rest }))
    },
    users: async (id: string): Promise<TokenUsers> => usersIn(seal, await store.get(tokenUses.name, usersId(seal, id))),
    stageUsed: (unit: Unit, id: string, used: Used): Promise<void> => stageUsed(deps, unit, id, used),
    async used(id: string): Promise<Used> {
      const doc = await store.get(tokenUses.name, usedId(seal, id))
      return { uses: Number(doc?.fields.served ?? 0), scopes: await scopesIn(seal, doc) }
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

export type UseRecords = ReturnType<typeof createUseRecords>
