/**
 * OAuth tokens that were reported as leaked. A report is hashed when it comes in and worked off later (never a clear token between): `mark`
 * is the first half, `end` the second. What ends is the least that takes the token out of use: its family where it has one.
 */

import type { Store } from '../../adapters/store.ts'
import { type Clock, overRivals, seconds, type Unit } from '../base/index.ts'
import type { Keyring } from '../keys/index.ts'
import { endOne } from '../revocation/index.ts'
import type { Seal, TokenKind } from '../seal/index.ts'
import { artefacts, createRecords } from './records.ts'
import { verifiedJwt } from './verified-jwt.ts'

/** What is left of a reported text. Hashes, none of which opens anything. */
export interface OauthMark {
  /** Ids that documents of this text would have: access tokens and a family. */
  readonly ids: readonly string[]
  /** Public id of the API token that it was exchanged for, where the text says so under our signature. */
  readonly token: string | null
  /** Under our signature and not over: ours although there may be no document of it. */
  readonly isOurs: boolean
}

/** What it uses. */
export interface LeakedDeps {
  readonly store: Pick<Store, 'get'>
  readonly seal: Seal
  readonly clock: Clock
  readonly issuer: string
  readonly keyring: Pick<Keyring, 'verifier'>
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
}

const TRIES = 5
const LIVE_KINDS: readonly string[] = ['Family', 'AccessToken', 'ClientCredentials']

/** Makes the two halves. */
export function createLeaked(deps: LeakedDeps) {
  const { store, seal, clock } = deps
  const records = createRecords(seal)
  const jwts = { issuer: deps.issuer, keyOf: deps.keyring.verifier, now: () => new Date(clock.now()) }

  /** The text where it is of this kind and of ours, else one that names nothing: the same hashes are made of both. */
  const orNobodys = (kind: TokenKind, text: string): string => (seal.read(kind, text) ? text : `mm_${kind}_1`)

  /** The document behind an id, if it lets anyone in now. */
  async function live(reader: Pick<Store, 'get'>, id: string) {
    const doc = await reader.get(artefacts.name, id)
    const isOver = doc?.exp !== null && (doc?.exp ?? 0) <= seconds(clock)
    return doc && LIVE_KINDS.includes(doc.kind) && doc.revokedAt === null && !isOver ? doc : undefined
  }

  async function endDocument(id: string, by: string): Promise<boolean> {
    const unit = deps.unit()
    const doc = await live(unit, id)
    if (!doc) return false
    // An access token of a sign-in: whoever had it had the answer that the refresh token came in, or a log of the same place.
    const family = doc.kind === 'Family' ? doc : doc.family === null ? undefined : await live(unit, doc.family)
    if (!family && doc.family !== null) return false
    const ended = family ?? doc
    endOne(unit, { collection: artefacts.name, at: seconds(clock) }, ended.id)
    const { accountId: account, clientId: client_id } = await records.open(ended)
    const data = { client_id, account, by, why: 'it was reported as leaked' }
    if (family) unit.note('family.revoked', { family: family.id, ...data }, 'written')
    else unit.note('access_token.revoked', { id: doc.id, ...data }, 'written')
    await deps.commit(unit)
    return true
  }

  return {
    /** Hashes a text. Total, and without a question to the store; our own JWTs take longer than others, as their signature tells anyone. */
    async mark(text: string): Promise<OauthMark> {
      const family = seal.read('rt', text)?.family ?? ''
      const jwt = text.split('.').length === 3 ? await verifiedJwt(jwts, text) : undefined
      const claims = jwt && !jwt.isOver ? jwt.claims : undefined
      const ids = [
        records.id('AccessToken', orNobodys('at', text)),
        records.id('ClientCredentials', orNobodys('cc', text)),
        records.id('Family', family),
        ...(typeof claims?.fam === 'string' ? [claims.fam] : []),
      ]
      return { ids, token: typeof claims?.tok === 'string' ? claims.tok : null, isOurs: claims !== undefined }
    },
    /** Whether it was a token of ours that lets anyone in. For reporters who are known. */
    async isLive({ ids, isOurs }: OauthMark): Promise<boolean> {
      const found = await Promise.all(ids.map((id) => live(store, id)))
      return isOurs || found.some((doc) => doc !== undefined)
    },
    /** Ends the family of a token, else the token; JWTs without a family end by themselves in minutes. Idempotent; true where one lived. */
    async end({ ids }: OauthMark, by: string): Promise<boolean> {
      let ended = false
      for (const id of ids) if (await overRivals(TRIES, () => endDocument(id, by))) ended = true
      return ended
    },
  }
}

export type Leaked = ReturnType<typeof createLeaked>
