/**
 * Jobs as they stand in a packet. Each begins with its number, where it ends and what is to be done; a unit follows class by class. Sets
 * of columns are sums of powers of two: the writer knows its statements by them, and no SQL is made twice.
 */

import type { Burn, Change, Condition, Decider, Fields, Revocation, Scalar, Update, Writes } from '../store.ts'
import type { PacketWriter } from './packet.ts'
import { reached } from './queries.ts'
import { COLUMNS, KEPT_BY_STORE, type Table } from './schema.ts'

export const JOB = { commit: 0, sql: 1, scrub: 2 } as const
/** How a revocation reaches its documents. */
export const REACH = { id: 0, index: 1 } as const

const FIELDS_AT = COLUMNS.length + KEPT_BY_STORE.length
const WEIGHTS = Array.from({ length: 53 }, (_, n) => 2 ** n)
const weightAt = (at: number): number => WEIGHTS[at] ?? 0
const weightOf = (column: string): number => weightAt([...COLUMNS, ...KEPT_BY_STORE].indexOf(column as 'id'))
interface Named extends Change, Pick<Condition, 'rev' | 'revokedAt'> {}
type Name = Exclude<keyof Named, 'fields'>
/** In the order of a row, as the writer reads them. */
const weighed = (...names: readonly Name[]) =>
  names.map((name) => ({ name, weight: weightOf(name) })).sort((a, b) => a.weight - b.weight)
const CHANGEABLE = weighed('state', 'lastUse', 'exp', 'purgeAt', 'scopes', 'dk', 'body')
const TESTABLE = weighed('state', 'rev', 'revokedAt')

/** The columns of a sum, as places in a row, ascending. */
export function placesOf(sum: number): readonly number[] {
  return WEIGHTS.flatMap((weight, at) => (Math.floor(sum / weight) % 2 === 1 ? [at] : []))
}

/** The declared collections by their names. Throws TypeError for any other. */
export function tableIn(tables: ReadonlyMap<string, Table>, name: string): Table {
  const found = tables.get(name)
  if (!found) throw new TypeError(`no collection ${name} is declared`)
  return found
}

const scopesOf = (scopes: readonly string[]): string | null => (scopes.length === 0 ? null : JSON.stringify(scopes))

/** Refuses names that the declaration does not have. */
function declared(table: Table, fields: Fields): void {
  for (const name in fields)
    if (!table.fields.includes(name)) throw new TypeError(`${table.name} does not declare the field ${name}`)
}

/** Declared fields, in their order: `isNullSaid` where a null is a value and not an absence. Gives their sum. */
function putFields(packet: PacketWriter, table: Table, fields: Fields, isNullSaid: boolean): number {
  declared(table, fields)
  let sum = 0
  for (let at = 0; at < table.fields.length; at++) {
    const name = table.fields[at] ?? ''
    const value = fields[name]
    if (value === undefined ? !(isNullSaid && name in fields) : value === null && !isNullSaid) continue
    // A slip: what is said to be undefined is no value.
    packet.put(value as Scalar)
    sum += weightAt(FIELDS_AT + at)
  }
  return sum
}

function putDoc(packet: PacketWriter, table: Table, doc: Burn['doc']): void {
  packet.put(table.at)
  const place = packet.reserve()
  let sum = 0
  for (let at = 0; at < COLUMNS.length; at++) {
    const column = COLUMNS[at] ?? 'id'
    const value = column === 'scopes' ? scopesOf(doc.scopes) : doc[column]
    if (value === null || value === undefined) continue
    packet.put(value)
    sum += weightAt(at)
  }
  packet.set(place, sum + putFields(packet, table, doc.fields, false))
}

