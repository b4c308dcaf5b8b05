/** Who calls the API: a person, a client or an API token, by the bearer token of the request (RFC 6750, 2.1). */

import { actorOf, type By } from '../api-tokens/index.ts'
import type { ApiTokenFacts, Doors, Scope, Seen } from './doors.ts'
import { MANAGEMENT_API } from './doors.ts'
import { refuse } from './problems.ts'

/** The caller. */
export interface Principal {
  readonly kind: 'account' | 'client' | 'token'
  /** In words that tell every caller from every other; for idempotency and cursors. */
  readonly name: string
  /** For the record. An API token acts as its owner: four eyes are not two tokens of one person. */
  readonly by: By
  /** The person behind it, where there is one. */
  readonly account: string | undefined
  readonly scopes: readonly string[]
  /** Where the caller is an API token. */
  readonly token: { readonly id: string; readonly expiresAt: number } | undefined
}

/** What a route needs of its caller. */
export interface Policy {
  /** One of these lets the caller at every object. */
  readonly any: readonly [Scope, ...Scope[]]
  /** Whether `tokens:self` lets a caller at tokens of its own account. */
  readonly own: boolean
}

/** How far a caller reaches on a route. */
export type Reach = 'all' | 'own'

const BEARER_LENGTH_MAX = 8192
/** An opaque access token of ours, or anything with the three parts of a JWT; everything else can only be an API token. */
const isAccessToken = (text: string): boolean => /^mm_(at|cc)_/.test(text) || text.split('.').length === 3

/** An API token as a caller, whether it came itself or as an access token that it was exchanged for. */
function tokenPrincipal({ id, owner, scopes, expiresAt }: ApiTokenFacts): Principal {
  return {
    kind: 'token',
    name: `token ${id}`,
    by: actorOf(owner),
    account: owner.type === 'account' ? owner.id : undefined,
    scopes,
    token: { id, expiresAt },
  }
}

/** The caller of a request. Throws `token_missing` or `token_invalid`, and says no more. */
export async function principalOf(
  doors: Pick<Doors, 'accessToken' | 'apiToken'>,
  authorization: string,
  seen: Seen,
): Promise<Principal> {
  if (authorization === '') throw refuse('token_missing')
  const text = /^Bearer ([\w\-.~+/]+=*)$/i.exec(authorization.slice(0, BEARER_LENGTH_MAX))?.[1]
  if (text === undefined) throw refuse('token_invalid')
  if (isAccessToken(text)) {
    const facts = await doors.accessToken(text, { ...seen, api: MANAGEMENT_API })
    if (!facts || facts.isBound) throw refuse('token_invalid')
    // Not the client that exchanged it: four eyes, keys and cursors are the owner's, and so is the rule that a token hands out children only.
    if (facts.source) return tokenPrincipal(facts.source)
    const { account, client, scopes } = facts
    const by = account === undefined ? `client ${client}` : `account ${account}`
    // The client is part of the name: two applications of one person don't share keys and cursors.
    const name = account === undefined ? by : `${by} through ${client}`
    return { kind: account === undefined ? 'client' : 'account', name, by, account, scopes, token: undefined }
  }
  const facts = await doors.apiToken(text, { ...seen, api: MANAGEMENT_API })
  if (!facts) throw refuse('token_invalid')
  return tokenPrincipal(facts)
}

/** How far a policy lets a caller reach. Throws `insufficient_scope` where it does not: there is no other way in. */
export function reachOf(policy: Policy, { scopes, account }: Pick<Principal, 'scopes' | 'account'>): Reach {
  if (policy.any.some((scope) => scopes.includes(scope))) return 'all'
  if (policy.own && account !== undefined && scopes.includes('tokens:self')) return 'own'
  throw refuse('insufficient_scope', { needs: policy, has: scopes })
}
