/** Collections of API tokens, and how their documents are made and read. The text of a token is nowhere: its keyed hash is the id. */

import type { Change, Collection, Doc, Fields, NewDoc } from '../../adapters/store.ts'
import { bound, newDoc, TENANT } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'

export const apiTokens: Collection = {
  name: 'api-tokens',
  indexes: [
    ['owner', 'state'],
    ['account', 'kind'],
    ['client', 'kind'],
    ['family'],
    ['grant'],
    ['state'],
    ['api', 'state'],
    ['state', 'exp'],
    ['state', 'lastUse'],
    ['state', 'lastUse', 'iat'],
    ['state', 'fields.overlapUntil'],
    ['state', 'fields.bound', 'exp'],
    ['owner', 'state', 'exp'],
    ['scopes', 'state', 'exp'],
  ],
  fields: {
    successor: 'id of the token that it was rotated to',
    overlapUntil: 'until when it still works beside its successor, Unix seconds',
    notBefore: 'from when it works, Unix seconds',
    bound: '1 where it works from named networks only, else 0',
    until: 'end by its own `expires`; `exp` may come earlier (parent, owner)',
    idleFrom: 'a release from quarantine: from then on it counts as unused',
    reminded: 'latest step of the reminders that was told: 30, 7 or 1 days before the end, 0 at it',
    warned: 'when it was last called dormant, Unix seconds',
    due: 'since when it should be rotated, Unix seconds',
  },
  expires: true,
  about:
    'API tokens, by the keyed hash of their text. The body seals name, purpose, scopes, networks and paths; `family` is the line of its rotations, `grant` its parent.',
}

/** Personal tokens belong to a person; service tokens to a service or an organisation. */
export type TokenKind = 'personal' | 'service'

/** Whose a token is. `id`: a `sub`, a client id, or an organisation's name. */
export interface Owner {
  readonly type: 'account' | 'service' | 'organisation'
  readonly id: string
}

/** Networks in CIDR form: one of `allow` (empty: all), none of `except`. */
export interface Networks {
  readonly allow: readonly string[]
  readonly except: readonly string[]
}

/** What a token may do. Everything here can only become narrower in its life. */
export interface Rights {
  readonly scopes: readonly string[]
  /** Resource indicators; empty: every API that has its scopes. */
  readonly apis: readonly string[]
  readonly networks: Networks
  /** HTTP methods; empty: all. */
  readonly methods: readonly string[]
  /** Path templates such as `/orders/{id}` and `/files/**`; empty: all. */
  readonly paths: readonly string[]
}

/** A token as it is kept. Times in Unix seconds. */
export interface TokenRecord extends Rights {
  readonly name: string
  readonly kind: TokenKind
  readonly owner: Owner
  readonly purpose: string
  /** Where its holder keeps it, in words. */
  readonly keptAt: string
  readonly labels: readonly string[]
  /** The policy template that it was made under. */
  readonly template: string | null
  readonly createdAt: number
  readonly createdBy: string
  /** Rotations before it in its line. */
  readonly rotations: number
  /** When the first of its line was made; absent in the first itself, and in tokens older than this field. */
  readonly lineSince?: number
  /** Name of the parent, for people; its id stands in clear. */
  readonly parent: string | null
  /** A trap: any use alarms. */
  readonly canary: boolean
  /** Last four characters of the text. */
  readonly ending: string
  /** Who approved it, where that was needed. */
  readonly approvedBy: string | null
  /** Why it is quarantined or was revoked, in words. */
  readonly why: string | null
}

/** States as the store keeps them; `expired` is a matter of time and never stored. */
export const STORED_STATES = ['pending', 'active', 'quarantined', 'rotated', 'revoked'] as const
export type StoredState = (typeof STORED_STATES)[number]

/** The kind of a token's text: `mm_pat_...`, `mm_svc_...`. */
export const TEXT_KIND = { personal: 'pat', service: 'svc' } as const