/** The values of a change or a condition. Gives their sum. */
function putParts(packet: PacketWriter, table: Table, named: Named, allowed: ReturnType<typeof weighed>): number {
  let sum = 0
  let known = named.fields ? 1 : 0
  for (const { name, weight } of allowed) {
    const value = name === 'scopes' ? named.scopes && scopesOf(named.scopes) : named[name]
    if (name in named) known++
    if (value === undefined) continue
    packet.put(value)
    sum += weight
  }
  if (known < Object.keys(named).length) {
    const names: readonly string[] = ['fields', ...allowed.map(({ name }) => name)]
    const other = Object.keys(named).find((name) => !names.includes(name))
    if (other !== undefined) throw new TypeError(`${other} can't stand in a change or a condition of ${table.name}`)
  }
  return named.fields ? sum + putFields(packet, table, named.fields, true) : sum
}

function putUpdate(packet: PacketWriter, table: Table, { id, rev, set }: Update): void {
  packet.put(table.at)
  packet.put(id)
  packet.put(rev)
  const place = packet.reserve()
  packet.set(place, putParts(packet, table, set, CHANGEABLE))
}

function putDecider(packet: PacketWriter, table: Table, { id, if: condition, set, increment }: Decider): void {
  packet.put(table.at)
  packet.put(id)
  const [sets, adds, asks] = [packet.reserve(), packet.reserve(), packet.reserve()]
  packet.set(sets, putParts(packet, table, set, CHANGEABLE))
  packet.set(adds, increment ? putFields(packet, table, increment, true) : 0)
  packet.set(asks, putParts(packet, table, condition, TESTABLE))
}

function putRevocation(packet: PacketWriter, table: Table, { target, at, purgeAt, mark }: Revocation): void {
  packet.put(table.at)
  if ('id' in target) {
    packet.put(REACH.id)
    packet.put(target.id)
  } else {
    const { place, where } = reached(table, target.by)
    packet.put(REACH.index)
    packet.put(place)
    packet.put(where.sql)
    packet.put(where.values.length)
    for (const value of where.values) packet.put(value as Scalar)
  }
  packet.put(at)
  packet.put(purgeAt ?? null)
  packet.put(mark ?? null)
}

/** Begins a job; `endJob` says where it ends. */
export function beginJob(packet: PacketWriter, n: number, what: (typeof JOB)[keyof typeof JOB]): number {
  packet.put(n)
  const place = packet.reserve()
  packet.reserve()
  packet.put(what)
  return place
}

export function endJob(packet: PacketWriter, place: number): void {
  const [values, bytes] = packet.mark()
  packet.set(place, values)
  packet.set(place + 1, bytes)
}

/** A unit. Throws TypeError for what no declaration names and for values that no store takes; the packet is to be taken back then. */
export function putUnit(packet: PacketWriter, tables: ReadonlyMap<string, Table>, unit: Writes): void {
  const { burns, inserts, updates, decider, revocations, cleanups, events } = unit
  packet.put(unit.cid)
  packet.put(unit.request)
  // How many of its writes may be lost after its burns.
  packet.put(inserts.length + updates.length + (decider ? 1 : 0))
  packet.put(burns.length)
  for (const { collection, doc } of burns) putDoc(packet, tableIn(tables, collection), doc)
  packet.put(inserts.length)
  for (const { collection, doc } of inserts) putDoc(packet, tableIn(tables, collection), doc)
  packet.put(updates.length)
  for (const update of updates) putUpdate(packet, tableIn(tables, update.collection), update)
  packet.put(decider ? 1 : 0)
  if (decider) putDecider(packet, tableIn(tables, decider.collection), decider)
  packet.put(revocations.length)
  for (const revocation of revocations) putRevocation(packet, tableIn(tables, revocation.collection), revocation)
  packet.put(cleanups.length)
  for (const { collection, id } of cleanups) {
    packet.put(tableIn(tables, collection).at)
    packet.put(id)
  }
  packet.put(events.length)
  for (const { id, type, tenant, at, dk, body } of events) {
    packet.put(id)
    packet.put(type)
    packet.put(tenant)
    packet.put(at)
    packet.put(dk)
    packet.put(body)
  }
}
