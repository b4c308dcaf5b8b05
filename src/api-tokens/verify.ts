/**
 * The verification of API tokens: is this text good for this request, and why not. A mistyped text costs nothing, a token one read
 * while what stands above it is known, a hot one none. Nothing that is known is older than a second.
 */

import { createHash } from 'node:crypto'
import { seconds, TENANT } from '../base/index.ts'
import { networkOf } from '../http/index.ts'
import { isCredential, type Seal } from '../seal/index.ts'
import { ABOVE_MS_MAX, type AboveDeps, createAbove, isAlive, type ReadToken } from './above.ts'
import { Fresh } from './fresh.ts'
import type { Rates } from './rates.ts'
import { apiTokens, type Owner, publicId, storedId, TEXT_KIND, type TokenKind, tokenId, tokenOf } from './records.ts'
import { type Above, type Asked, effective, endsAt, type Reason, verdict } from './rules.ts'
import type { Usage } from './usage.ts'
import { routeOf } from './use-records.ts'

/** What the verifier uses. */
export interface VerifierDeps extends AboveDeps {
  /** Whether the deployment has imported any token by hash; asked once a second at most. Without it there are none. */
  readonly foreign?: () => Promise<boolean>
  /** How old a token's own document may be, in milliseconds: 1000, and never more. 0: it is read every time. */
  readonly documentMsMax?: number
  readonly rates?: Pick<Rates, 'take'>
  readonly usage?: Pick<Usage, 'note'>
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
const OWN = /^mm_/
const KINDS = Object.values(TEXT_KIND)
const AGENT_MAX = 160

/** Whether a text has the shape of our own API tokens, well formed or not. */
export const looksOurs = (text: string): boolean => KINDS.some((kind) => text.startsWith(`mm_${kind}_`))

/** The id of a token that was imported by the SHA-256 of its text (hexadecimal). */
export const foreignId = (seal: Seal, sha256: string): string =>
  seal.hash('credential', TENANT, 'foreign-token', sha256.toLowerCase())

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
  return { reason, token: factsOf(token) }
}

/** The same for a request that is made with it: rates are taken, and the use is noted. */
function presentAt(deps: VerifierDeps, token: FoundToken, asked: Presented): Verified {
  const judged = judgeAt(token, asked, seconds(deps.clock))
  const { doc, record } = token
  const line = doc.family ?? doc.id
  const wait = judged.reason === 'VALID' ? deps.rates?.take({ record, line, owner: doc.owner ?? line }) : undefined
  const outcome = wait === undefined ? judged.reason : 'RATE_LIMITED'
  deps.usage?.note({
    id: doc.id,
    outcome,
    network: asked.address === undefined ? '' : networkOf(asked.address),
    agent: (asked.agent ?? '').slice(0, AGENT_MAX),
    route: routeOf(record.paths, asked),
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
    if (KINDS.some((kind) => isCredential(text, kind))) return tokenId(seal, text)
    if (text === '' || text.length > TEXT_MAX || OWN.test(text) || !deps.foreign) return undefined
    if (!(await imports.get('', deps.foreign))) return undefined
    return foreignId(seal, createHash('sha256').update(text).digest('hex'))
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
    /** Finds and presents: the whole of it for one request. */
    async verify(text: string, asked: Presented = {}): Promise<Verified> {
      const token = await find(text)
      return token ? present(token, asked) : { reason: 'NOT_FOUND' }
    },
    /** Whether what was derived from a token is still good: the token lives, and still has these scopes. */
    async carries(id: string, scopes: readonly string[]): Promise<FoundToken | undefined> {
      const token = await found(storedId(id))
      if (!token || !isAlive(token, token.above, seconds(clock))) return undefined
      const left = effective(token.record, token.above).scopes
      return scopes.every((scope) => left.includes(scope)) ? token : undefined
    },
    /** What this node has changed itself is read at the next use. */
    async forget(id: string): Promise<void> {
      const key = storedId(id)
      const token = await documents.peek(key)
      documents.forget(key)
      if (token) above.forget({ line: token.doc.family ?? key, owner: token.record.owner })
    },
  }
}

export type Verifier = ReturnType<typeof createVerifier>
