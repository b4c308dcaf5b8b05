/** Collections of clients and APIs, and how their documents are made and read. */

import type { Collection, Doc, NewDoc, Store } from '../../adapters/store.ts'
import { bound, newDoc, TENANT } from '../base/index.ts'
import type { ApiDeclaration } from '../config/index.ts'
import type { Seal } from '../seal/index.ts'

const PAGE = 200

export const clients: Collection = {
  name: 'clients',
  indexes: [['kind']],
  fields: {},
  expires: true,
  about:
    "Clients, the configuration's under a kind of their own. Metadata and keyed hashes of secrets are sealed; no secret is kept in any form that opens anything.",
}

export const apis: Collection = {
  name: 'apis',
  indexes: [['kind']],
  fields: {},
  expires: true,
  about: 'APIs (resource servers) with their scopes, sealed.',
}

/** A client as the rooms see it: OAuth's metadata without any secret, and what Mintmark knows beyond it. */
export interface ClientRecord {
  readonly clientId: string
  /** RFC 7591 names. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** Keyed hashes; at most two live. */
  readonly secrets: readonly StoredSecret[]
  /** APIs whose access tokens it may introspect. */
  readonly introspect: readonly string[]
  readonly reliesOnNonce: boolean
  readonly fapi: boolean
  readonly label: string | undefined
  /** How long a used refresh token still gets its first answer; undefined: as the deployment says. */
  readonly graceSeconds?: number | undefined
  /** Repeats of one refresh that are answered; undefined: all. */
  readonly repeatsMax?: number | undefined
  readonly source: 'configuration' | 'store' | 'registration'
  readonly demo: boolean
  readonly disabled: boolean
  /** It was the configuration's and is no more: disabled by that, not by a person. Declared again it works again. */
  readonly undeclared?: true | undefined
  /** Unix seconds. */
  readonly createdAt: number
}

/** A client secret at rest. `until` (Unix seconds) ends an old one's overlap. */
export interface StoredSecret {
  readonly hash: string
  readonly until: number | null
  /** Unix seconds. */
  readonly createdAt?: number
}

/** An API as it is declared. */
export interface ApiRecord {
  readonly id: string
  readonly name: string | undefined
  /** Scope to the words that consent shows (the scope itself where none were given). */
  readonly scopes: Readonly<Record<string, string>>
  readonly accessToken: 'jwt' | 'opaque'
  readonly algorithm: ApiDeclaration['algorithm']
  readonly lifetimeSeconds: number | undefined
  readonly source: 'configuration' | 'store'
}

/** The id of a client's or an API's document. */
export function idOf(seal: Seal, kind: 'client' | 'api', name: string): string {
  return seal.hash('name', TENANT, kind, name)
}

/** Whether the configuration says what this client is. */
export const isDeclared = ({ source, undeclared }: ClientRecord): boolean => source === 'configuration' && !undeclared

/** Kinds of documents. The configuration's clients have one of their own, so that they are found among any number of others. */
export type RecordKind = 'client' | 'declared-client' | 'api'

/** A new document. A client has the same id whoever made it: there is one of a name. */
export function documentOf(seal: Seal, kind: RecordKind, name: string, record: object, iat: number): NewDoc {
  const id = idOf(seal, kind === 'declared-client' ? 'client' : kind, name)
  const columns = bound({ tenant: TENANT, kind, id, iat })
  return newDoc(columns, { hk: seal.hk, ...seal.seal(columns, Buffer.from(JSON.stringify(record))) })
}

/** All documents of a kind of client, tombstones too. */
export async function* docsOf(store: Pick<Store, 'find'>, kind: Exclude<RecordKind, 'api'>): AsyncGenerator<Doc> {
  let after: string | undefined
  for (;;) {
    const by = { tenant: TENANT, by: { kind } }
    const page = await store.find(clients.name, by, { limit: PAGE, ...(after ? { after } : {}) })
    yield* page
    after = page.at(-1)?.id
    if (page.length < PAGE) return
  }
}

/** The sealed body anew, for an update. */
export function bodyOf(seal: Seal, doc: Doc, record: object): { readonly dk: string; readonly body: Uint8Array } {
  return seal.seal(doc, Buffer.from(JSON.stringify(record)))
}

/** Opens a document. `as` stands here, at the edge where sealed bytes become a record: they were ours when they were sealed. */
export async function clientOf(seal: Seal, doc: Doc): Promise<ClientRecord> {
  return JSON.parse((await seal.open(doc)).toString()) as ClientRecord
}

export async function apiOf(seal: Seal, doc: Doc): Promise<ApiRecord> {
  return JSON.parse((await seal.open(doc)).toString()) as ApiRecord
}
