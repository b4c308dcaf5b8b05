/**
 * The verification of API tokens: is this text good for this request, and why not. A mistyped text costs nothing, a token one read
 * while what stands above it is known, a hot one none. Nothing that is known is older than a second.
 */

import { createHash } from 'node:crypto'
import type { Writes } from '../../adapters/store.ts'
import { seconds } from '../base/index.ts'
import { networkOf } from '../http/index.ts'
import { isCredential } from '../seal/index.ts'
import { ABOVE_MS_MAX, type AboveDeps, createAbove, type ReadToken } from './above.ts'
import { hasForeign } from './foreign.ts'
import { Fresh } from './fresh.ts'
import { changesIn } from './own-changes.ts'
import type { Rates } from './rates.ts'
import {
  apiTokens,
  foreignTokenId,
  type Owner,
  publicId,
  storedId,
  type TokenKind,
  tokenId,
  tokenOf,
} from './records.ts'
import { type Above, type Asked, effective, endsAt, parentsOf, type Reason, standing, verdict } from './rules.ts'
import { agentOf, routeOf } from './seen.ts'
import { standingReason } from './standing.ts'
import type { Usage } from './usage.ts'

/** What the verifier uses. */
export interface VerifierDeps extends AboveDeps {
  /** How old a token's own document may be, in milliseconds: 1000, and never more. 0: it is read every time. */
  readonly documentMsMax?: number
  readonly rates?: Pick<Rates, 'take'>
  readonly usage?: Pick<Usage, 'note'>
  /** Collections whose documents say whether an owner may be used, and with which scopes. */
  readonly ownerCollections?: readonly string[]
  /** Hears of every use of a trap, whoever asks and whatever its state; it must not throw, and nobody waits for it. */
  readonly canary?: (
    token: Pick<TokenFacts, 'id' | 'name' | 'owner'> & { readonly keptAt: string },
    seen: {
      readonly network?: string | undefined
      readonly agent?: string | undefined
      readonly method?: string | undefined
      readonly path?: string | undefined
      readonly client?: string | undefined
    },
  ) => unknown
}

/** What may be said of a token; nothing of it opens anything. Times in Unix seconds. */
export interface TokenFacts {
  /** `tok_...` */
  readonly id: string
  readonly line: string
  readonly name: string
  readonly kind: TokenKind
  readonly owner: Owner
  /** Those that are left under owner, parent and limits. */
  readonly scopes: readonly string[]
  readonly apis: readonly string[]
  readonly labels: readonly string[]
  readonly iat: number | null
  /** Its end, whoever brings it. */
  readonly exp: number
  readonly canary: boolean
}

/** A token with what stands above it, as it was found. */
export interface FoundToken extends ReadToken {
  readonly above: Above
}

/** What is asked of a request, with what only the records of use want to know. */
export interface Presented extends Asked {
  readonly agent?: string | undefined
  /** The client that asks. */
  readonly client?: string | undefined
}

/** The answer. `token` is there whenever one was found, good or not. */
export interface Verified {
  readonly reason: Reason
  readonly token?: TokenFacts
  /** With RATE_LIMITED: when there is room again. */
  readonly retryAfterSeconds?: number
}

const ENTRIES_MAX = 50_000
const TEXT_MAX = 4096
const OURS = /^([a-z]{1,12})_(pat|svc)_/

/** Whether a text is one of our own API tokens by its checksum, under whatever prefix; says nothing about being known. */
export function isTokenText(text: string): boolean {
  const [, prefix, kind] = OURS.exec(text) ?? []
  return prefix !== undefined && kind !== undefined && isCredential(text, kind, prefix)
}

/** Whether a text can be an API token at all: one of our own, well formed or not, or one of another system. */
export const mayBeToken = (text: string): boolean => OURS.test(text) || !text.startsWith('mm_')

/** What may be said of a token that was found. */
export function factsOf({ doc, record, above }: FoundToken): TokenFacts {
  return {
    id: publicId(doc.id),
    line: doc.family ?? doc.id,
    name: record.name,
    kind: record.kind,
    owner: record.owner,
    scopes: effective(record, above).scopes,
    apis: record.apis,
    labels: record.labels,
    iat: doc.iat,
    exp: endsAt(doc, above),
    canary: record.canary,
  }
}

/** What a found token is good for now. Counts nothing. */
function judgeAt(token: FoundToken, asked: Asked, now: number): Verified {
  const reason = verdict({ doc: token.doc, rights: token.record }, token.above, asked, now)
  const facts = factsOf(token)
  const { declared } = asked
  return {
    reason,
    token: declared ? { ...facts, scopes: facts.scopes.filter((one) => declared.includes(one)) } : facts,
  }
}

/** Tells of a trap that was stepped on; nothing for any other token. */
function alarm({ canary }: VerifierDeps, { doc, record }: FoundToken, asked: Presented): void {
  if (!record.canary) return
  const { address, agent, method, path, client } = asked
  const network = address === undefined ? undefined : networkOf(address)
  const { name, owner, keptAt } = record
  canary?.({ id: publicId(doc.id), name, owner, keptAt }, { network, agent, method, path, client })
}

