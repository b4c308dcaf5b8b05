/**
 * A store in memory, for the tests of the laws only: right as it stands, and wrong in one named way when it is asked to be.
 * Rows are replaced, never changed, so that a copy of the maps is a draft that may be thrown away.
 */

import {
  type Change,
  type Collection,
  type Condition,
  Conflict,
  type Doc,
  type Fields,
  type Index,
  type Insert,
  type Page,
  type Store,
  type Writes,
} from '../../adapters/store.ts'
import { type Flaw, MemoryDesk } from './memory-desk.ts'
import { copied, matching, paged } from './memory-query.ts'

type Row = Doc & { readonly request: string; readonly updatedBy?: string; readonly decidedBy?: string }
type Rooms = Map<string, Map<string, Row>>

/** Opens a store in memory. */
export class MemoryStore extends MemoryDesk implements Store {
  readonly name = 'memory'
  readonly #declared: ReadonlyMap<string, Collection>
  #rooms: Rooms
  readonly #done = new Set<string>()
  #queue: { readonly unit: Writes; readonly early: Row | undefined; readonly settle: (cause?: unknown) => void }[] = []

  constructor(collections: readonly Collection[], flaw?: Flaw) {
    super(flaw)
    this.#declared = new Map(collections.map((c) => [c.name, c]))
    this.#rooms = new Map(collections.map((c) => [c.name, new Map()]))
  }

  async get(collection: string, id: string): Promise<Doc | undefined> {
    const row = this.#room(this.#rooms, collection).get(id)
    return row && this.#out(row)
  }

