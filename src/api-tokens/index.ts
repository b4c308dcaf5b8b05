/**
 * API tokens: long-lived credentials that a person, a service or an organisation holds.
 * Owns their records, their states and what each may do now. It refuses to know requests, routes and the library.
 */

import { seconds, TENANT, type Unit } from '../base/index.ts'
import { known, type TokenDeps } from './actions.ts'
import { approve, narrow, quarantine, release, revoke } from './change.ts'
import { create } from './create.ts'
import { countAccount, endAccount } from './erase.ts'
import { refuse } from './errors.ts'
import { importByHash } from './import.ts'
import { limitsFor, ratesFor, type TokenConfiguration } from './limits.ts'
import { createSimulation, type HeldToken, type PolicySimulation, type Violation, violationsOf } from './policies.ts'
import { shownToken } from './present.ts'
import { tokenRates } from './rates.ts'
import { apiTokens, type Owner, ownerHash, STORED_STATES, type StoredState, tokenOf } from './records.ts'
import { rotate } from './rotate.ts'
import { tokenUses } from './use-records.ts'
import type { ShownToken, TokenVerbs } from './verbs.ts'

export type { OwnerStanding, TokenDeps } from './actions.ts'
export { apiTokenNorm, createTokenDecisions, type Reminder, type SeenUses, type TokenDecisions } from './decided.ts'
export { hasForeign, stageForeignMark } from './foreign.ts'
export { limitsFor, type TokenConfiguration } from './limits.ts'
export { type HeldToken, type PolicySimulation, policyCheck, policySimulate, type Violation } from './policies.ts'
export type { Rate } from './rates.ts'
export type { Networks, Owner, Rights, TokenKind, TokenRecord } from './records.ts'
export { apiTokens, foreignTokenId, ownerHash, publicId, scopeHash, storedId, tokenId, tokenOf } from './records.ts'
export type { Above, Asked, Limits, Reason, TokenState } from './rules.ts'
export { actorOf, stateOf } from './rules.ts'
export { createTokenSchedule, type TokenSchedule } from './schedule.ts'
export type { Counts, TokenUser, TokenUsers } from './seen.ts'
export type { Usage } from './usage.ts'
export { createTokenUse, type TokenUse, type TokenUseDeps } from './use.ts'
export type { By, ShownToken, TokenOrder, TokenVerbs } from './verbs.ts'
export { type FoundToken, mayBeToken, type Presented, type TokenFacts, type Verified, type Verifier } from './verify.ts'

/** What this room refuses. */
export const tokenRefusals = refuse.table

/** This room's collections. */
export const tokenCollections = [apiTokens, tokenUses, tokenRates] as const

/** Small: between two pages requests are answered. */
const PAGE = 100
const LIVE: readonly StoredState[] = ['pending', 'active', 'quarantined', 'rotated']

/** Every token of these stored states, a page at a time. */
async function* held({ store, seal }: TokenDeps, states: readonly StoredState[]): AsyncGenerator<HeldToken> {
  for (const state of states) {
    for (let after: string | undefined; ; ) {
      const by = { tenant: TENANT, by: { state } }
      const page = await store.find(apiTokens.name, by, { limit: PAGE, ...(after ? { after } : {}) })
      for (const doc of page) yield { doc, record: await tokenOf(seal, doc) }
      await new Promise((next) => setImmediate(next))
      after = page.at(-1)?.id
      if (page.length < PAGE) break
    }
  }
}

async function list(
  { store, seal, settings, clock }: TokenDeps,
  owner: Owner,
  page: { readonly limit: number; readonly after?: string | undefined },
): Promise<readonly ShownToken[]> {
  // Ids as the store sorts them; the public ones sort alike, since they differ by a fixed beginning.
  const after = page.after?.replace(/^tok_/, '')
  const hash = ownerHash(seal, owner)
  const found = await Promise.all(
    STORED_STATES.map((state) =>
      store.find(
        apiTokens.name,
        { tenant: TENANT, by: { owner: hash, state } },
        { limit: page.limit, ...(after ? { after } : {}) },
      ),
    ),
  )
  const docs = found
    .flat()
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .slice(0, page.limit)
  return Promise.all(docs.map(async (doc) => shownToken(doc, await tokenOf(seal, doc), settings(), seconds(clock))))
}

/** What can be done to all tokens at once: nothing is changed by any of it. */
export interface TokenPolicies {
  /** Which token violates which policy in which way. */
  policyCheck(): Promise<readonly Violation[]>
  /** What another configuration would do to the tokens that exist. */
  policySimulate(next: TokenConfiguration): Promise<PolicySimulation>
  /** Stages the end of every token of an account that is erased, and of the records of their use. */
  endAccount(unit: Unit, sub: string): Promise<void>
  /** How many tokens an account has, ended ones too. */
  countAccount(sub: string): Promise<number>
  /** What the configuration allows of a token now. */
  limitsFor(record: Parameters<typeof limitsFor>[0]): ReturnType<typeof limitsFor>
  /** Names of the rates that its policies hold a token to now. */
  ratesFor(record: Parameters<typeof ratesFor>[0]): readonly string[]
}

function policyVerbs(deps: TokenDeps): TokenPolicies {
  const { settings, clock } = deps
  return {
    async policyCheck() {
      const found: Violation[] = []
      for await (const token of held(deps, LIVE)) found.push(...violationsOf(token, settings(), seconds(clock)))
      return found
    },
    async policySimulate(next) {
      const simulation = createSimulation({ before: settings(), after: next, now: seconds(clock) })
      for await (const token of held(deps, LIVE)) simulation.add(token)
      return simulation.result()
    },
    endAccount: (unit, sub) => endAccount(deps, unit, sub),
    countAccount: (sub) => countAccount(deps, sub),
    limitsFor: (record) => limitsFor(record, settings()),
    ratesFor: (record) => ratesFor(record, settings()),
  }
}

/** Opens the room. */
export function createTokens(deps: TokenDeps): TokenVerbs & TokenPolicies {
  return {
    ...policyVerbs(deps),
    create: (unit, order, by) => create(deps, unit, order, by),
    importByHash: (unit, order, by) => importByHash(deps, unit, order, by),
    async show(id) {
      const { doc, record } = await known(deps, deps.store, id)
      return shownToken(doc, record, deps.settings(), seconds(deps.clock))
    },
    list: (owner, page) => list(deps, owner, page),
    approve: (unit, id, by) => approve(deps, unit, id, by),
    quarantine: (unit, id, input) => quarantine(deps, unit, id, input),
    release: (unit, id, by) => release(deps, unit, id, by),
    rotate: (unit, id, input) => rotate(deps, unit, id, input),
    revoke: (unit, id, input) => revoke(deps, unit, id, input),
    narrow: (unit, id, input) => narrow(deps, unit, id, input),
  }
}

export type Tokens = ReturnType<typeof createTokens>