/** How a token is called outside: a hash, which opens nothing. */
export const PUBLIC_PREFIX = 'tok_'
export const publicId = (id: string): string => PUBLIC_PREFIX + id
export const storedId = (text: string): string =>
  text.startsWith(PUBLIC_PREFIX) ? text.slice(PUBLIC_PREFIX.length) : text

/** The id of a token's document. One look-up: the text names the version of the hash key. */
export const tokenId = (seal: Seal, text: string): string => seal.hash('credential', TENANT, 'api-token', text)
/** The id of a token that was not made here, from the SHA-256 of its text in hexadecimal. Its text names no version: this key turns only offline. */
export const foreignTokenId = (seal: Seal, sha256: string): string =>
  seal.hash('secret', TENANT, 'foreign-api-token', sha256.toLowerCase())
export const ownerHash = (seal: Seal, { type, id }: Owner): string => seal.hash('name', TENANT, `owner ${type}`, id)

/** A new token's document. `line`: what stays the same through its rotations; `parent`: id of the parent's line. */
export function tokenDoc(
  seal: Seal,
  input: {
    readonly id: string
    readonly hk: string
    readonly record: TokenRecord
    readonly line: string
    readonly parent: string | null
    readonly state: 'pending' | 'active'
    readonly notBefore: number | null
    readonly exp: number
    readonly purgeAt: number
  },
): NewDoc {
  const { record, id } = input
  const hash = (kind: string, text: string): string => seal.hash('lookup', TENANT, kind, text)
  const columns = bound({
    tenant: TENANT,
    kind: 'api-token',
    id,
    family: input.line,
    grant: input.parent,
    account: record.owner.type === 'account' ? hash('account', record.owner.id) : null,
    client: record.owner.type === 'service' ? hash('client', record.owner.id) : null,
    owner: ownerHash(seal, record.owner),
    api: record.apis.length === 1 ? hash('api', record.apis[0] ?? '') : null,
    scopes: scopesOf(seal, record),
    iat: record.createdAt,
  })
  return newDoc(columns, {
    hk: input.hk,
    ...seal.seal(columns, Buffer.from(JSON.stringify(record))),
    exp: input.exp,
    purgeAt: input.purgeAt,
    state: input.state,
    fields: {
      successor: null,
      overlapUntil: null,
      notBefore: input.notBefore,
      bound: record.networks.allow.length > 0 ? 1 : 0,
      until: input.exp,
      idleFrom: null,
      reminded: null,
      warned: null,
      due: null,
    },
  })
}

const SCOPES_MAX = 64
/** What a token with a scope is found by. */
export const scopeHash = (seal: Seal, scope: string): string => seal.hash('name', TENANT, 'scope', scope)
/** The scopes as they stand in clear: keyed hashes. */
const scopesOf = (seal: Seal, { scopes }: Pick<TokenRecord, 'scopes'>): readonly string[] =>
  scopes.slice(0, SCOPES_MAX).map((scope) => scopeHash(seal, scope))

/** The change that gives a token other scopes: sealed under them, so that it is found by what it may do now. */
export function tokenScopes(seal: Seal, doc: Doc, record: TokenRecord): Pick<Change, 'scopes' | 'dk' | 'body'> {
  const scopes = scopesOf(seal, record)
  return { scopes, ...tokenBody(seal, { ...doc, scopes }, record) }
}

/** The change that retires a token: it ends with its overlap, by `exp` too, so that it is found among those that live. */
export const rotatedTo = (
  successor: string,
  overlapUntil: number,
): { readonly state: StoredState; readonly exp: number; readonly fields: Fields } => ({
  state: 'rotated',
  exp: overlapUntil,
  fields: { successor, overlapUntil },
})

/** The sealed body anew, for an update. */
export const tokenBody = (
  seal: Seal,
  doc: Doc,
  record: TokenRecord,
): { readonly dk: string; readonly body: Uint8Array } => seal.seal(doc, Buffer.from(JSON.stringify(record)))

/** Opens a token's document: these bytes were a TokenRecord when they were sealed. */
export async function tokenOf(seal: Seal, doc: Doc): Promise<TokenRecord> {
  return JSON.parse((await seal.open(doc)).toString()) as TokenRecord
}
