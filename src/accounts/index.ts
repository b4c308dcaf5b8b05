/**
 * Accounts: the persons, and the organisations, whose credentials these are.
 * Owns login names, passwords, personal data, organisations and the throttling of attempts. It refuses to know sessions and tokens.
 */

import { type AccountDeps, accountActions, refuse } from './actions.ts'
import { organisationActions, organisations, refuse as refuseOrganisation } from './organisations.ts'
import { accounts, claims, names, throttles } from './records.ts'

export { claimsOf, type SignIn } from './actions.ts'
export { createHasher, type Hasher } from './hashing.ts'
export type { Organisation } from './organisations.ts'
export type { AccountRecord } from './records.ts'
export { PASSWORD_LENGTH_MIN, passwordFault } from './rules.ts'
export { createThrottle, type Throttle } from './throttle.ts'

/** What this room refuses. */
export const accountRefusals = { ...refuse.table, ...refuseOrganisation.table } as const

/** This room's collections. */
export const accountCollections = [accounts, names, throttles, claims, organisations] as const

/** Those whose documents say whether an owner of credentials may be used. */
export const ownerCollections = [accounts.name, organisations.name] as const

/** Opens the room. Makes one dummy hash, against which unknown names are checked at the same cost. */
export async function createAccounts(deps: AccountDeps) {
  const people = accountActions(deps, await deps.hasher.hash(deps.random.bytes(18).toString('base64url')))
  return { ...people, ...organisationActions(deps) }
}

export type Accounts = Awaited<ReturnType<typeof createAccounts>>
