/** Rows as documents and events: the parsing edge of this store. Thousands are read for one answer: no intermediate objects. */

import type { SQLOutputValue } from 'node:sqlite'
import type { Doc, OutboxEvent, Scalar } from '../store.ts'
import { COLUMNS, KEPT_BY_STORE, quoted, type Table } from './schema.ts'

const CLEAR = COLUMNS.length
const FIELDS = CLEAR + 3

/** What `docOf` reads, in its order, of the table `of`. */
export function selected(table: Table, of = ''): string {
  const fields = table.columns.slice(COLUMNS.length + KEPT_BY_STORE.length)
  return [...COLUMNS.map(quoted), '"rev"', '"cid"', '"revokedAt"', ...fields]
    .map((column) => `${of}${column}`)
    .join(', ')
}

export type Row = readonly SQLOutputValue[]

/** What a statement gives that was told to give arrays: its types know objects alone. */
export const rowOf = (row: unknown): Row | undefined => row as Row | undefined
export const rowsOf = (rows: unknown): readonly Row[] => rows as readonly Row[]

function fieldsOf({ fields }: Table, row: Row): Record<string, Scalar> {
  const found: Record<string, Scalar> = {}
  for (let at = 0; at < fields.length; at++) found[fields[at] ?? ''] = (row[FIELDS + at] ?? null) as Scalar
  return found
}

/** A row as a document, a fresh one. */
export function docOf(table: Table, row: Row): Doc {
  const scopes = row[13]
  return {
    id: row[0],
    tenant: row[1],
    kind: row[2],
    v: row[3],
    hk: row[4],
    dk: row[5],
    family: row[6],
    grant: row[7],
    account: row[8],
    owner: row[9],
    client: row[10],
    session: row[11],
    api: row[12],
    scopes: typeof scopes === 'string' && scopes !== '[]' ? JSON.parse(scopes) : [],
    iat: row[14],
    exp: row[15],
    purgeAt: row[16],
    state: row[17],
    lastUse: row[18],
    body: row[19],
    rev: row[CLEAR],
    cid: row[CLEAR + 1],
    revokedAt: row[CLEAR + 2],
    fields: fieldsOf(table, row),
  } as Doc
}

/** What `eventOf` reads. */
export const EVENT_COLUMNS = 'id, type, tenant, at, dk, body, seq'

/** A row of the outbox as an event. */
export function eventOf([id, type, tenant, at, dk, body]: Row): OutboxEvent {
  return { id, type, tenant, at, dk, body } as OutboxEvent
}
