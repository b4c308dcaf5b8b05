/**
 * The MongoDB store: mongoose models made from the declarations, majority writes, primary reads, no transactions.
 * A superseded primary may serve a read of a revoked opaque token until it steps down: that bound is in SECURITY.md.
 */

import mongoose, { type Connection } from 'mongoose'
import { lawCollections, probe } from '../laws.ts'
import { type Collection, SCHEMA, type Store, StoreUnusable } from '../store.ts'
import { Application, isDuplicate } from './apply.ts'
import { looseEvents, outboxOf } from './outbox.ts'
import { docOf, type Kept, pageFilters, prepareIndexes, type Table, tableOf, toldOf } from './schema.ts'

const MAJORITY = { w: 'majority', j: true } as const
const SELECTION_MS = 5000
const SETTLED_SECONDS = 24 * 3600

/** The store's own documents: meta, outbox, leases, idempotency. */
interface Own {
  readonly _id: string
  readonly [name: string]: unknown
}

interface Parts {
  readonly connection: Connection
  readonly tables: ReadonlyMap<string, Table>
  readonly application: Application
}

function own(connection: Connection, name: string) {
  return connection.collection<Own>(`store-${name}`, { writeConcern: MAJORITY })
}

function table({ tables }: Parts, name: string): Table {
  const found = tables.get(name)
  if (!found) throw new TypeError(`no collection ${name} is declared`)
  return found
}

function reads(parts: Parts): Pick<Store, 'get' | 'find' | 'count' | 'scan'> {
  const options = { promoteBuffers: true, readPreference: 'primary' } as const
  return {
    async get(collection, id) {
      const t = table(parts, collection)
      const kept = await t.docs.findOne({ _id: id }, options)
      return kept ? docOf(t, kept) : undefined
    },
    async find(collection, by, { limit, after }) {
      const t = table(parts, collection)
      const { filters, sort } = pageFilters(t, by, after)
      const kept: Kept[] = []
      for (const filter of filters) {
        const left = limit - kept.length
        if (left > 0) kept.push(...(await t.docs.find(filter, options).sort(sort).limit(left).toArray()))
      }
      return kept.map((one) => docOf(t, one))
    },
    async count(collection, by, most) {
      const t = table(parts, collection)
      const [filter = {}] = pageFilters(t, by).filters
      return t.docs.countDocuments(filter, most === undefined ? {} : { limit: most })
    },
    async scan(collection, { limit, after }) {
      const t = table(parts, collection)
      const filter = after === undefined ? {} : { _id: { $gt: after } }
      const kept = await t.docs.find(filter, options).sort({ _id: 1 }).limit(limit).toArray()
      return kept.map((one) => docOf(t, one))
    },
  }
}

/** MongoDB has no command that overwrites: this says so. */
const REMAINS = [
  "MongoDB's journal and the free blocks of its data files, until the server writes over them",
  'the oplog of every member of a replica set, until it has turned over',
  'members that are behind or away, until they have caught up',
  'snapshots and backups of the database, as old as they are',
] as const

function writes(parts: Parts): Pick<Store, 'commit' | 'sweep' | 'lease' | 'release' | 'begin' | 'finish' | 'scrub'> {
  const leases = own(parts.connection, 'leases')
  const idempotency = own(parts.connection, 'idempotency')
  return {
    commit: (unit) => parts.application.apply(unit),
    async sweep(collection, before, limit) {
      // Idempotency records have no other way out.
      await idempotency.deleteMany({ purgeAt: { $lt: before } })
      const t = table(parts, collection)
      const due = { purgeAt: { $lt: before }, outboxAt: null }
      const found = await t.docs
        .find(due, { projection: { _id: 1 } })
        .limit(limit)
        .toArray()
      if (found.length === 0) return 0
      // The condition again: a document may have come to carry events, or a longer life, since it was found.
      const { deletedCount } = await t.docs.deleteMany({ ...due, _id: { $in: found.map(({ _id }) => _id) } })
      return deletedCount
    },
    scrub: async () => REMAINS,
    async lease({ name, holder, until }, now) {
      const { matchedCount } = await leases.updateOne(
        { _id: name, $or: [{ holder }, { until: { $lte: now } }] },
        { $set: { holder, until } },
      )
      if (matchedCount === 1) return true
      try {
        await leases.insertOne({ _id: name, holder, until })
        return true
      } catch (cause) {
        if (isDuplicate(cause)) return false
        throw cause
      }
    },
    async release(name, holder) {
      await leases.deleteOne({ _id: name, holder })
    },
    async begin(key, purgeAt) {
      try {
        await idempotency.insertOne({ _id: key, purgeAt })
        return undefined
      } catch (cause) {
        if (!isDuplicate(cause)) throw cause
      }
      const result = (await idempotency.findOne({ _id: key }, { promoteBuffers: true }))?.result
      return result instanceof Uint8Array ? { result } : 'pending'
    },
    async finish(key, result) {
      await idempotency.updateOne({ _id: key }, { $set: { result: Buffer.from(result) } })
    },
  }
}