  async find(collection: string, by: Index, page: Page): Promise<readonly Doc[]> {
    const rows = this.#by(this.#rooms, collection, by, { everyTenant: this.flaw === 'find ignores the tenant' })
    return paged(rows, by, page, this.flaw).map((r) => this.#out(r))
  }

  async scan(
    collection: string,
    { limit, after }: { readonly limit: number; readonly after?: string },
  ): Promise<readonly Doc[]> {
    const rows = this.scanned([...this.#room(this.#rooms, collection).values()], after)
    return rows.slice(0, limit).map((row) => this.#out(row))
  }

  async scrub(): Promise<readonly string[]> {
    if (this.flaw === 'scrubs take tombstones')
      for (const room of this.#rooms.values())
        for (const row of room.values()) if (row.revokedAt !== null) room.delete(row.id)
    return ['nothing: it is memory']
  }

  async count(collection: string, by: Index, most?: number): Promise<number> {
    const wide = this.flaw === 'counts ignore the range' && by.range ? { ...by, range: { field: by.range.field } } : by
    return Math.min(this.#by(this.#rooms, collection, wide, {}).length, most ?? Number.POSITIVE_INFINITY)
  }

  commit(unit: Writes): Promise<void> {
    const given = structuredClone(unit)
    if (this.flaw === 'events go before the commit') this.note(given)
    const early = unit.decider && this.#rooms.get(unit.decider.collection)?.get(unit.decider.id)
    return new Promise((resolve, reject) => {
      if (this.#queue.length === 0) setImmediate(() => this.#batch())
      this.#queue.push({ unit: given, early, settle: (cause) => (cause === undefined ? resolve() : reject(cause)) })
    })
  }

  async sweep(collection: string, before: number, limit: number): Promise<number> {
    const room = this.#room(this.#rooms, collection)
    const due = [...room.values()].filter((r) => r.purgeAt !== null && r.purgeAt < before)
    const taken = this.flaw === 'sweeps ignore the limit' ? due : due.slice(0, limit)
    for (const { id } of taken) room.delete(id)
    return taken.length
  }

  /** Another store with the same documents. Rows are never changed, so they are shared. */
  copy(): MemoryStore {
    const other = new MemoryStore([...this.#declared.values()])
    other.#rooms = new Map([...this.#rooms].map(([name, room]) => [name, new Map(room)]))
    return other
  }

  /** How many documents there are in all. */
  get size(): number {
    return [...this.#rooms.values()].reduce((sum, room) => sum + room.size, 0)
  }

  #out(row: Row): Doc {
    if (this.flaw === 'reads give references') return row
    const { request: _request, updatedBy: _updatedBy, decidedBy: _decidedBy, ...doc } = row
    return copied(doc)
  }

  #room(rooms: Rooms, name: string): Map<string, Row> {
    const room = rooms.get(name)
    if (!room) throw new TypeError(`no collection ${name}`)
    return room
  }

  #by(rooms: Rooms, name: string, index: Index, how: { everyTenant?: boolean; revokes?: boolean }): Row[] {
    const room = this.#room(rooms, name)
    const declared = this.#declared.get(name)
    return declared ? matching(room.values(), { declared, index, flaw: this.flaw, ...how }) : []
  }

  #batch(): void {
    const queue = this.#queue
    this.#queue = []
    const before = this.#rooms
    const outcomes = queue.map(({ unit, early }) => this.#attempt(unit, early))
    const broken =
      this.flaw === 'one poisoned unit fails its batch'
        ? outcomes.find((o) => o !== undefined && !(o instanceof Conflict))
        : undefined
    if (broken) this.#rooms = before
    for (const [n, { settle }] of queue.entries()) settle(broken ?? outcomes[n])
  }

  #attempt(unit: Writes, early: Row | undefined): unknown {
    const draft = (): Rooms => new Map([...this.#rooms].map(([name, room]) => [name, new Map(room)]))
    const before = this.#rooms
    const rooms = draft()
    try {
      if (this.#done.has(unit.cid) && this.flaw === 'a repeat adds again') this.#decide(this.#rooms, unit, early)
      if (this.#done.has(unit.cid) && this.flaw !== 'a repeat is done again') return undefined
      for (const burn of unit.burns) this.#burn(rooms, burn, unit)
      this.#rooms = rooms
      this.#rooms = this.#rest(draft(), unit, early)
      this.#done.add(unit.cid)
      if (
        this.flaw !== 'events go before the commit' &&
        (this.flaw !== 'events need a document' || unit.inserts.length + unit.updates.length > 0 || unit.decider)
      )
        this.note(unit)
      return undefined
    } catch (cause) {
      if (this.flaw === 'a lost unit takes its burns back') this.#rooms = before
      return cause
    }
  }

  #rest(rooms: Rooms, unit: Writes, early: Row | undefined): Rooms {
    for (const insert of unit.inserts) this.#insert(rooms, insert, unit)
    if (this.flaw === 'inserts stay when the decider is lost')
      this.#rooms = new Map([...rooms].map(([name, room]) => [name, new Map(room)]))
    if (this.flaw === 'revocations go before the decider') {
      this.#revoke(this.#rooms, unit)
      this.#revoke(rooms, unit)
    }
    for (const { collection, id, rev, set } of unit.updates) {
      const room = this.#room(rooms, collection)
      const row = room.get(id)
      if (!row && this.flaw === 'updates create') continue
      this.#check(collection, set.fields)
      if (!row || (row.rev !== rev && this.flaw !== 'updates ignore rev')) throw new Conflict('update', collection, id)
      const next = this.flaw === 'ranges do not follow' ? { ...set, lastUse: row.lastUse } : set
      room.set(id, { ...changed(row, next), updatedBy: unit.cid })
    }
    this.#decide(rooms, unit, early)
    this.#revoke(rooms, unit)
    for (const { collection, id } of unit.cleanups) this.#room(rooms, collection).delete(id)
    return rooms
  }

  #row(doc: Insert['doc'], unit: Writes): Row {
    const fields = Object.fromEntries(
      Object.entries(doc.fields).map(([k, v]) => [
        k,
        this.flaw === 'words are escaped' && typeof v === 'string' ? v.replaceAll('$', '') : v,
      ]),
    )
    return { ...doc, fields, rev: 1, cid: unit.cid, revokedAt: null, request: unit.request }
  }

  #burn(rooms: Rooms, { collection, doc }: Insert, unit: Writes): void {
    const room = this.#room(rooms, collection)
    const own = room.get(doc.id)
    if (own && own.request === unit.request && this.flaw !== 'a burn forgets its request') return
    if (own && this.flaw !== 'burns overwrite') throw new Conflict('burn', collection, doc.id)
    room.set(doc.id, this.#row(doc, unit))
  }

  #insert(rooms: Rooms, { collection, doc }: Insert, unit: Writes): void {
    const room = this.#room(rooms, collection)
    this.#check(collection, doc.fields)
    const own = room.get(doc.id)
    if (own && own.cid !== unit.cid && this.flaw !== 'inserts overwrite')
      throw new Conflict('insert', collection, doc.id)
    room.set(doc.id, this.#row(doc, unit))
  }

  #decide(rooms: Rooms, { decider, cid }: Writes, early: Row | undefined): void {
    if (!decider) return
    const { collection, id, set, increment = {} } = decider
    const room = this.#room(rooms, collection)
    const row = room.get(id)
    this.#check(collection, decider.if.fields)
    this.#check(collection, set.fields)
    this.#check(collection, Object.fromEntries(Object.keys(increment).map((f) => [f, 0])))
    const judged = this.flaw === 'a decider reads, then writes' ? early : row
    if (!row || !judged || !holds(judged, decider.if)) throw new Conflict('decider', collection, id)
    const base = this.flaw === 'increments read, then write' && early ? early.fields : row.fields
    const added = Object.fromEntries(Object.entries(increment).map(([f, by]) => [f, Number(base[f] ?? 0) + by]))
    room.set(id, { ...changed(row, { ...set, fields: { ...set.fields, ...added } }), decidedBy: cid })
  }

  #revoke(rooms: Rooms, { revocations, cid, request }: Writes): void {
    for (const { collection, target, at, purgeAt, mark } of revocations) {
      const room = this.#room(rooms, collection)
      const named = 'id' in target ? room.get(target.id) : undefined
      const rows =
        'id' in target
          ? named
            ? [named]
            : []
          : this.#by(rooms, collection, target.by, {
              everyTenant: this.flaw === 'revocations reach every tenant',
              revokes: true,
            })
      for (const row of rows) {
        if (row.revokedAt !== null && this.flaw !== 'revocations take the last time') continue
        if (mark !== undefined && row.state === mark) continue
        const rev = this.flaw === 'revocations keep rev' ? row.rev : row.rev + 1
        if (mark !== undefined && this.flaw !== 'marks are tombstones') {
          room.set(row.id, { ...row, rev, state: mark })
          continue
        }
        room.set(row.id, { ...row, rev, state: 'revoked', revokedAt: at, purgeAt: purgeAt ?? row.purgeAt })
      }
      if ('id' in target && !named && this.flaw === 'revocations create')
        room.set(target.id, tombstone(target.id, cid, request, at))
    }
  }

  #check(collection: string, fields: Fields | undefined): void {
    const declared = Object.keys(this.#declared.get(collection)?.fields ?? {})
    for (const [name, value] of Object.entries(fields ?? {})) {
      if (!declared.includes(name) && this.flaw !== 'names are not checked') throw new TypeError(`no field ${name}`)
      if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array))
        throw new TypeError('not a scalar')
    }
  }
}

function changed(row: Row, { fields, ...set }: Change): Row {
  return { ...row, ...set, rev: row.rev + 1, fields: { ...row.fields, ...fields } }
}

function holds(row: Row, { fields, ...own }: Condition): boolean {
  const same = ([name, value]: [string, unknown], of: object): boolean => (Reflect.get(of, name) ?? null) === value
  return (
    Object.entries(own).every((e) => same(e, row)) && Object.entries(fields ?? {}).every((e) => same(e, row.fields))
  )
}

function tombstone(id: string, cid: string, request: string, at: number): Row {
  const none = {
    family: null,
    grant: null,
    account: null,
    owner: null,
    client: null,
    session: null,
    api: null,
    iat: null,
    exp: null,
    purgeAt: null,
  }
  return {
    id,
    cid,
    request,
    ...none,
    tenant: 'unknown',
    kind: 'law',
    v: 1,
    hk: '',
    dk: '',
    scopes: [],
    state: 'revoked',
    lastUse: null,
    revokedAt: at,
    rev: 1,
    fields: {},
    body: null,
  }
}
