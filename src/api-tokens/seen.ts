/** What is known of who uses a token: who was served, who was refused, which scopes served them. Pure: facts in, lists out. */

import { matchesPath } from './paths.ts'
import type { Asked, Reason } from './rules.ts'

/** How each outcome's count is called in the store. NOT_FOUND has no token to count at. */
export const COUNTS = {
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
export const isOutcome = (reason: Reason): reason is Outcome => reason !== 'NOT_FOUND'

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

/** Who presents a token: where from, with what, for what, and how the latest time ended. `lastSeen` in Unix seconds. */
export interface TokenUser {
  readonly network: string
  readonly agent: string
  readonly route: string
  readonly outcome: Outcome
  readonly lastSeen: number
}

/** Those who were served, who stand without the token when it ends; and those who were refused, kept apart so that they push nobody out. */
export interface TokenUsers {
  readonly served: readonly TokenUser[]
  readonly refused: readonly TokenUser[]
}

/** Scopes with their last successful use, Unix seconds. `unnamed`: the last success for which nobody said what it needed; 0: none. */
export interface UsedScopes {
  readonly at: Readonly<Record<string, number>>
  readonly unnamed: number
}

export const SERVED_MAX = 50
export const REFUSED_MAX = 20
/** A token can't carry more. */
const SCOPES_MAX = 64
const PARTS_MAX = 8

const AGENT_MAX = 160

/** An agent as it may be shown on a terminal: visible ASCII, as user agents are. */
export const agentOf = (agent = ''): string => agent.slice(0, AGENT_MAX).replaceAll(/[^\x20-\x7e]/g, '?')

/** A word of a path as people name routes; anything else is an id, a name, or what somebody hopes that an administrator reads. */
const WORD = /^(?:[a-z][a-z_.~-]{0,31}|v\d{1,2})$/i

/** A request's route in few words: the token's own template, or the path in a form that has no room for what a caller makes up. */
export function routeOf(templates: readonly string[], { method, path }: Asked): string {
  const verb = /^[a-z]{1,16}$/i.test(method ?? '') ? (method ?? '').toUpperCase() : ''
  if (path === undefined) return verb
  const plain = path.split('?')[0] ?? ''
  const [, ...parts] = plain.split('/')
  const shown = parts.slice(0, PARTS_MAX).map((part) => (part === '' || WORD.test(part) ? part : '{id}'))
  const named =
    templates.find((one) => matchesPath(one, plain)) ??
    `/${[...shown, ...(parts.length > PARTS_MAX ? ['**'] : [])].join('/')}`
  return `${verb} ${named}`.trim()
}

/** What is one user: its latest use stands for all. A refused one is told apart by how it was refused. */
export const keyOf = ({ network, agent, route, outcome }: Omit<TokenUser, 'lastSeen'>): string =>
  `${network}\n${agent}\n${route}\n${outcome}`

/**
 * The latest users, no more than `most`. Where there are too many, the oldest of the network with the most goes: one that makes up
 * agents and routes pushes out itself.
 */
export function latest(users: readonly TokenUser[], most: number): readonly TokenUser[] {
  const sorted = [...users].sort((a, b) => b.lastSeen - a.lastSeen)
  const counts = new Map<string, number>()
  for (const { network } of sorted) counts.set(network, (counts.get(network) ?? 0) + 1)
  while (sorted.length > most) {
    const fullest = Math.max(...counts.values())
    const n = sorted.findLastIndex(({ network }) => counts.get(network) === fullest)
    const [gone] = sorted.splice(n, 1)
    if (gone) counts.set(gone.network, fullest - 1)
  }
  return sorted
}

function joinedOnes(all: readonly TokenUser[], since: number, most: number): readonly TokenUser[] {
  const byKey = new Map<string, TokenUser>()
  for (const user of all) {
    const before = byKey.get(keyOf(user))
    if (user.lastSeen >= since && user.lastSeen >= (before?.lastSeen ?? 0)) byKey.set(keyOf(user), user)
  }
  return latest([...byKey.values()], most)
}

/** Both as one: each user once with its latest use, the latest first, no more than are kept. */
export function joined(some: TokenUsers, more: TokenUsers, since: number): TokenUsers {
  return {
    served: joinedOnes([...some.served, ...more.served], since, SERVED_MAX),
    refused: joinedOnes([...some.refused, ...more.refused], since, REFUSED_MAX),
  }
}

/** Both as one: each scope with its later use. */
export function joinedScopes(some: UsedScopes, more: UsedScopes): UsedScopes {
  const at: Record<string, number> = { ...some.at }
  for (const [scope, when] of Object.entries(more.at))
    if (Object.hasOwn(at, scope) || Object.keys(at).length < SCOPES_MAX) at[scope] = Math.max(at[scope] ?? 0, when)
  return { at, unnamed: Math.max(some.unnamed, more.unnamed) }
}

export const NO_USERS: TokenUsers = { served: [], refused: [] }
export const NO_SCOPES: UsedScopes = { at: {}, unnamed: 0 }
