/** API tokens in the inventory: every question is a query of an index that ends with the expiry, so that the dead are outside it. */

import type { Doc, Index, Store } from '../../../adapters/store.ts'
import {
  apiTokens,
  ownerHash,
  publicId,
  scopeHash,
  stateOf,
  type TokenRecord,
  tokenOf,
} from '../../api-tokens/index.ts'
import { TENANT } from '../../base/index.ts'
import type { Seal } from '../../seal/index.ts'
import { type Credential, isMeant } from '../credential.ts'
import { DocumentSource, type Leg, type Way } from '../documents.ts'
import type { Asked, State } from '../filter.ts'
import type { InventorySource } from '../source.ts'

/** States that are kept with `exp` as their only end; rotated ones end with their overlap. */
const BY_EXPIRY = ['active', 'pending', 'quarantined'] as const

/** What a rotation policy says of a token; null: nothing is planned. */
export type NextRotation = (token: { readonly doc: Doc; readonly record: TokenRecord }) => Credential['next']

type By = Index['by']

/** Whatever the equalities find and lives, by expiry; each once. */
function byExpiry(asked: Asked, by: By, exact: boolean): readonly Leg[] {
  const { now, expiresBefore, noExpiry } = asked
  const ends = expiresBefore === undefined ? {} : { below: expiresBefore }
  const dated = { index: { tenant: TENANT, by, range: { field: 'exp', from: now + 1, ...ends } }, exact } as const
  const undated = { index: { tenant: TENANT, by: { ...by, exp: null } }, exact } as const
  return [...(noExpiry ? [] : [dated]), ...(expiresBefore === undefined ? [undated] : [])]
}

/** What was not used since; the expired among them are few and taken off a count. */
function unused(asked: Asked, state: string, since: number, exact: boolean): readonly Leg[] {
  const { now } = asked
  const expired = { tenant: TENANT, by: { state }, range: { field: 'exp', below: now + 1 } } as const
  return [
    {
      index: { tenant: TENANT, by: { state, lastUse: null }, range: { field: 'iat', below: since } },
      exact,
      but: { index: expired, holds: ({ lastUse, iat }) => lastUse === null && iat !== null && iat < since },
    },
    {
      index: { tenant: TENANT, by: { state }, range: { field: 'lastUse', below: since } },
      exact,
      but: { index: expired, holds: ({ lastUse }) => lastUse !== null && lastUse < since },
    },
  ]
}

/**
 * Rotated tokens that still work. Where each of them has its overlap's end as its `exp`, as rotating them sets it, they are found as
 * all others are; where one has not, which two counts tell, by their overlaps, each looked at.
 */
async function endWithOverlap(store: Pick<Store, 'count'>, now: number): Promise<boolean> {
  const by = { state: 'rotated' }
  const [ending, undated, overlapping] = await Promise.all([
    store.count(apiTokens.name, { tenant: TENANT, by, range: { field: 'exp', from: now + 1 } }),
    store.count(apiTokens.name, { tenant: TENANT, by: { ...by, exp: null } }),
    store.count(apiTokens.name, { tenant: TENANT, by, range: { field: 'fields.overlapUntil', from: now + 1 } }),
  ])
  // No overlap outlives its token, so equal numbers are the same tokens.
  return undated === 0 && ending === overlapping
}

function waysOf(seal: Seal, asked: Asked, endsWithOverlap: boolean): readonly Way[] {
  const { state, owner, scope, unusedSince, unbound, noExpiry, expiresBefore, now } = asked
  const states = BY_EXPIRY.filter((one) => state === undefined || state === one)
  const rotated = state === undefined || state === 'rotating'
  const overlapping = {
    tenant: TENANT,
    by: { state: 'rotated' },
    range: { field: 'fields.overlapUntil', from: now + 1 },
  } as const
  const asks = [
    owner && 'owner',
    scope !== undefined && 'scope',
    unusedSince !== undefined && 'unused',
    unbound && 'unbound',
  ]
  const names = asks.filter((one) => typeof one === 'string')
  const alone = (name: string): boolean => names.every((one) => one === name)
  const way = (name: string, legs: (stored: string) => readonly Leg[], last?: readonly Leg[]): Way => {
    const own = last ?? (endsWithOverlap ? legs('rotated') : [{ index: overlapping, exact: false }])
    return { name, legs: [...states.flatMap(legs), ...(rotated ? own : [])] }
  }
  const ways: Way[] = []
  if (owner)
    ways.push(
      way('owner', (stored) => byExpiry(asked, { owner: ownerHash(seal, owner), state: stored }, alone('owner'))),
    )
  if (scope !== undefined)
    ways.push(
      way('scope', (stored) => byExpiry(asked, { scopes: scopeHash(seal, scope), state: stored }, alone('scope'))),
    )
  if (unbound)
    ways.push(way('unbound', (stored) => byExpiry(asked, { state: stored, 'fields.bound': 0 }, alone('unbound'))))
  if (unusedSince !== undefined) {
    const exact = alone('unused') && !noExpiry && expiresBefore === undefined
    const looked = [{ index: overlapping, exact: false }]
    ways.push(way('unused', (stored) => unused(asked, stored, unusedSince, exact), looked))
  }
  if (ways.length === 0 || noExpiry || expiresBefore !== undefined)
    ways.push(way('expiry', (stored) => byExpiry(asked, { state: stored }, names.length === 0)))
  return ways
}

const SHOWN: Readonly<Record<string, State>> = { pending: 'pending', quarantined: 'quarantined', rotated: 'rotating' }
const LIVE: ReadonlySet<string> = new Set(['pending', 'not_yet', 'active', 'quarantined', 'rotating'])

/** What the filter's other words are about. */
const columnsOf = (doc: Doc) =>
  ({
    kind: 'api-token',
    owner: null,
    scopes: [],
    binding: doc.fields.bound === 1 ? 'network' : 'none',
    state: SHOWN[doc.state] ?? 'active',
    createdAt: doc.iat,
    lastUsedAt: doc.lastUse,
    expiresAt: doc.exp,
  }) as const

/** Makes the source. `next`: when and why a token is rotated next. */
export function tokenSource(deps: {
  readonly store: Pick<Store, 'find' | 'count'>
  readonly seal: Seal
  readonly next?: NextRotation
  /** What verification answers for a token now: its owner may be gone, or its time not have come, in whatever state it is. */
  readonly standing?: (token: { readonly doc: Doc; readonly record: TokenRecord }) => Promise<string>
}): InventorySource {
  const { seal } = deps
  return new DocumentSource(deps.store, {
    kind: 'api-token',
    collection: apiTokens.name,
    ways: async (asked) => waysOf(seal, asked, await endWithOverlap(deps.store, asked.now)),
    // All that can be asked of a token stands in clear.
    judge(doc, asked) {
      const { owner, scope } = asked
      return (
        LIVE.has(stateOf(doc, asked.now)) &&
        (!owner || doc.owner === ownerHash(seal, owner)) &&
        (scope === undefined || doc.scopes.includes(scopeHash(seal, scope))) &&
        isMeant(columnsOf(doc), { ...asked, owner: undefined, scope: undefined })
      )
    },
    async present(doc) {
      const record = await tokenOf(seal, doc)
      return {
        ...columnsOf(doc),
        id: publicId(doc.id),
        owner: record.owner,
        name: record.name,
        purpose: record.purpose,
        scopes: record.scopes,
        ...(deps.standing ? { standing: await deps.standing({ doc, record }) } : {}),
        next: deps.next?.({ doc, record }) ?? null,
      }
    },
  })
}
