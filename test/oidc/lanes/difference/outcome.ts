/** Everything that one request did to one server, in comparable form: answers, writes and events. */

import type { Change, Doc, NewDoc, OutboxEvent, Writes } from '../../../../adapters/store.ts'
import type { App } from '../../../../src/app.ts'
import { openEvents } from '../../../../src/seal/index.ts'
import type { Held } from './ledger.ts'
import { isRecord, type Teller } from './told.ts'
import type { Heard, RawAnswer } from './wire.ts'

/** What is opened with. */
export interface Opening {
  readonly app: App
  readonly held: Held
  readonly teller: Teller
  /** The refresh token that the request presented: receipts are sealed under it. */
  readonly presented: string | undefined
}

/** Headers that are another's in every answer. `DPoP-Nonce` follows the clock, which stands still. */
const OWN = ['x-request-id', 'date']

const requestIdOf = ({ headers }: RawAnswer): string | undefined =>
  headers.find(([name]) => name === 'x-request-id')?.[1]

function answerOf(answer: RawAnswer, n: number, teller: Teller): unknown {
  const { status, headers, body } = answer
  const id = requestIdOf(answer)
  if (id !== undefined) teller.call(id, `request ${n + 1}`)
  const shown = headers.filter(([name]) => !OWN.includes(name)).map(([name, value]) => `${name}: ${value}`)
  const own = headers.filter(([name]) => OWN.includes(name)).map(([name]) => name)
  return { status, headers: [...shown, ...own].sort(), body: teller.body(body, id) }
}

const parsed = (plain: Buffer): unknown => JSON.parse(plain.toString())

/** A sealed body. Nobody sees the order of its members. One that can't be opened is a difference, too. */
async function openedBody(doc: Parameters<App['seal']['open']>[0], { app, teller }: Opening): Promise<unknown> {
  const plain = await app.seal.open(doc).catch(() => undefined)
  const body = plain ? parsed(plain) : 'can not be opened'
  return isRecord(body)
    ? teller.value(Object.fromEntries(Object.entries(body).sort(([a], [b]) => (a < b ? -1 : 1))))
    : body
}

/** The fields of a change in clear, with its receipt opened. */
async function fieldsOf(fields: NewDoc['fields'], id: string, { app, teller, presented }: Opening): Promise<unknown> {
  const { receipt, receiptKey, ...rest } = fields
  if (!(receipt instanceof Uint8Array) || typeof receiptKey !== 'string')
    return { receipt: [receipt, receiptKey], clear: teller.value(rest) }
  const opened = await app.seal.openUnder(presented ?? '', id, { dk: receiptKey, body: receipt })
  // The receipt first: of an answer that never left, it alone holds the texts whose hashes the fields are.
  return { receipt: teller.value(parsed(opened)), clear: teller.value(rest) }
}

/** A new document: its columns as they are, its body opened. */
async function documentOf(collection: string, doc: NewDoc, opening: Opening): Promise<unknown> {
  const { teller } = opening
  const { body, dk: _dk, fields, ...columns } = doc
  // The body first: it holds the texts whose hashes the columns are.
  const opened = body && (await openedBody({ ...doc, body }, opening))
  return {
    collection,
    columns: teller.value(columns),
    opened,
    fields: await fieldsOf(fields, doc.id, opening),
  }
}

/** A change of a document that is there. */
async function changeOf(
  { collection, id, set, ...rest }: { readonly collection: string; readonly id: string; readonly set: Change },
  opening: Opening,
): Promise<unknown> {
  const { held, teller } = opening
  const { body, dk, fields = {}, ...columns } = set
  const read: Doc | undefined = await held.now.get(collection, id)
  const opened = read && body && dk !== undefined ? await openedBody({ ...read, ...columns, dk, body }, opening) : body
  return {
    collection,
    id: teller.value(id),
    columns: teller.value(columns),
    opened,
    hasKey: dk !== undefined,
    fields: await fieldsOf(fields, id, opening),
    rest: teller.value(rest),
  }
}

