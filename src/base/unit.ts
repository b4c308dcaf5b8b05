/**
 * The unit of work: what one run of one request has staged (DESIGN rules 1 and 2).
 *
 * A unit reads through to the store and sees its own staged writes. It writes nothing: `writes(keep)` hands the staged
 * work to the one who commits. It knows the write classes and no protocol.
 */

import type {
  Burn,
  Change,
  Decider,
  Doc,
  Index,
  Insert,
  NewDoc,
  OutboxEvent,
  Page,
  Revocation,
  Store,
  Update,
  Writes,
} from '../../adapters/store.ts'

/** Which classes survive, by what the answer was (DESIGN rule 2). */
export type Keep = 'all' | 'burns and revocations' | 'burns'

/** Where the unit reads. */
export type Reader = Pick<Store, 'get' | 'find'>

/** What happened, before it is sealed into the outbox. `type` is `noun.verb`; `data` holds no secret. */
export interface Noted {
  readonly type: string
  /** 'written': true only if the unit's writes are kept; such a note goes with them. */
  readonly when: 'always' | 'written'
  readonly data: Readonly<Record<string, unknown>>
}

type StagedUpdate = { collection: string; id: string; rev: number; set: Change }
type StagedDecider = { -readonly [K in keyof Decider]: Decider[K] }

const at = (collection: string, id: string): string => `${collection}\n${id}`

function fresh(doc: NewDoc, cid: string): Doc {
  return { ...doc, rev: 1, cid, revokedAt: null }
}

function applied(doc: Doc, set: Change): Doc {
  return {
    ...doc,
    ...(set.state === undefined ? {} : { state: set.state }),
    ...(set.lastUse === undefined ? {} : { lastUse: set.lastUse }),
    ...(set.exp === undefined ? {} : { exp: set.exp }),
    ...(set.purgeAt === undefined ? {} : { purgeAt: set.purgeAt }),
    ...(set.scopes === undefined ? {} : { scopes: set.scopes }),
    ...(set.dk === undefined ? {} : { dk: set.dk }),
    ...(set.body === undefined ? {} : { body: set.body }),
    fields: { ...doc.fields, ...set.fields },
  }
}

function merged(before: Change, after: Change): Change {
  return {
    ...before,
    ...after,
    ...(before.fields || after.fields ? { fields: { ...before.fields, ...after.fields } } : {}),
  }
}

/** Staged work of one run. `cid` is fresh for each run; `request` is shared by the runs of a request. */
export class Unit {
  readonly cid: string
  readonly request: string
  readonly #store: Reader
  readonly #overlay = new Map<string, Doc | undefined>()
  readonly #burns: Burn[] = []
  readonly #inserts = new Map<string, Insert>()
  readonly #updates = new Map<string, StagedUpdate>()
  readonly #revocations: Revocation[] = []
  readonly #cleanups: { collection: string; id: string }[] = []
  readonly #noted: Noted[] = []
  #decider: StagedDecider | undefined

  constructor(input: { readonly store: Reader; readonly cid: string; readonly request: string }) {
    this.#store = input.store
    this.cid = input.cid
    this.request = input.request
  }

