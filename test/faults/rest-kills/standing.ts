/** What stands in a store, read past it while a server has it open or when none does, and in what one moment differs from another. */

import { hash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import mongoose from 'mongoose'
import { collections } from '../../../src/app.ts'
import { idempotencyCollections } from '../../../src/idempotency/index.ts'

type Row = Readonly<Record<string, unknown>>

/** A moment of a store. */
export interface Standing {
  /** Every document of what requests deal with, by collection and id. */
  readonly things: ReadonlyMap<string, Row>
  /** Type of each event, by its id: of those that wait in an outbox, and of those that the relay has numbered. */
  readonly events: ReadonlyMap<string, string>
  /** State of each record of a request with an Idempotency-Key. */
  readonly records: ReadonlyMap<string, string>
}

const RECORDS = idempotencyCollections[0].name
/** What servers do on their own: keys, counts and marks of their background work. */
const HOUSEKEEPING: readonly string[] = [
  'seal-keys',
  'signing-keys',
  'signing-key-uses',
  'client-secret-uses',
  'throttles',
  'api-token-uses',
  'api-token-rates',
]
/** What says by whom, when and under which data key something was written, but not what. */
const HOW: readonly string[] = [
  ...['rev', 'cid', 'by', 'updatedBy', 'decidedBy', 'request', 'outbox', 'outboxAt'],
  ...['hk', 'dk', 'body', 'iat', 'lastUse'],
]

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array
const plain = (value: unknown): unknown => (isBytes(value) ? hash('md5', value) : value)

/** Events that documents of MongoDB carry. */
function carried(row: Row): readonly Row[] {
  return Array.isArray(row.outbox) ? row.outbox : []
}

type Read = (name: string) => Promise<readonly Row[]>

/** Ids and types of the entries in a page of numbered events; none for any other document. */
function numberedIn(contents: unknown): readonly (readonly [id: string, types: string])[] {
  const parsed: unknown = typeof contents === 'string' ? JSON.parse(contents) : {}
  const entries: readonly unknown[] =
    typeof parsed === 'object' && parsed !== null && 'entries' in parsed && Array.isArray(parsed.entries)
      ? parsed.entries
      : []
  return entries.map((entry) => (Array.isArray(entry) ? [String(entry[0]), String(entry[1])] : ['', '']))
}

// The outboxes first, what the relay has numbered last: an event that moves between is seen twice, and not never.
async function standing(read: Read): Promise<Standing> {
  const [things, told, records] = [new Map<string, Row>(), new Map<string, string>(), new Map<string, string>()]
  for (const { id, type, ...row } of await read('store-outbox')) {
    if (type !== undefined) told.set(String(id), String(type))
    for (const one of carried(row)) told.set(String(one.id), String(one.type))
  }
  for (const { name } of collections) {
    if (HOUSEKEEPING.includes(name) || name === 'events') continue
    for (const row of await read(name)) {
      for (const one of carried(row)) told.set(String(one.id), String(one.type))
      if (name === RECORDS) records.set(String(row.id), String(row.state))
      else things.set(`${name} ${row.id}`, row)
    }
  }
  for (const row of await read('events')) for (const [id, types] of numberedIn(row.contents)) told.set(id, types)
  return { things, events: told, records }
}

function ofSqlite(file: string): { readonly read: Read; close(): void } {
  const db = new DatabaseSync(file, { readOnly: true, timeout: 5000 })
  const entries = (row: Row) =>
    Object.entries(row).map(([name, value]) => [name.replace(/^f_/, ''), plain(value)] as const)
  return {
    read: async (name) =>
      db
        .prepare(`SELECT * FROM "${name}"`)
        .all()
        .map((row) => Object.fromEntries(entries(row))),
    close: () => db.close(),
  }
}

async function ofMongo(uri: string): Promise<{ readonly read: Read; close(): Promise<void> }> {
  const connection = await mongoose.createConnection(uri).asPromise()
  return {
    async read(name) {
      const docs = await connection.collection(name).find({}, { promoteBuffers: true }).toArray()
      return docs.map(({ _id, f, ...row }) => ({ ...row, ...f, id: _id, body: plain(row.body) }))
    },
    close: () => connection.close(),
  }
}

/** Reads a store where it lies. */
export async function standingAt(place: string): Promise<Standing> {
  const from = place.startsWith('mongodb:') ? await ofMongo(place) : ofSqlite(place)
  try {
    return await standing(from.read)
  } finally {
    await from.close()
  }
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a ?? null) === JSON.stringify(b ?? null)

/** What happened to one document, in words that are the same for every document that the same happened to. */
function changeOf(key: string, was: Row | undefined, is: Row | undefined): readonly string[] {
  const [collection] = key.split(' ')
  if (!is) return [`${collection} ${was?.kind} removed`]
  if (!was) return [`${collection} ${is.kind} made ${is.state}`]
  const names = Object.keys({ ...was, ...is }).filter((name) => !HOW.includes(name) && !isSame(was[name], is[name]))
  return names.length === 0 ? [] : [`${collection} ${is.kind} ${was.state} to ${is.state}: ${names.sort().join(' ')}`]
}

/** What differs of things and events, those of the keys' own turns aside. Empty: nothing was done. */
export function difference(before: Standing, after: Standing): readonly string[] {
  const keys = new Set([...before.things.keys(), ...after.things.keys()])
  const changed = [...keys].flatMap((key) => changeOf(key, before.things.get(key), after.things.get(key)))
  const fresh = [...after.events].filter(([id, type]) => !before.events.has(id) && !type.startsWith('signing_key.'))
  const told = fresh.map(([, type]) => `told ${type}`)
  return [...changed, ...told].sort()
}

/** Ids of the documents of a collection that are new. */
export function made(before: Standing, after: Standing, collection: string): readonly string[] {
  const keys = [...after.things.keys()].filter((key) => !before.things.has(key))
  return keys.filter((key) => key.startsWith(`${collection} `)).map((key) => key.slice(collection.length + 1))
}

/** States of the records that are new. */
export function recorded(before: Standing, after: Standing): readonly string[] {
  return [...after.records].filter(([id]) => !before.records.has(id)).map(([, state]) => state)
}