/** Events in their order. */
export async function eventsOf(events: readonly OutboxEvent[], { app, teller }: Opening): Promise<readonly unknown[]> {
  const out: unknown[] = []
  for (const event of events) {
    const { id, type, tenant, at } = event
    const told: unknown[] = []
    for (const { type: one, data } of await openEvents(app.seal, event)) {
      // A batch carries the units' own ids.
      if (typeof data.cid === 'string') teller.call(data.cid, 'cid')
      told.push({ type: one, data: teller.value(data) })
    }
    out.push({ id: teller.text(id), type, tenant, at, told })
  }
  return out
}

/** A unit of work. */
export async function writesOf(writes: Writes, opening: Opening): Promise<unknown> {
  const { teller } = opening
  teller.call(writes.cid, 'cid')
  const inserts: unknown[] = []
  for (const { collection, doc } of writes.inserts) inserts.push(await documentOf(collection, doc, opening))
  const burns: unknown[] = []
  for (const { collection, doc } of writes.burns) burns.push(await documentOf(collection, doc, opening))
  const updates: unknown[] = []
  for (const update of writes.updates) updates.push(await changeOf(update, opening))
  return {
    request: teller.text(writes.request),
    burns,
    inserts,
    updates,
    decider: writes.decider && (await changeOf(writes.decider, opening)),
    revocations: teller.value(writes.revocations),
    cleanups: teller.value(writes.cleanups),
    events: await eventsOf(writes.events, opening),
  }
}

/** What one server did. */
export interface Outcome {
  readonly answers: readonly unknown[]
  readonly closed: boolean
  readonly writes: readonly unknown[]
  /** Events of what wrote nothing. */
  readonly batch: readonly unknown[]
  /** How often its policies were asked. */
  readonly asked: number
}

const sortedBy = <T>(list: readonly T[], key: (one: T) => number): readonly T[] =>
  list.toSorted((a, b) => key(a) - key(b))

/** Tells it. */
export async function outcomeOf(
  input: {
    readonly heard: Heard
    readonly commits: readonly Writes[]
    readonly batch: readonly Writes[]
    readonly asked: number
  },
  opening: Opening,
): Promise<Outcome> {
  const { heard, commits, batch, asked } = input
  const answers = heard.answers.map((answer, n) => answerOf(answer, n, opening.teller))
  // Of several at once each is told in the order of the answers: which committed first is nobody's promise.
  const order = heard.answers.map(requestIdOf)
  const writes: unknown[] = []
  for (const unit of sortedBy(commits, ({ request }) => order.indexOf(request)))
    writes.push(await writesOf(unit, opening))
  const told = (
    await eventsOf(
      batch.flatMap(({ events }) => events),
      opening,
    )
  ).map((event) => JSON.stringify(event))
  return { answers, closed: heard.closed, writes, batch: heard.answers.length > 1 ? told.sort() : told, asked }
}

/** Where two values differ first, in words; undefined where they don't. Members are compared in their order. */
export function differenceOf(a: unknown, b: unknown, path = ''): string | undefined {
  if (Object.is(a, b)) return undefined
  const lists = Array.isArray(a) && Array.isArray(b)
  if (lists || (isRecord(a) && isRecord(b))) {
    const [left, right] = [Object.entries(a), Object.entries(b)]
    const names = (list: readonly (readonly [string, unknown])[]): string => list.map(([name]) => name).join(', ')
    if (names(left) !== names(right))
      return `${path || '/'} has {${names(left)}} against {${names(right)}}: ${short(a)} against ${short(b)}`
    for (const [n, [name, value]] of left.entries()) {
      const found = differenceOf(value, right[n]?.[1], `${path}/${name}`)
      if (found !== undefined) return found
    }
    return undefined
  }
  return `${path}: ${short(a)} against ${short(b)}`
}

const SHOWN_MAX = 400
const short = (value: unknown): string => (JSON.stringify(value) ?? 'undefined').slice(0, SHOWN_MAX)
