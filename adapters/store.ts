/**
 * The store: what Mintmark needs of a database, and no more.
 *
 * This file owns the words (document, write classes, conflict) that both implementations and the laws speak.
 * It knows no protocol, imports nothing of `src`, and says nothing about how a store keeps its promises:
 * `laws.ts` says what they are. Rules: DESIGN section 2 (rule 2: the classes) and section 4.
 */

export { pageAfter } from './query.ts'

/** What a clear field may hold. Anything with structure belongs into the sealed body. */
export type Scalar = string | number | null | Uint8Array

/** Clear fields that a collection declares beyond the envelope, for example a family's `head`. */
export type Fields = Readonly<Record<string, Scalar>>

/** The columns that every document carries from the first day. Times are Unix seconds; hashes are base64url. */
export interface Envelope {
  readonly tenant: string
  readonly kind: string
  /** Schema version of the body. */
  readonly v: number
  /** Version of the keyed hash that made `id`, and id of the data key that sealed `body`. */
  readonly hk: string
  readonly dk: string
  readonly family: string | null
  readonly grant: string | null
  readonly account: string | null
  readonly owner: string | null
  readonly client: string | null
  readonly session: string | null
  readonly api: string | null
  /** Keyed hashes of the scopes, so that a credential can be found by what it may do. */
  readonly scopes: readonly string[]
  readonly iat: number | null
  readonly exp: number | null
  /** When a sweep may remove the document: later than `exp`, or a replay would look like "not found". */
  readonly purgeAt: number | null
}

/** A document as it is read. Always a fresh copy: a caller may change it without harm to anyone. */
export interface Doc extends Envelope {
  readonly id: string
  /** Counts the writes; a fresh document has 1. */
  readonly rev: number
  /** The commit that inserted the document. */
  readonly cid: string
  /** 'live', or the room's own word for what it became ('spent', 'revoked'). */
  readonly state: string
  readonly lastUse: number | null
  /** Set once, by a revocation (Unix seconds): the document is a tombstone. */
  readonly revokedAt: number | null
  readonly fields: Fields
  /** The sealed body. */
  readonly body: Uint8Array | null
}

/** A document before it is stored: the store sets `rev` (1) and `cid` (the unit's). */
export type NewDoc = Omit<Doc, 'rev' | 'cid' | 'revokedAt'>

/** What an update may set. The rest of the envelope is immutable: it is part of the seal's associated data. */
export interface Change {
  readonly state?: string
  readonly lastUse?: number | null
  readonly exp?: number | null
  readonly purgeAt?: number | null
  /** Only together with a body that is sealed under the new ones: they are part of its associated data. */
  readonly scopes?: readonly string[]
  readonly dk?: string
  readonly body?: Uint8Array | null
  /** Declared fields only; fields that are not named keep their value. */
  readonly fields?: Fields
}

/** Fields a query may name, the collection's own too. `scopes` is membership: a document is found under each scope that it carries. */
export type IndexField =
  | `fields.${string}`
  | 'scopes'
  | 'iat'
  | 'lastUse'
  | 'kind'
  | 'family'
  | 'grant'
  | 'account'
  | 'owner'
  | 'client'
  | 'session'
  | 'api'
  | 'state'
  | 'exp'

/** A collection, declared once in a room's `records.ts`. */
export interface Collection {
  /** Lower case, digits and hyphens. */
  readonly name: string
  /** Declared indexes, each a list of fields in order, the tenant always first and implied. */
  readonly indexes: readonly (readonly IndexField[])[]
  /** Kinds that an index is for, by its fields joined with spaces; else all. Asking it for another kind throws TypeError. */
  readonly only?: Readonly<Record<string, readonly string[]>>
  /** Clear fields beyond the envelope, with what each is for (printed into docs/storage.md). */
  readonly fields: Readonly<Record<string, string>>
  /** Whether documents have a `purgeAt` and a sweep visits the collection. */
  readonly expires: boolean
  /** What the collection keeps and what its body seals, in a sentence for docs/storage.md. */
  readonly about: string
}

/** Equality on the fields of one declared index; `null` finds what has no value there, but in the first field, where it throws TypeError. */
export interface Equality {
  readonly tenant: string
  readonly by: Readonly<Partial<Record<IndexField, string | number | null>>>
}

/** Numbers from `from` (included) to `below` (not included). What has no value there, or no number, is outside every range. */
export interface Range {
  readonly field: Exclude<IndexField, 'scopes'>
  readonly from?: number
  readonly below?: number
}

/** Equality on the fields of one declared index; with a `range` on all but the last, which the range is on. */
export interface Index extends Equality {
  readonly range?: Range
}

/**
 * `after` is what `pageAfter` makes of the last document of the page before (without a range: its id). Documents come in ascending
 * order of id; with a range of the range's field, then of id.
 */
export interface Page {
  readonly limit: number
  readonly after?: string
}

/** Class burn: insert-if-absent. It is the unit's own when `request` matches, so a re-run does not lose to itself. */
export interface Burn {
  readonly collection: string
  readonly doc: NewDoc
}

/** Class insert: a document under a fresh, unguessable id; inert until the unit's decider succeeds. */
export interface Insert {
  readonly collection: string
  readonly doc: NewDoc
}

/** Class update: applies only while `rev` is what was read. Never creates. */
export interface Update {
  readonly collection: string
  readonly id: string
  readonly rev: number
  readonly set: Change
}

/** Equality on clear fields or `state` or `rev`; `null` matches null and absent. */
export interface Condition {
  /** `null`: only while the document is no tombstone. */
  readonly revokedAt?: null
  readonly state?: string
  readonly rev?: number
  readonly fields?: Fields
}