/** Takes a point of every limit that holds; then, where there was none to take, how many seconds until there is. */
function takenFrom({ rates }: VerifierDeps, { doc, record, above }: FoundToken): number | undefined {
  const lines = [{ doc, record }, ...parentsOf(above)].map((one) => ({
    line: one.doc.family ?? one.doc.id,
    record: one.record,
  }))
  return rates?.take({ lines, owner: doc.owner ?? doc.family ?? doc.id })
}

/** The same for a request that is made with it: rates are taken, and the use is noted. */
function presentAt(deps: VerifierDeps, token: FoundToken, asked: Presented): Verified {
  const judged = judgeAt(token, asked, seconds(deps.clock))
  const { doc, record } = token
  const wait = judged.reason === 'VALID' ? takenFrom(deps, token) : undefined
  const outcome = wait === undefined ? judged.reason : 'RATE_LIMITED'
  alarm(deps, token, asked)
  deps.usage?.note({
    id: doc.id,
    account: doc.account,
    outcome,
    network: asked.address === undefined ? '' : networkOf(asked.address),
    agent: agentOf(asked.agent),
    route: routeOf(record.paths, asked),
    ...(asked.scopes && asked.scopes.length > 0
      ? { scopes: asked.scopes.filter((one) => record.scopes.includes(one)) }
      : {}),
  })
  return wait === undefined ? judged : { ...judged, reason: outcome, retryAfterSeconds: wait }
}

/** Makes the verifier. */
export function createVerifier(deps: VerifierDeps) {
  const { store, seal, clock } = deps
  const above = createAbove(deps)
  const msMax = Math.min(deps.documentMsMax ?? ABOVE_MS_MAX, ABOVE_MS_MAX)
  const documents = new Fresh<ReadToken>(clock, { msMax, entriesMax: ENTRIES_MAX })
  const imports = new Fresh<boolean>(clock, { msMax: ABOVE_MS_MAX, entriesMax: 1 })

  async function idOf(text: string): Promise<string | undefined> {
    if (isTokenText(text)) return tokenId(seal, text)
    if (text === '' || text.length > TEXT_MAX || text.startsWith('mm_')) return undefined
    if (!(await imports.get('', () => hasForeign(deps)))) return undefined
    return foreignTokenId(seal, createHash('sha256').update(text).digest('hex'))
  }

  async function read(id: string): Promise<ReadToken | undefined> {
    const doc = await store.get(apiTokens.name, id)
    return doc && { doc, record: await tokenOf(seal, doc) }
  }

  async function found(id: string, isFresh = false): Promise<FoundToken | undefined> {
    const token = await documents[isFresh ? 'renew' : 'get'](id, () => read(id))
    return token && { ...token, above: await above.of(token, isFresh) }
  }

  const present = (token: FoundToken, asked: Presented): Verified => presentAt(deps, token, asked)

  async function find(text: string, { isFresh = false } = {}): Promise<FoundToken | undefined> {
    const id = await idOf(text)
    return id === undefined ? undefined : found(id, isFresh)
  }

  return {
    /** The token of a text, whatever its state. `isFresh`: nothing that is cached counts, for whoever issues on its strength. */
    find,
    judge: (token: FoundToken, asked: Asked): Verified => judgeAt(token, asked, seconds(clock)),
    present,
    /** For whoever answers nothing about a token that was presented all the same. */
    alarm: (token: FoundToken, asked: Presented): void => alarm(deps, token, asked),
    /** Finds and presents: the whole of it for one request. */
    async verify(text: string, asked: Presented = {}): Promise<Verified> {
      const token = await find(text)
      return token ? present(token, asked) : { reason: 'NOT_FOUND' }
    },
    /** What would be answered for a token now, whatever the request. Counts nothing. */
    standing: async (token: ReadToken): Promise<Reason> => standingReason(token, await above.of(token), seconds(clock)),
    /** Whether what was derived from a token is still good: the token lives, and still has these scopes. */
    async carries(id: string, scopes: readonly string[]): Promise<FoundToken | undefined> {
      const token = await found(storedId(id))
      if (!token || standing(token.doc, token.above, seconds(clock)) !== 'VALID') return undefined
      const left = effective(token.record, token.above).scopes
      return scopes.every((scope) => left.includes(scope)) ? token : undefined
    },
    /** What this node has committed itself is read at the next use; other nodes know it a second later at most. */
    heard(unit: Writes): void {
      const { tokens, owners } = changesIn(unit, deps.ownerCollections ?? [])
      if (owners) above.forgetOwners()
      if (tokens === undefined) return
      if (tokens === 'all') documents.clear()
      else for (const id of tokens) documents.forget(id)
      above.forgetParents()
      imports.clear()
    },
  }
}

export type Verifier = ReturnType<typeof createVerifier>
