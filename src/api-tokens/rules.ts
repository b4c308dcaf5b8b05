/**
 * The life of an API token: which state it is in, which change leads where, and what it may do now. Facts in, verdict out.
 * A token is never wider, longer-lived or more alive than its owner, its parent and the limits allow now.
 */

import type { Doc } from '../../adapters/store.ts'
import { isNoWider, isWithin } from './networks.ts'
import { isPathInside, matchesPath } from './paths.ts'
import type { Owner, Rights, StoredState, TokenKind, TokenRecord } from './records.ts'
import type { By } from './verbs.ts'

/** States as people see them. `rotating`: it still works beside its successor. */
export type TokenState =
  | 'pending'
  | 'not_yet'
  | 'active'
  | 'quarantined'
  | 'rotating'
  | 'rotated'
  | 'expired'
  | 'revoked'

/** What is done to a token. */
export type Change = 'approve' | 'quarantine' | 'release' | 'rotate' | 'revoke' | 'narrow'

const ALLOWED: Readonly<Record<Change, readonly TokenState[]>> = {
  approve: ['pending'],
  quarantine: ['active', 'rotating', 'not_yet'],
  release: ['quarantined'],
  rotate: ['active'],
  revoke: ['pending', 'not_yet', 'active', 'quarantined', 'rotating', 'rotated', 'expired'],
  narrow: ['pending', 'not_yet', 'active', 'quarantined', 'rotating'],
}

/** Whether a change may be made in a state. */
export const mayChange = (change: Change, state: TokenState): boolean => ALLOWED[change].includes(state)

/** What the store says of a token. */
export type TokenFacts = Pick<Doc, 'state' | 'revokedAt' | 'exp' | 'fields'>

/** The state at a moment (Unix seconds). */
export function stateOf(doc: TokenFacts, now: number): TokenState {
  const stored = doc.state as StoredState
  if (doc.revokedAt !== null || stored === 'revoked') return 'revoked'
  const overlap = doc.fields.overlapUntil
  if (stored === 'rotated' && !(typeof overlap === 'number' && now < overlap)) return 'rotated'
  if (doc.exp !== null && now >= doc.exp) return 'expired'
  if (stored === 'quarantined') return 'quarantined'
  if (stored === 'pending') return 'pending'
  if (stored === 'rotated') return 'rotating'
  const { notBefore } = doc.fields
  return typeof notBefore === 'number' && now < notBefore ? 'not_yet' : 'active'
}

/** Since when it was not used: its last use, else its making; a release from quarantine counts as one. Unix seconds. */
export function idleSince({ lastUse, iat, fields }: Pick<Doc, 'lastUse' | 'iat' | 'fields'>): number {
  const { idleFrom, notBefore } = fields
  const moments = [lastUse, iat, idleFrom, notBefore].filter((at) => typeof at === 'number')
  return Math.max(0, ...moments)
}

/** What the deployment allows of tokens now: a tightened limit bites tokens that exist. */
export interface Limits {
  readonly lifetimeSecondsMax: number
  /** Scopes that tokens of this kind and owner may carry; undefined: all that their owner has. */
  readonly scopes: readonly string[] | undefined
  readonly networks: Rights['networks']
  /** May not be used for so long before it is quarantined; undefined: no matter. */
  readonly idleSecondsMax: number | undefined
}

/** A parent, with what stands above it in its turn. */
export interface Parent {
  readonly doc: Doc
  readonly record: TokenRecord
  readonly above: Above
}

/** Who stands above a token. */
export interface Above {
  /** Whether the owner may be used now. */
  readonly ownerAlive: boolean
  /** Scopes that the owner holds now; undefined: not limited by it. */
  readonly ownerScopes: readonly string[] | undefined
  readonly limits: Limits
  /** Null: there is none; undefined: it is gone. */
  readonly parent: Parent | null | undefined
}

/** Why a token is not good for a request. For resource servers; a token's bearer is told none of it. */
export type Reason =
  | 'VALID'
  | 'NOT_FOUND'
  | 'EXPIRED'
  | 'REVOKED'
  | 'QUARANTINED'
  | 'NOT_YET'
  | 'IP_DENIED'
  | 'SCOPE_DENIED'
  | 'RATE_LIMITED'

const REASON: Readonly<Record<TokenState, Reason>> = {
  pending: 'NOT_YET',
  not_yet: 'NOT_YET',
  active: 'VALID',
  rotating: 'VALID',
  quarantined: 'QUARANTINED',
  rotated: 'REVOKED',
  expired: 'EXPIRED',
  revoked: 'REVOKED',
}

const both = (a: readonly string[] | undefined, b: readonly string[]): readonly string[] =>
  a === undefined ? b : b.filter((one) => a.includes(one))

/** What is left of a token's rights under who stands above it. */
export function effective(rights: Rights, above: Above): Rights {
  const own = both(above.limits.scopes, both(above.ownerScopes, rights.scopes))
  const { parent } = above
  return { ...rights, scopes: parent ? both(effective(parent.record, parent.above).scopes, own) : own }
}

