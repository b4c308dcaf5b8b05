/** What the verbs share: what they use, how a token is found, changed by one conditional write, and told of. */

import type { Change, Doc, Store } from '../../adapters/store.ts'
import { type Clock, type Random, seconds, TENANT, type Unit } from '../base/index.ts'
import type { RotationFacts } from '../config/index.ts'
import type { Seal } from '../seal/index.ts'
import { refuse } from './errors.ts'
import type { TokenConfiguration } from './limits.ts'
import { shownToken, stateNow } from './present.ts'
import { apiTokens, type Owner, ownerHash, publicId, storedId, type TokenRecord, tokenOf } from './records.ts'
import { type Change as Done, mayChange } from './rules.ts'
import type { By, ShownToken } from './verbs.ts'

/** How an owner stands now. `scopes`: those that it holds; undefined: not limited by it. */
export interface OwnerStanding {
  readonly scopes: readonly string[] | undefined
  /** Of a service: its client, as rotation policies know clients. */
  readonly client?: RotationFacts['client']
}

/** What the verbs use. */
export interface TokenDeps {
  readonly store: Pick<Store, 'get' | 'find' | 'count'>
  readonly seal: Seal
  readonly clock: Clock
  readonly random: Random
  /** The configuration that runs now. */
  readonly settings: () => TokenConfiguration
  /** How an owner stands; undefined: it does not exist or may not be used now. */
  readonly owner: (owner: Owner) => Promise<OwnerStanding | undefined>
  /** The declared APIs with their scopes. */
  readonly apis: () => Promise<readonly { readonly id: string; readonly scopes: Readonly<Record<string, string>> }[]>
}

/** A token that was read. */
export interface Known {
  readonly doc: Doc
  readonly record: TokenRecord
}

/** Stored ids are hashes in base64url: anything else is nobody's. */
const ID = /^[\w-]{1,100}$/

/** A token by its public id. Refuses one that there is not. */
export async function known({ seal }: Pick<TokenDeps, 'seal'>, reader: Pick<Store, 'get'>, id: string): Promise<Known> {
  const stored = storedId(id)
  const doc = ID.test(stored) ? await reader.get(apiTokens.name, stored) : undefined
  if (!doc) throw refuse('token_unknown', { id })
  return { doc, record: await tokenOf(seal, doc) }
}

/** A token that a change may be made to now. */
export async function changeable(deps: TokenDeps, unit: Unit, id: string, change: Done): Promise<Known> {
  const found = await known(deps, unit, id)
  const state = stateNow(found.doc, found.record, deps.settings(), seconds(deps.clock))
  if (!mayChange(change, state)) throw refuse('token_state', { id, change, state })
  return found
}

/** Refuses where the owner may not be used now. */
export async function standing(deps: TokenDeps, owner: Owner): Promise<OwnerStanding> {
  const found = await deps.owner(owner)
  if (!found) throw refuse('owner_unusable', { type: owner.type })
  return found
}

/** Stages a change of a token as the unit's one conditional write: whoever read the same and comes later has lost. */
export function decide(unit: Unit, { doc }: Pick<Known, 'doc'>, set: Change): void {
  const { id, state, rev } = doc
  unit.decide({ collection: apiTokens.name, id, if: { revokedAt: null, state, rev }, set }, doc)
}

/** What every event says: which token, whose, by whom and why. Kept only with the writes that it tells of. */
export function tell(
  deps: Pick<TokenDeps, 'seal'>,
  unit: Unit,
  { doc, record }: Known,
  what: {
    readonly event: string
    readonly by: By
    readonly why?: string | undefined
    readonly more?: Readonly<Record<string, unknown>>
  },
): void {
  const about = { id: publicId(doc.id), line: doc.family, owner: ownerHash(deps.seal, record.owner) }
  unit.note(`api_token.${what.event}`, { ...about, by: what.by, why: what.why ?? null, ...what.more }, 'written')
}

/** A token as this unit leaves it. */
export async function shownIn(deps: TokenDeps, unit: Unit, id: string): Promise<ShownToken> {
  const { doc, record } = await known(deps, unit, id)
  return shownToken(doc, record, deps.settings(), seconds(deps.clock))
}

/** The token of a line that has no successor: the one that children depend on. */
export async function headOf({ store }: Pick<TokenDeps, 'store'>, line: string): Promise<Doc | undefined> {
  const docs = await store.find(apiTokens.name, { tenant: TENANT, by: { family: line } }, { limit: 1000 })
  const heads = docs.filter(({ fields }) => typeof fields.successor !== 'string')
  return heads.find(({ revokedAt, state }) => revokedAt === null && state !== 'revoked') ?? heads[0]
}

/** When the first token of a line was made: a rotation makes no chain younger. Unix seconds. */
export async function lineSince({ store }: Pick<TokenDeps, 'store'>, { doc, record }: Known): Promise<number> {
  if (record.lineSince !== undefined) return record.lineSince
  // A line is called after its first token.
  const isFirst = doc.family === null || doc.family === doc.id
  const first = isFirst ? doc : await store.get(apiTokens.name, doc.family ?? doc.id)
  return first?.iat ?? record.createdAt
}