  /** A document as this unit sees it: its own staged writes first. */
  async get(collection: string, id: string): Promise<Doc | undefined> {
    const key = at(collection, id)
    if (this.#overlay.has(key)) return this.#overlay.get(key)
    const read = await this.#store.get(collection, id)
    // Repeatable: an update must name the `rev` that its decision was made on, not one that was read later.
    if (!this.#overlay.has(key)) this.#overlay.set(key, read)
    return this.#overlay.get(key)
  }

  /** A document that this unit has read or staged already; undefined says nothing about the store. */
  known(collection: string, id: string): Doc | undefined {
    return this.#overlay.get(at(collection, id))
  }

  /** By a declared index, from the store alone: staged writes are not listed. */
  find(collection: string, by: Index, page: Page): Promise<readonly Doc[]> {
    return this.#store.find(collection, by, page)
  }

  /** Stages an insert-if-absent that stays whatever the answer is. */
  burn(collection: string, doc: NewDoc): void {
    this.#burns.push({ collection, doc })
    this.#see(collection, fresh(doc, this.cid))
  }

  /** Stages a new document under a fresh, unguessable id. */
  insert(collection: string, doc: NewDoc): void {
    this.#inserts.set(at(collection, doc.id), { collection, doc })
    this.#see(collection, fresh(doc, this.cid))
  }

  /** Stages a change of a document that was read; joins what this unit has already staged for it. */
  update(collection: string, read: Doc, set: Change): void {
    const key = at(collection, read.id)
    const insert = this.#inserts.get(key)
    if (insert) {
      const { rev: _rev, cid: _cid, revokedAt: _revokedAt, ...doc } = applied(fresh(insert.doc, this.cid), set)
      this.#inserts.set(key, { collection, doc })
    } else if (this.#decider?.collection === collection && this.#decider.id === read.id) {
      this.#decider.set = merged(this.#decider.set, set)
    } else {
      const staged = this.#updates.get(key)
      this.#updates.set(
        key,
        staged ? { ...staged, set: merged(staged.set, set) } : { collection, id: read.id, rev: read.rev, set },
      )
    }
    this.#see(collection, applied(this.#overlay.get(key) ?? read, set))
  }

  /**
   * Stages the one conditional write. A unit holds at most one: whoever has a stronger one demotes the first.
   * Throws TypeError for a second one.
   */
  decide(decider: Decider, read: Doc): void {
    if (this.#decider && (this.#decider.collection !== decider.collection || this.#decider.id !== decider.id)) {
      throw new TypeError('a unit has one decider')
    }
    const staged = this.#updates.get(at(decider.collection, decider.id))
    if (staged) this.#updates.delete(at(decider.collection, decider.id))
    this.#decider = {
      ...decider,
      set: merged(merged(staged?.set ?? {}, this.#decider?.set ?? {}), decider.set),
      ...(staged ? { if: { ...decider.if, rev: staged.rev } } : {}),
    }
    this.#see(decider.collection, applied(read, this.#decider.set))
  }

  /** Whether a decider is staged, and for which document. */
  get decider(): { readonly collection: string; readonly id: string } | undefined {
    return this.#decider
  }

  /** Makes the staged decider an update on the `rev` that was read, so that a stronger one can take its place. */
  demoteDecider(): void {
    const staged = this.#decider
    const key = staged && at(staged.collection, staged.id)
    const rev = key === undefined ? undefined : this.#overlay.get(key)?.rev
    if (!staged || key === undefined || rev === undefined) throw new TypeError('there is no decider to demote')
    this.#decider = undefined
    this.#updates.set(key, { collection: staged.collection, id: staged.id, rev, set: staged.set })
  }

  /** Adds to what the staged decider sets: a receipt stands in the decider's own document, never apart. */
  amendDecider(set: Change): void {
    if (!this.#decider) throw new TypeError('there is no decider to amend')
    this.#decider.set = merged(this.#decider.set, set)
  }

  /** Stages a tombstone; kept on every 4xx. */
  revoke(revocation: Revocation): void {
    this.#revocations.push(revocation)
    if (!('id' in revocation.target)) return
    const seen = this.#overlay.get(at(revocation.collection, revocation.target.id))
    if (seen) this.#see(revocation.collection, { ...seen, state: 'revoked', revokedAt: revocation.at })
  }

  /** Stages an idempotent removal. */
  cleanup(collection: string, id: string): void {
    this.#cleanups.push({ collection, id })
    this.#overlay.set(at(collection, id), undefined)
  }

  /** Notes what happened; sealed and committed with the unit. What is true only of the unit's writes goes where they go. */
  note(type: string, data: Readonly<Record<string, unknown>>, when: Noted['when'] = 'always'): void {
    this.#noted.push({ type, data, when })
  }

  /** What there is to tell when `keep` is what is kept. */
  told(keep: Keep): readonly Noted[] {
    return keep === 'all' ? this.#noted : this.#noted.filter(({ when }) => when === 'always')
  }

  get noted(): readonly Noted[] {
    return this.#noted
  }

  /** Whether a staged revocation reaches `id`. */
  revokes(collection: string, id: string): boolean {
    return this.#revocations.some((r) => r.collection === collection && 'id' in r.target && r.target.id === id)
  }

  /** The staged work that `keep` lets through, with its sealed events. */
  writes(keep: Keep, events: readonly OutboxEvent[] = []): Writes {
    const all = keep === 'all'
    return {
      cid: this.cid,
      request: this.request,
      burns: this.#burns,
      inserts: all ? [...this.#inserts.values()] : [],
      updates: all ? ([...this.#updates.values()] satisfies Update[]) : [],
      ...(all && this.#decider ? { decider: this.#decider } : {}),
      revocations: keep === 'burns' ? [] : this.#revocations,
      cleanups: all ? this.#cleanups : [],
      events,
    }
  }

  #see(collection: string, doc: Doc): void {
    this.#overlay.set(at(collection, doc.id), doc)
  }
}

/** Whether there is anything to commit besides events. */
export function hasWrites(writes: Writes): boolean {
  return Boolean(
    writes.decider ||
      writes.burns.length ||
      writes.inserts.length ||
      writes.updates.length ||
      writes.revocations.length ||
      writes.cleanups.length,
  )
}
