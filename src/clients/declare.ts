/**
 * The configuration's clients in the store: one place to find every client, the same on every node, with the record of what was
 * changed and when. Each client is one commit; what is as it was is not written. A client that the list has no more is disabled and
 * marked as such, not removed: its id stays its own, and declared again it works again.
 */

import { isDeepStrictEqual } from 'node:util'
import type { Doc, Store } from '../../adapters/store.ts'
import { type Clock, overRivals, seconds, type Unit } from '../base/index.ts'
import { BadConfiguration, type ClientDeclaration } from '../config/index.ts'
import type { Seal } from '../seal/index.ts'
import {
  bodyOf,
  type ClientRecord,
  clientOf,
  clients,
  docsOf,
  documentOf,
  idOf,
  isDeclared,
  type StoredSecret,
} from './records.ts'
import { faultOfMetadata } from './rules.ts'

/** Another node may declare the same at the same time: then one of the two finds it done. */
const TRIES = 5

/** What declaring came to. Ids in the order of the list; `removed` are those that it has no more. */
export interface Declared {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly unchanged: number
  readonly removed: readonly string[]
}

/** What declaring uses. */
export interface DeclareDeps {
  readonly store: Pick<Store, 'get' | 'find'>
  readonly seal: Seal
  readonly clock: Clock
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
  readonly hashed: (clientId: string, secret: string) => string
  readonly matches: (clientId: string, secret: string, hash: string) => boolean
}

type Content = Pick<
  ClientRecord,
  'metadata' | 'introspect' | 'reliesOnNonce' | 'fapi' | 'label' | 'graceSeconds' | 'repeatsMax'
>

function contentOf(input: ClientDeclaration): { readonly content: Content; readonly secret: string | undefined } {
  const { client_secret, introspect, relies_on_nonce, fapi, label, grace_seconds, repeats_max, ...metadata } = input
  return {
    secret: client_secret || undefined,
    content: {
      metadata,
      introspect,
      reliesOnNonce: relies_on_nonce,
      fapi: fapi === '2.0',
      label,
      graceSeconds: grace_seconds,
      repeatsMax: repeats_max,
    },
  }
}

/** As it is read back: what JSON drops is no difference. */
function written(clientId: string, record: object): unknown {
  try {
    return JSON.parse(JSON.stringify(record))
  } catch (cause) {
    throw new BadConfiguration(`clients: ${clientId}: holds what can't be written as JSON`, { cause })
  }
}

/** Throws `BadConfiguration` when an id is another's. It is never taken over: tokens are out under that name. */
function refuseForeign(clientId: string, doc: Doc, record: ClientRecord): void {
  if (doc.revokedAt !== null)
    throw new BadConfiguration(
      `clients: ${clientId}: a client with this id was removed, and its id stays taken; declare it under another one`,
    )
  if (record.source !== 'configuration')
    throw new BadConfiguration(
      `clients: ${clientId}: the store has a client with this id that the configuration did not make; take it out of the configuration, or declare it under another id`,
    )
}

/** The secrets that the record should have: those that it has, where the declared one is among them as the only one. */
function secretsFor(
  deps: DeclareDeps,
  input: ClientDeclaration,
  before: ClientRecord | undefined,
): readonly StoredSecret[] {
  const { secret } = contentOf(input)
  if (secret === undefined) return []
  const [kept, ...more] = before?.secrets ?? []
  if (kept && more.length === 0 && kept.until === null && deps.matches(input.client_id, secret, kept.hash))
    return [kept]
  return [{ hash: deps.hashed(input.client_id, secret), until: null, createdAt: seconds(deps.clock) }]
}

function recordFor(deps: DeclareDeps, input: ClientDeclaration, before: ClientRecord | undefined): ClientRecord {
  const { undeclared, ...kept } = before ?? { disabled: false, createdAt: seconds(deps.clock) }
  return {
    ...contentOf(input).content,
    clientId: input.client_id,
    secrets: secretsFor(deps, input, before),
    source: 'configuration',
    demo: false,
    disabled: undeclared ? false : kept.disabled,
    createdAt: kept.createdAt,
  }
}