/** When a token ends at the latest, whatever it says itself. Unix seconds. */
export function endsAt(token: { readonly exp: number | null; readonly iat: number | null }, above: Above): number {
  const byLimit = (token.iat ?? 0) + above.limits.lifetimeSecondsMax
  const { parent } = above
  return Math.min(token.exp ?? byLimit, byLimit, parent ? endsAt(parent.doc, parent.above) : Number.POSITIVE_INFINITY)
}

/** The parents of a token, the nearest first. */
export function parentsOf({ parent }: Above): readonly Parent[] {
  return parent ? [parent, ...parentsOf(parent.above)] : []
}

/**
 * Whether a token is good for anything, and why not. Its own policies hold for each parent too: a child may lack the label by which a
 * policy chose the parent, and must not be more alive for it.
 */
export function standing(doc: TokenFacts & Pick<Doc, 'iat' | 'lastUse'>, above: Above, now: number): Reason {
  const own = REASON[stateOf(doc, now)]
  if (own !== 'VALID') return own
  if (now >= endsAt(doc, above)) return 'EXPIRED'
  const { parent, limits } = above
  if (parent === undefined) return 'REVOKED'
  const parents = parent ? standing(parent.doc, parent.above, now) : 'VALID'
  if (parents !== 'VALID') return parents
  const { idleSecondsMax } = limits
  const isIdle = idleSecondsMax !== undefined && now - idleSince(doc) > idleSecondsMax
  return isIdle || !above.ownerAlive ? 'QUARANTINED' : 'VALID'
}

/** What a resource server wants to know of a request. */
export interface Asked {
  readonly address?: string | undefined
  readonly method?: string | undefined
  readonly path?: string | undefined
  readonly api?: string | undefined
  readonly scopes?: readonly string[] | undefined
  /** Those that the API declares: of a token for several APIs each is told its own; undefined: all. */
  readonly declared?: readonly string[] | undefined
}

/** Of one token, parents aside: what it and its limits say of a request. */
function placeReason({ networks, methods, paths, apis }: Rights, limits: Limits, asked: Asked): Reason {
  const { address, method, path, api } = asked
  if (!isWithin(limits.networks, address) || !isWithin(networks, address)) return 'IP_DENIED'
  const denied =
    (methods.length > 0 && !(method !== undefined && methods.includes(method.toUpperCase()))) ||
    (paths.length > 0 && !(path !== undefined && paths.some((one) => matchesPath(one, path)))) ||
    (apis.length > 0 && !(api !== undefined && apis.includes(api)))
  return denied ? 'SCOPE_DENIED' : 'VALID'
}

/** Whether a token is good for a request, with the reason. The strictest of token, owner, parents and limits holds. */
export function verdict(
  token: { readonly doc: TokenFacts & Pick<Doc, 'iat' | 'lastUse'>; readonly rights: Rights },
  above: Above,
  asked: Asked,
  now: number,
): Reason {
  const reason = standing(token.doc, above, now)
  if (reason !== 'VALID') return reason
  const scopes = both(asked.declared, effective(token.rights, above).scopes)
  if (asked.scopes?.some((scope) => !scopes.includes(scope))) return 'SCOPE_DENIED'
  if (scopes.length === 0 && token.rights.scopes.length > 0) return 'SCOPE_DENIED'
  const places = [
    placeReason(token.rights, above.limits, asked),
    ...parentsOf(above).map((parent) => placeReason(parent.record, parent.above.limits, asked)),
  ]
  return places.find((one) => one === 'IP_DENIED') ?? places.find((one) => one !== 'VALID') ?? 'VALID'
}

/** Whether `child` is no wider than `parent` in every right: whatever it admits, the parent admits. What can't be told counts as wider. */
export function isNarrower(child: Rights, parent: Rights): boolean {
  const among = (mine: readonly string[], theirs: readonly string[], isIn: (one: string, other: string) => boolean) =>
    theirs.length === 0 || (mine.length > 0 && mine.every((one) => theirs.some((other) => isIn(one, other))))
  const isSame = (one: string, other: string): boolean => one === other
  return (
    child.scopes.every((scope) => parent.scopes.includes(scope)) &&
    among(child.apis, parent.apis, isSame) &&
    among(child.methods, parent.methods, isSame) &&
    among(child.paths, parent.paths, isPathInside) &&
    isNoWider(child.networks, parent.networks)
  )
}

/** A kind may be owned by these. */
export const ownersOf = (kind: TokenKind): readonly string[] =>
  kind === 'personal' ? ['account'] : ['service', 'organisation']

const ACTOR: Readonly<Record<Owner['type'], string>> = {
  account: 'account',
  service: 'client',
  organisation: 'organisation',
}

/** An owner as the one who does something: what its own tokens do, it does. */
export const actorOf = ({ type, id }: Owner): By => `${ACTOR[type]} ${id}`

/** Whether somebody may have a token's text without a second person: who ordered it, and whose it is. The others are second persons. */
export const isHolder = ({ createdBy, owner }: Pick<TokenRecord, 'createdBy' | 'owner'>, by: By): boolean =>
  by === createdBy || by === actorOf(owner)
