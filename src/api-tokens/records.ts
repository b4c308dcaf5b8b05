/** Collections of API tokens, and how their documents are made and read. The text of a token is nowhere: its keyed hash is the id. */

import type { Collection, Doc, NewDoc } from '../../adapters/store.ts'
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
  ],
  fields: {
    successor: 'id of the token that it was rotated to',
    overlapUntil: 'until when it still works beside its successor, Unix seconds',
    notBefore: 'from when it works, Unix seconds',
    until: 'end by its own `expires`; `exp` may come earlier (parent, owner)',
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
export type StoredState = 'pending' | 'active' | 'quarantined' | 'rotated' | 'revoked'

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
export const ownerHash = (seal: Seal, { type, id }: Owner): string => seal.hash('lookup', TENANT, `owner ${type}`, id)

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
    scopes: record.scopes.slice(0, 64).map((scope) => hash('scope', scope)),
    iat: record.createdAt,
  })
  return newDoc(columns, {
    hk: input.hk,
    ...seal.seal(columns, Buffer.from(JSON.stringify(record))),
    exp: input.exp,
    purgeAt: input.purgeAt,
    state: input.state,
    fields: { successor: null, overlapUntil: null, notBefore: input.notBefore, until: input.exp },
  })
}

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