/** Refuses a list of which one could not be used, naming it. Throws `BadConfiguration`. */
export function checkDeclared(list: readonly ClientDeclaration[]): void {
  for (const input of list) {
    const fault = faultOfMetadata(contentOf(input).content.metadata)
    if (fault) throw new BadConfiguration(`clients: ${input.client_id}: ${fault.message}`, { cause: fault })
  }
}

/** Makes the verb. */
export function createDeclare(deps: DeclareDeps) {
  const { seal } = deps

  /** Stages what one declaration changes. */
  async function stage(unit: Unit, input: ClientDeclaration): Promise<'added' | 'changed' | 'unchanged'> {
    const { client_id: clientId } = input
    const told = { client_id: clientId, source: 'configuration' }
    const doc = await unit.get(clients.name, idOf(seal, 'client', clientId))
    if (!doc) {
      const record = recordFor(deps, input, undefined)
      written(clientId, record)
      unit.insert(clients.name, documentOf(seal, 'declared-client', clientId, record, record.createdAt))
      unit.note('client.created', told)
      return 'added'
    }
    const before = await clientOf(seal, doc)
    refuseForeign(clientId, doc, before)
    const next = recordFor(deps, input, before)
    if (isDeepStrictEqual(written(clientId, next), before)) return 'unchanged'
    unit.update(clients.name, doc, bodyOf(seal, doc, next))
    if (before.undeclared) unit.note('client.enabled', told)
    const { undeclared: _mark, ...standing } = { ...before, disabled: next.disabled }
    if (!isDeepStrictEqual(written(clientId, next), standing)) unit.note('client.updated', told)
    return 'changed'
  }

  async function stageRemoval(unit: Unit, clientId: string): Promise<'removed' | 'unchanged'> {
    const doc = await unit.get(clients.name, idOf(seal, 'client', clientId))
    const record = doc && doc.revokedAt === null ? await clientOf(seal, doc) : undefined
    if (!doc || !record || !isDeclared(record)) return 'unchanged'
    unit.update(clients.name, doc, bodyOf(seal, doc, { ...record, disabled: true, undeclared: true }))
    unit.note('client.disabled', { client_id: clientId, source: 'configuration' })
    return 'removed'
  }

  /** Commits what is staged; on a conflict it is staged again on what is there then. */
  async function settled<T extends string>(staged: (unit: Unit) => Promise<T | 'unchanged'>): Promise<T | 'unchanged'> {
    return overRivals(TRIES, async () => {
      const unit = deps.unit()
      const outcome = await staged(unit)
      if (outcome !== 'unchanged') await deps.commit(unit)
      return outcome
    })
  }

  return async (list: readonly ClientDeclaration[]): Promise<Declared> => {
    // Looked at before anything is written: a list that can't be had whole changes nothing.
    checkDeclared(list)
    for (const input of list) await stage(deps.unit(), input)
    const came: Record<'added' | 'changed' | 'removed', string[]> = { added: [], changed: [], removed: [] }
    let unchanged = 0
    for (const input of list) {
      const outcome = await settled((unit) => stage(unit, input))
      if (outcome === 'unchanged') unchanged++
      else came[outcome].push(input.client_id)
    }
    const listed = new Set(list.map(({ client_id }) => client_id))
    for await (const doc of docsOf(deps.store, 'declared-client')) {
      if (doc.revokedAt !== null) continue
      const { clientId, undeclared } = await clientOf(seal, doc)
      if (undeclared || listed.has(clientId)) continue
      if ((await settled((unit) => stageRemoval(unit, clientId))) === 'removed') came.removed.push(clientId)
    }
    return { ...came, unchanged, removed: came.removed.toSorted() }
  }
}
