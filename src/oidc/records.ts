/** The protocol's documents: one collection, so that a commit can travel as one ordered write (DESIGN section 4). */

import type { Collection, Doc, NewDoc } from '../../adapters/store.ts'
import { type Bound, bound, type Clock, newDoc, seconds, TENANT } from '../base/index.ts'
import type { Resealer, Seal } from '../seal/index.ts'

export const artefacts: Collection = {
  name: 'artefacts',
  indexes: [['grant'], ['account', 'kind'], ['client', 'kind'], ['kind', 'state', 'exp'], ['kind', 'state', 'lastUse']],
  // Lists and bulk work ask for these; tokens are found by their own text, and come by the thousand.
  only: {
    'client kind': ['Family'],
    'kind state exp': ['Session', 'Grant', 'Family'],
    'kind state lastUse': ['Family'],
  },
  fields: {
    target: 'pointers only: id of the document that a session id or a user code leads to',
    head: 'families: keyed hash of the live refresh token',
    predecessor: 'families: keyed hash of the one before, good inside the window',
    graceUntil: 'families: end of the window, Unix seconds',
    idleUntil: 'families: end unless used, Unix seconds',
    absoluteUntil: 'families: end that no use moves, Unix seconds',
    uses: 'families: refreshes so far',
    repeats: 'families: repeats inside the window that runs',
    recent: 'families: keyed hashes of tokens before the predecessor whose window still runs, with its end',
    rotateNext: 'families: 1 where an administrator asked for a rotation',
    receipt: 'families: the last answer, sealed under the old token and the data key',
    receiptKey: 'families: data key of the receipt',
  },
  expires: true,
  about:
    'Sessions, Grants, families, codes, tokens, interactions, pushed requests and the burned ids of proofs. Every body is sealed.',
}

/** A payload as the library hands it over and takes it back. */
export type Payload = Record<string, unknown>

/** Names of the library's models, of our family, and of pointers. */
export type Kind =
  | 'Session'
  | 'Grant'
  | 'AccessToken'
  | 'ClientCredentials'
  | 'AuthorizationCode'
  | 'DeviceCode'
  | 'Interaction'
  | 'PushedAuthorizationRequest'
  | 'InitialAccessToken'
  | 'RegistrationAccessToken'
  | 'BackchannelAuthenticationRequest'
  | 'PreAuthorizedCode'
  | 'Family'
  | 'session-id'
  | 'user-code'
  | 'replay'

/** What is looked up by an opaque token's text: hashed with the version that the text names. */
const BY_TOKEN: ReadonlySet<string> = new Set([
  'AccessToken',
  'ClientCredentials',
  'AuthorizationCode',
  'DeviceCode',
  'InitialAccessToken',
  'RegistrationAccessToken',
  'PushedAuthorizationRequest',
  'RefreshToken',
] satisfies readonly (Kind | 'RefreshToken')[])

/** Names that open nothing and come with almost every token. */
const NAMES: ReadonlySet<string> = new Set(['client', 'api', 'scope', 'account', 'Grant', 'Family', 'Session'])

/** Late requests and replays still find what is gone: documents outlive their `exp` by this. */
const MARGIN_SECONDS = 24 * 3600