/**
 * Class decider: the one conditional write. Succeeds when `if` holds, or when this commit id has already
 * decided it (so that it may be repeated after a lost answer).
 */
export interface Decider {
  readonly collection: string
  readonly id: string
  readonly if: Condition
  readonly set: Change
  /** Added to numeric fields that the collection declares. */
  readonly increment?: Readonly<Record<string, number>>
}

/**
 * Class revocation: a tombstone. Idempotent, conflicts with nothing, never creates, and never undoes a tombstone
 * that stands (the first `revokedAt` is kept). Sets `state` to 'revoked', `revokedAt` to `at` (Unix seconds) and raises `rev`,
 * so that an update that was read before it loses. `by` reaches every document of a declared index (no range, no scope).
 * With `mark` (a state of the room's own, such as 'quarantined') it is no tombstone but a mark that can be taken back: `state`
 * becomes the mark and `rev` rises, unless the document is a tombstone or carries the mark already.
 */
export interface Revocation {
  readonly collection: string
  readonly target: { readonly id: string } | { readonly by: Equality }
  readonly at: number
  readonly purgeAt?: number
  readonly mark?: string
}

/** Class cleanup: idempotent removal; nothing that decides is ever a cleanup. */
export interface Cleanup {
  readonly collection: string
  readonly id: string
}

/** What happened, sealed by the caller as one entry; it becomes visible with the commit that carries it. */
export interface OutboxEvent {
  /** Unique, so that a relay that repeats itself is seen. */
  readonly id: string
  /** The types of its events, in their order, with a space between. */
  readonly type: string
  readonly tenant: string
  /** Unix milliseconds. */
  readonly at: number
  /** Data key of `body`. */
  readonly dk: string
  readonly body: Uint8Array
}

/** What one request commits. */
export interface Writes {
  /** Fresh for each run of a request. */
  readonly cid: string
  /** Shared by the runs of one request. */
  readonly request: string
  readonly burns: readonly Burn[]
  readonly inserts: readonly Insert[]
  readonly updates: readonly Update[]
  readonly decider?: Decider
  readonly revocations: readonly Revocation[]
  readonly cleanups: readonly Cleanup[]
  readonly events: readonly OutboxEvent[]
}

/** A rival was there first. Nothing of the unit is visible but its burns. */
export class Conflict extends Error {
  readonly kind: 'burn' | 'insert' | 'update' | 'decider'
  readonly collection: string
  readonly id: string
  constructor(kind: Conflict['kind'], collection: string, id: string) {
    super(`${kind} lost in ${collection}`)
    this.name = 'Conflict'
    this.kind = kind
    this.collection = collection
    this.id = id
  }
}

/** The store can't be used at all: not reachable, not atomic, or written by a newer Mintmark. The message is for people. */
export class StoreUnusable extends Error {
  override readonly name = 'StoreUnusable'
}

/** A name held for a time by one process: the relay, a sweep. */
export interface Lease {
  readonly name: string
  readonly holder: string
  /** Unix milliseconds. */
  readonly until: number
}

export interface Store {
  /** Which implementation this is, for logs and the docs. */
  readonly name: 'sqlite' | 'mongodb' | (string & {})
  /** A fresh copy, or undefined. Expired and revoked documents are returned: their meaning is the caller's. */
  get(collection: string, id: string): Promise<Doc | undefined>
  /** Another number after each commit that touches the collection, whoever made it. Left out where it costs as much as a read. */
  version?(collection: string): number
  /** By a declared index only (any other set of fields throws TypeError), in the order that `Page` says. */
  find(collection: string, by: Index, page: Page): Promise<readonly Doc[]>
  /** How many there are; no more than `most` are counted. */
  count(collection: string, by: Index, most?: number): Promise<number>
  /** Every document of a collection, whatever its tenant and state, in ascending order of id: for the store's own housekeeping. */
  scan(collection: string, page: Page): Promise<readonly Doc[]>
  /**
   * Applies a unit by class: burns, inserts, updates, decider, revocations, cleanups; then its events are in the outbox.
   * Resolves only when all of it is durable. Throws `Conflict` when a burn, insert, update or the decider was lost: then the
   * burns stand and nothing else can be used by anyone. Repeating a commit with the same `cid` is one commit.
   */
  commit(unit: Writes): Promise<void>
  /** Removes at most `limit` documents whose `purgeAt` is before `before` (Unix seconds); returns how many. */
  sweep(collection: string, before: number, limit: number): Promise<number>
  /** Events that are committed and not yet settled, oldest first as far as the store knows. */
  pending(limit: number): Promise<readonly OutboxEvent[]>
  /** Takes events out of the outbox, when followers have them. Idempotent. */
  settle(ids: readonly string[]): Promise<void>
  /** Takes or renews a lease: true when `holder` has it until `until`. `now` and `until` in Unix milliseconds. */
  lease(lease: Lease, now: number): Promise<boolean>
  release(name: string, holder: string): Promise<void>
  /**
   * The first caller for `key` gets undefined and must do the work; later ones get what `finish` recorded,
   * or 'pending'. `purgeAt` in Unix seconds.
   */
  begin(key: string, purgeAt: number): Promise<undefined | 'pending' | { readonly result: Uint8Array }>
  finish(key: string, result: Uint8Array): Promise<void>
  /**
   * Overwrites what changed and deleted documents left behind, as far as this store can; loses nothing that is alive. Resolves to
   * what may still hold old content, in words for people.
   */
  scrub(): Promise<readonly string[]>
  /** Resolves when a read and a write path work; rejects with the cause. For /readyz. */
  ping(): Promise<void>
  close(): Promise<void>
}

/** Written by this Mintmark, and the oldest that can read what it writes. N and N-1 run side by side. */
export const SCHEMA = { version: 1, minReader: 1 } as const
