/**
 * API tokens: long-lived credentials that a person, a service or an organisation holds.
 * Owns their records, their states and what each may do now. It refuses to know requests, routes and the library.
 */

import { apiTokens } from './records.ts'

export type { Networks, Owner, Rights, TokenKind, TokenRecord } from './records.ts'
export { apiTokens, ownerHash, publicId, scopeHash, storedId, tokenId, tokenOf } from './records.ts'
export type { Above, Asked, Limits, Reason, TokenState } from './rules.ts'
export { stateOf } from './rules.ts'
export type { By, ShownToken, TokenOrder, TokenVerbs } from './verbs.ts'

/** This room's collections. */
export const tokenCollections = [apiTokens] as const
