/**
 * The MongoDB store: mongoose models made from the declarations, majority writes, primary reads, no transactions.
 * A superseded primary may serve a read of a revoked opaque token until it steps down: that bound is in SECURITY.md.
 */

import mongoose, { type Connection } from 'mongoose'
import { lawCollections, probe } from '../laws.ts'
import { type Collection, type OutboxEvent, SCHEMA, type Store, StoreUnusable } from '../store.ts'
import { Application, REMOVED } from './apply.ts'
import { byIndex, docOf, type Kept, type Table, tableOf } from './schema.ts'

const MAJORITY = { w: 'majority', j: true } as const
const SELECTION_MS = 5000

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

const isDuplicate = (cause: unknown): boolean =>
  typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === 11000

function own(connection: Connection, name: string) {
  return connection.collection<Own>(`store-${name}`, { writeConcern: MAJORITY })
}

function table({ tables }: Parts, name: string): Table {
  const found = tables.get(name)
  if (!found) throw new TypeError(`no collection ${name} is declared`)
  return found
}

/** An event as it was before it became BSON. */
function eventOf(raw: OutboxEvent): OutboxEvent {
  const body: unknown = raw.body
  const bytes =
    body instanceof Uint8Array ? body : body instanceof mongoose.mongo.Binary ? body.buffer : Buffer.alloc(0)
  return { id: raw.id, type: raw.type, tenant: raw.tenant, at: raw.at, dk: raw.dk, body: Uint8Array.from(bytes) }
}

function reads(parts: Parts): Pick<Store, 'get' | 'find' | 'count' | 'pending'> {
  const options = { promoteBuffers: true, readPreference: 'primary' } as const
  return {
    async get(collection, id) {
      const t = table(parts, collection)
      const kept = (await t.model.collection.findOne({ _id: id } as never, options)) as Kept | null
      return kept && kept.state !== REMOVED ? docOf(t, kept) : undefined
    },
    async find(collection, by, { limit, after }) {
      const t = table(parts, collection)
      const filter = { ...byIndex(t, by), ...(after === undefined ? {} : { _id: { $gt: after } }) }
      const kept = (await t.model.collection
        .find(filter as never, options)
        .sort({ _id: 1 })
        .limit(limit)
        .toArray()) as unknown as Kept[]
      return kept.filter(({ state }) => state !== REMOVED).map((one) => docOf(t, one))
    },
    async count(collection, by) {
      const t = table(parts, collection)
      return t.model.collection.countDocuments({ $and: [byIndex(t, by), { state: { $ne: REMOVED } }] } as never)
    },
    async pending(limit) {
      const carriers = await Promise.all(
        [...parts.tables.values()].map((t) =>
          t.model.collection
            .find({ outboxAt: { $gte: 0 } } as never, options)
            .limit(limit)
            .toArray(),
        ),
      )
      const loose = await own(parts.connection, 'outbox').find({}, options).limit(limit).toArray()
      const told = [...carriers.flat(), ...loose].map((kept) =>
        Array.isArray(kept.outbox) ? kept.outbox.map(eventOf) : [],
      )
      // Carriers by the time of their first event; inside one the order of its commits holds.
      return told
        .sort((a, b) => (a[0]?.at ?? 0) - (b[0]?.at ?? 0))
        .flat()
        .slice(0, limit)
    },
  }
}

async function settle(parts: Parts, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  for (const { model } of parts.tables.values()) {
    const { modifiedCount } = await model.collection.updateMany(
      { outboxAt: { $gte: 0 }, 'outbox.id': { $in: [...ids] } } as never,
      { $pull: { outbox: { id: { $in: [...ids] } } } } as never,
    )
    if (modifiedCount > 0)
      await model.collection.updateMany(
        { outboxAt: { $gte: 0 }, outbox: { $size: 0 } } as never,
        { $unset: { outbox: '', outboxAt: '' } } as never,
      )
  }
  const loose = own(parts.connection, 'outbox')
  await loose.updateMany({ 'outbox.id': { $in: [...ids] } }, { $pull: { outbox: { id: { $in: [...ids] } } } } as never)
  await loose.deleteMany({ outbox: { $size: 0 } } as never)
}

function writes(parts: Parts): Pick<Store, 'commit' | 'sweep' | 'settle' | 'lease' | 'release' | 'begin' | 'finish'> {
  const leases = own(parts.connection, 'leases')
  const idempotency = own(parts.connection, 'idempotency')
  return {
    commit: (unit) => parts.application.apply(unit),
    async sweep(collection, before, limit) {
      // Idempotency records have no other way out.
      await idempotency.deleteMany({ purgeAt: { $lt: before } })
      const t = table(parts, collection)
      const due = await t.model.collection
        .find({ purgeAt: { $lt: before }, outboxAt: { $exists: false } } as never, { projection: { _id: 1 } })
        .limit(limit)
        .toArray()
      if (due.length === 0) return 0
      const { deletedCount } = await t.model.collection.deleteMany({
        _id: { $in: due.map(({ _id }) => _id) },
        purgeAt: { $lt: before },
      } as never)
      return deletedCount
    },
    settle: (ids) => settle(parts, ids),
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
  return (cause instanceof Error ? cause.message : String(cause)).replace(/\/\/[^@/\s]*@/g, '//')
}

async function connect(uri: string): Promise<Connection> {
  const connection = mongoose.createConnection(uri, {
    serverSelectionTimeoutMS: SELECTION_MS,
    writeConcern: MAJORITY,
    readPreference: 'primary',
    autoIndex: false,
    autoCreate: false,
    ...(new URL(uri.replace(/^mongodb(\+srv)?:/, 'http:').replace(/,[^/]*/, '')).pathname.length > 1
      ? {}
      : { dbName: 'mintmark' }),
  })
  try {
    return await connection.asPromise()
  } catch (cause) {
    await connection.destroy()
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
  for (const { model } of tables.values()) await model.createIndexes()
  seam(tables)
  const outbox = own(connection, 'outbox')
  const application = new Application(tables, {
    async put(id, events) {
      await outbox.updateOne(
        { _id: id },
        { $setOnInsert: { outbox: events.map((event) => ({ ...event, body: Buffer.from(event.body) })) } },
        { upsert: true },
      )
    },
  })
  const parts: Parts = { connection, tables, application }
  return {
    name: 'mongodb',
    ...reads(parts),
    ...writes(parts),
    async ping() {
      await own(connection, 'meta').updateOne({ _id: 'ping' }, { $set: { at: 1 } }, { upsert: true })
    },
    close: () => connection.close(),
  }
}

/**
 * Opens the store at `uri`; the database is the one that it names, or `mintmark`.
 * Throws `StoreUnusable` when the server can't be reached, is not atomic, or was written by a newer Mintmark.
 */
export async function openMongoStore(input: {
  readonly uri: string
  readonly collections: readonly Collection[]
  readonly seam?: Parameters<typeof createMongoStore>[2]
}): Promise<Store> {
  const connection = await connect(input.uri)
  try {
    await checkSchema(connection)
    const store = await createMongoStore(connection, input.collections, input.seam)
    await probe(store).catch((cause) => {
      throw new StoreUnusable(
        `${reason(cause)}. Mintmark can't run on this MongoDB-compatible server (FerretDB 1.x is known for this).`,
        { cause },
      )
    })
    return store
  } catch (cause) {
    await connection.destroy()
    throw cause instanceof StoreUnusable
      ? cause
      : new StoreUnusable(`MongoDB can't be used: ${reason(cause)}`, { cause })
  }
}