/** Hashes and envelopes of protocol documents. */
export function createRecords(seal: Seal) {
  const purposeOf = (kind: string) => (BY_TOKEN.has(kind) ? 'token' : NAMES.has(kind) ? 'name' : 'lookup')
  const hash = (kind: string, text: string): string => seal.hash(purposeOf(kind), TENANT, kind, text)
  const optional = (kind: string, value: unknown): string | null =>
    typeof value === 'string' && value !== '' ? hash(kind, value) : null

  /** The immutable columns of a payload's document. */
  function columns(kind: Kind, id: string, payload: Payload, family: string | null): Bound {
    const scopes =
      typeof payload.scope === 'string' && payload.scope
        ? payload.scope
            .split(' ')
            .slice(0, 64)
            .map((s) => hash('scope', s))
        : []
    return bound({
      tenant: TENANT,
      kind,
      id,
      family,
      grant: kind === 'Grant' ? null : optional('Grant', payload.grantId),
      account: kind === 'Session' || kind === 'DeviceCode' ? null : optional('account', payload.accountId),
      client: optional('client', payload.clientId),
      session: optional('Session', payload.sessionUid),
      api: optional('api', payload.aud),
      scopes: kind === 'DeviceCode' ? [] : scopes,
      iat: kind === 'Session' || kind === 'Interaction' ? null : typeof payload.iat === 'number' ? payload.iat : null,
    })
  }

  return {
    hash,
    /** The id of a document of a kind. */
    id: (kind: Kind, text: string): string =>
      kind === 'user-code'
        ? seal.hash('pointer', TENANT, kind, text)
        : kind === 'replay'
          ? seal.hash('replay', TENANT, kind, text)
          : hash(kind, text),
    columns,
    /** A new document with its sealed body. */
    document(
      kind: Kind,
      id: string,
      payload: Payload,
      input: { readonly family?: string | null; readonly keepUntil?: number; readonly fields?: NewDoc['fields'] } = {},
    ): NewDoc {
      const clear = columns(kind, id, payload, input.family ?? null)
      const exp = typeof payload.exp === 'number' ? payload.exp : null
      const purgeAt = exp === null ? null : Math.max(exp, input.keepUntil ?? 0) + MARGIN_SECONDS
      const sealed = seal.seal(clear, Buffer.from(JSON.stringify(payload)))
      const hk = BY_TOKEN.has(kind) && typeof payload.jti === 'string' ? seal.hkOf(payload.jti) : seal.hk
      return newDoc(clear, { hk, ...sealed, exp, purgeAt, ...(input.fields ? { fields: input.fields } : {}) })
    },
    /** The sealed body anew, under the columns that the document has. */
    reseal(
      doc: Doc,
      payload: Payload,
    ): {
      readonly dk: string
      readonly body: Uint8Array
      readonly exp: number | null
      readonly purgeAt: number | null
    } {
      const exp = typeof payload.exp === 'number' ? payload.exp : null
      return {
        ...seal.seal(doc, Buffer.from(JSON.stringify(payload))),
        exp,
        purgeAt: exp === null ? null : Math.max(exp + MARGIN_SECONDS, doc.purgeAt ?? 0),
      }
    },
    /** A pointer: nothing but where it leads. */
    pointer(kind: 'session-id' | 'user-code', text: string, target: string, exp: number | null): NewDoc {
      const id = this.id(kind, text)
      return newDoc(bound({ tenant: TENANT, kind, id }), {
        hk: seal.hk,
        exp,
        purgeAt: exp === null ? null : exp + MARGIN_SECONDS,
        fields: { target },
      })
    },
    /** A burned id. */
    burned(text: string, exp: number): NewDoc {
      return newDoc(bound({ tenant: TENANT, kind: 'replay', id: this.id('replay', text) }), {
        hk: seal.hk,
        exp,
        purgeAt: exp + MARGIN_SECONDS,
      })
    },
    /** Opens a body. A fresh object every time: the library's models keep references into it. */
    async open(doc: Doc): Promise<Payload> {
      const parsed: unknown = JSON.parse((await seal.open(doc)).toString())
      return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {}
    },
  }
}

/** A receipt's window is over for every clock by then. */
const RECEIPT_MARGIN_SECONDS = 60

/**
 * Sealing again after a renewal. A receipt is sealed under a token that only its client has: it can only be dropped, when its window is
 * over, or kept with its data key.
 */
export function artefactResealer(seal: Seal, clock: Clock): Resealer {
  return {
    names: ({ dk, fields: { receiptKey } }) => [dk, ...(typeof receiptKey === 'string' ? [receiptKey] : [])],
    async reseal(doc) {
      const { graceUntil, receiptKey } = doc.fields
      const isOver = doc.revokedAt !== null || Number(graceUntil ?? 0) + RECEIPT_MARGIN_SECONDS < seconds(clock)
      const drops = typeof receiptKey === 'string' && seal.isOld(receiptKey) && isOver
      return {
        ...(seal.isOld(doc.dk) ? (doc.body ? seal.seal(doc, await seal.open(doc)) : { dk: '' }) : {}),
        ...(drops ? { fields: { receipt: null, receiptKey: null } } : {}),
      }
    },
  }
}

export type Records = ReturnType<typeof createRecords>