/** What went wrong, without what the address may carry of a password. */
function reason(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause)
  return message.replace(/\/\/[^\s"]*@/g, '//').replace(/mongodb(\+srv)?:[^\s"]*/g, 'mongodb:...')
}

/** Whether the address names a database. No URL parser: an address may name several hosts. */
function namesDatabase(uri: string): boolean {
  return /^[^/]*\/\/[^/?]*\/[^/?]/.test(uri)
}

/** The cause is told in the message and not attached: the driver's errors may hold the whole address. */
async function connect(uri: string): Promise<Connection> {
  const connection = mongoose.createConnection()
  try {
    await connection.openUri(uri, {
      serverSelectionTimeoutMS: SELECTION_MS,
      writeConcern: MAJORITY,
      readPreference: 'primary',
      autoIndex: false,
      autoCreate: false,
      ...(namesDatabase(uri) ? {} : { dbName: 'mintmark' }),
    })
    return connection
  } catch (cause) {
    await connection.destroy().catch(() => undefined)
    throw new StoreUnusable(`MongoDB can't be reached: ${reason(cause)}`)
  }
}

async function checkSchema(connection: Connection): Promise<void> {
  const meta = own(connection, 'meta')
  const standing = await meta.findOne({ _id: 'schema' })
  if (typeof standing?.minReader === 'number' && standing.minReader > SCHEMA.version) {
    throw new StoreUnusable(
      `this database was written by a newer Mintmark (needs schema ${standing.minReader}, this one reads ${SCHEMA.version}); start the newer one`,
    )
  }
  await meta.updateOne(
    { _id: 'schema' },
    { $max: { version: SCHEMA.version, minReader: SCHEMA.minReader } },
    { upsert: true },
  )
}

/** Builds the store over a connection. `seam` lets a test put itself between the store and a collection. */
export async function createMongoStore(
  connection: Connection,
  collections: readonly Collection[],
  seam: (tables: ReadonlyMap<string, Table>) => void = () => {},
): Promise<Store> {
  const declarations = [
    ...collections,
    ...lawCollections.filter((law) => !collections.some(({ name }) => name === law.name)),
  ]
  const tables = new Map(declarations.map((collection) => [collection.name, tableOf(connection, collection)]))
  for (const table of tables.values()) await prepareIndexes(table)
  seam(tables)
  const outbox = looseEvents(own(connection, 'outbox'))
  const indexes = own(connection, 'outbox')
  await indexes.createIndex({ outboxAt: 1 }, { sparse: true })
  // Housekeeping only: nothing relies on when, or whether, the server removes them.
  await indexes.createIndex({ settledAt: 1 }, { expireAfterSeconds: SETTLED_SECONDS })
  const application = new Application(tables, {
    async put(id, events) {
      const told = { outbox: toldOf(events), outboxAt: events[0]?.at }
      try {
        await outbox.insertOne({ _id: id, ...told })
      } catch (cause) {
        if (!isDuplicate(cause)) throw cause
        // A majority write that changes nothing: what an earlier try put is durable then.
        await outbox.updateOne({ _id: id }, { $unset: { nothing: '' } })
      }
    },
  })
  const parts: Parts = { connection, tables, application }
  return {
    name: 'mongodb',
    ...reads(parts),
    ...writes(parts),
    ...outboxOf([...tables.values()], outbox),
    async ping() {
      await own(connection, 'meta').updateOne({ _id: 'ping' }, { $set: { at: 1 } }, { upsert: true })
    },
    close: () => connection.close(),
  }
}

async function prove(store: Store): Promise<void> {
  await probe(store).catch((cause) => {
    throw new StoreUnusable(
      `${reason(cause)}. Mintmark can't run on this MongoDB-compatible server (FerretDB 1.x is known for this).`,
      { cause },
    )
  })
}

/**
 * Opens the store at `uri`; the database is the one that it names, or `mintmark`.
 * Throws `StoreUnusable` when the server can't be reached, is not atomic, or was written by a newer Mintmark.
 */
export async function openMongoStore(input: {
  readonly uri: string
  readonly collections: readonly Collection[]
  readonly seam?: Parameters<typeof createMongoStore>[2]
  /** Whether to prove that the server's conditional updates are atomic. Off only where that was proved a moment ago. */
  readonly probe?: boolean
}): Promise<Store> {
  const connection = await connect(input.uri)
  try {
    await checkSchema(connection)
    const store = await createMongoStore(connection, input.collections, input.seam)
    if (input.probe ?? true) await prove(store)
    return store
  } catch (cause) {
    await connection.destroy()
    throw cause instanceof StoreUnusable
      ? cause
      : new StoreUnusable(`MongoDB can't be used: ${reason(cause)}`, { cause })
  }
}
