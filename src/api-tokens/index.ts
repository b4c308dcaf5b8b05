/**
 * API tokens: long-lived credentials that a person, a service or an organisation holds.
 * Owns their records, their states and what each may do now. It refuses to know requests, routes and the library.
 */

import { tokenRates } from './rates.ts'
import { apiTokens } from './records.ts'
import { tokenUses } from './use-records.ts'

export { hasForeign, stageForeignMark } from './foreign.ts'
export type { Rate } from './rates.ts'
export type { Networks, Owner, Rights, TokenKind, TokenRecord } from './records.ts'
export { foreignTokenId, publicId } from './records.ts'
export type { Above, Asked, Limits, Reason, TokenState } from './rules.ts'
export type { Usage } from './usage.ts'
export { createTokenUse, type TokenUse, type TokenUseDeps } from './use.ts'
export type { TokenUser } from './use-records.ts'
export type { By, ShownToken, TokenOrder, TokenVerbs } from './verbs.ts'
export { type FoundToken, mayBeToken, type Presented, type TokenFacts, type Verified, type Verifier } from './verify.ts'

/** This room's collections. */
export const tokenCollections = [apiTokens, tokenUses, tokenRates] as const
