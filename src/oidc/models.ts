/**
 * The models: oidc-provider's storage adapter, over the unit of work. Every write is staged; nothing is written here.
 * What each call means by class: reference/oidc-provider.md, section 2, and DESIGN rule 2.
 */

import { type Adapter, type AdapterFactory, type AdapterPayload, errors } from 'oidc-provider'
import type { Decider, Doc } from '../../adapters/store.ts'
import { type Clock, type Random, randomText, seconds } from '../base/index.ts'
import { type Clients, faultOfMetadata } from '../clients/index.ts'
import { endGrant, endOne } from '../revocation/index.ts'
import type { Families } from './family.ts'
import { artefacts, type Kind, type Payload, type Records } from './records.ts'
import { createSessionModel } from './session-model.ts'
import { currentWork, type Work } from './work.ts'

/** What the models use. */
export interface ModelDeps {
  readonly records: Records
  readonly families: Families
  readonly clients: Clients
  readonly clock: Clock
  readonly random: Random
  /** Scopes that need no API. */
  readonly statics: readonly string[]
  /** Whether a text can be a token of this kind at all; forged ones are refused without a read. */
  readonly wellFormed: (kind: Kind, text: string) => boolean
}

/** What every model may be asked, with the ones that a kind has no use for left out. */
export type Model = Pick<Adapter, 'upsert' | 'find' | 'destroy'> &
  Partial<Pick<Adapter, 'findByUid' | 'findByUserCode' | 'consume' | 'revokeByGrantId'>>

/** Sources of a redemption carry their family's id from the start. */
const SOURCES: readonly Kind[] = ['AuthorizationCode', 'DeviceCode']
const FAMILY_BYTES = 18

/**
 * Stages a decider. The Interaction's gives way to a stronger one in the same request (a pushed request, a device
 * approval): it becomes an update on its `rev`, which a rival loses just the same.
 */
export function decideOnce(work: Work, decider: Decider, read: Doc): void {
  const staged = work.unit.decider
  if (staged && staged.id !== decider.id && read.kind === 'Interaction') {
    work.unit.update(decider.collection, read, decider.set)
    return
  }
  if (staged && staged.id !== decider.id) work.unit.demoteDecider()
  work.unit.decide(decider, read)
}

function spend(work: Work, read: Doc): void {
  decideOnce(
    work,
    { collection: artefacts.name, id: read.id, if: { state: 'live', revokedAt: null }, set: { state: 'spent' } },
    read,
  )
}

/** The model of most kinds: a document under the hash of its id. */
function plainModel(
  kind: Kind,
  deps: ModelDeps,
): Model & { readonly payloadOf: (doc: Doc) => Promise<Payload | undefined> } {
  const { records, families, clock } = deps

  function take(work: Work, payload: Payload): Payload {
    const { mmFamily, ...rest } = payload
    if (typeof mmFamily === 'string') work.family = { text: mmFamily, id: records.id('Family', mmFamily) }
    return rest
  }

  function insert(work: Work, id: string, payload: Payload): void {
    const source = SOURCES.includes(kind)
    const whole = source ? { ...payload, mmFamily: randomText(deps.random, FAMILY_BYTES) } : payload
    const family = kind === 'AccessToken' ? (work.family?.id ?? null) : null
    work.unit.insert(artefacts.name, records.document(kind, id, whole, { family }))
    if (kind === 'DeviceCode' && typeof payload.userCode === 'string') {
      work.unit.insert(
        artefacts.name,
        records.pointer('user-code', payload.userCode, id, typeof payload.exp === 'number' ? payload.exp : null),
      )
    }
  }

  async function change(work: Work, doc: Doc, payload: Payload): Promise<void> {
    const kept = SOURCES.includes(kind) ? { ...payload, mmFamily: (await records.open(doc)).mmFamily } : payload
    const set = records.reseal(doc, kept)
    const approves = kind === 'DeviceCode' && (payload.accountId !== undefined || payload.error !== undefined)
    if (approves)
      decideOnce(
        work,
        { collection: artefacts.name, id: doc.id, if: { state: 'live', rev: doc.rev, revokedAt: null }, set },
        doc,
      )
    else work.unit.update(artefacts.name, doc, set)
  }

  async function read(text: string): Promise<Doc | undefined> {
    return deps.wellFormed(kind, text) ? currentWork().unit.get(artefacts.name, records.id(kind, text)) : undefined
  }

  async function payloadOf(doc: Doc): Promise<Payload | undefined> {
    const work = currentWork()
    if (doc.revokedAt !== null || !(await families.lives(work, doc))) return undefined
    const payload = take(work, await records.open(doc))
    if (doc.state !== 'spent') return payload
    return kind === 'Interaction' || kind === 'InitialAccessToken' ? undefined : { ...payload, consumed: payload.iat }
  }

  return {
    payloadOf,
    async upsert(text, payload) {
      const work = currentWork()
      const id = records.id(kind, text)
      // The library finds what it changes; what this run has not read is new, under an id that nobody can have guessed.
      const doc = work.unit.known(artefacts.name, id)
      if (doc) await change(work, doc, payload)
      else insert(work, id, payload)
    },
    async find(text) {
      const work = currentWork()
      const standIn = work.standIns.get(`${kind} ${text}`)
      if (standIn) return { ...standIn }
      const doc = await read(text)
      if (doc && kind === 'InitialAccessToken') work.initialAccessToken = doc
      return doc && payloadOf(doc)
    },
    async consume(text) {
      const work = currentWork()
      const doc = await read(text)
      if (!doc) throw new Error(`a ${kind} is spent that was not read`)
      spend(work, doc)
      if (SOURCES.includes(kind)) families.begin(work, await records.open(doc))
    },
    async destroy(text) {
      const work = currentWork()
      const doc = await read(text)
      if (!doc) return
      if (kind === 'Interaction') spend(work, doc)
      else if (kind === 'Grant') endGrant(work.unit, { collection: artefacts.name, at: seconds(clock) }, doc.id)
      else endOne(work.unit, { collection: artefacts.name, at: seconds(clock) }, doc.id)
    },
  }
}

function deviceModel(deps: ModelDeps): Model {
  const plain = plainModel('DeviceCode', deps)
  return {
    ...plain,
    async findByUserCode(userCode) {
      const { unit } = currentWork()
      const pointer = await unit.get(artefacts.name, deps.records.id('user-code', userCode))
      const doc =
        typeof pointer?.fields.target === 'string' ? await unit.get(artefacts.name, pointer.fields.target) : undefined
      return doc && plain.payloadOf(doc)
    },
  }
}

function refreshModel({ families }: ModelDeps): Model {
  return {
    upsert: (text, payload) => families.put(currentWork(), text, payload),
    find: (text) => families.find(currentWork(), text),
    // The decider is staged with the successor, in one write; see `put`.
    async consume() {},
    async destroy() {
      families.end(currentWork(), 'refresh token revoked by its client')
    },
  }
}

/** The placeholder that the library's schema asks of clients with a secret. Nothing accepts it: comparison is by keyed hash, HS* is off. */
export const SECRET_IS_HASHED = 'kept as a keyed hash'

function clientModel({ clients, statics }: ModelDeps): Model {
  return {
    async upsert(clientId, payload) {
      const { unit } = currentWork()
      const { client_secret, ...metadata } = payload
      // The library lets a redirect URI carry `code` or `error` of its own (threats 3); ours must not.
      const fault = faultOfMetadata(metadata)
      if (fault) throw new errors.InvalidClientMetadata(fault.message)
      if (await clients.stageUpdate(unit, clientId, metadata)) return
      clients.stageRegistration(unit, clientId, metadata, typeof client_secret === 'string' ? client_secret : undefined)
    },
    async find(clientId) {
      const work = currentWork()
      const record = await clients.find(clientId, work.unit)
      if (!record) return undefined
      work.clients.set(clientId, record)
      // The library knows only scopes that need no API; those of APIs are checked where the API is asked for.
      const scope = String(record.metadata.scope ?? '')
        .split(' ')
        .filter((s) => statics.includes(s))
        .join(' ')
      const { scope: _scope, ...metadata } = record.metadata
      return {
        ...metadata,
        ...(scope ? { scope } : {}),
        ...(record.secrets.length > 0 ? { client_secret: SECRET_IS_HASHED } : {}),
      }
    },
    async destroy(clientId) {
      clients.stageRemoval(currentWork().unit, clientId)
    },
  }
}

/**
 * What revoking by Grant means depends on who asks (DESIGN rule 4): a sign-out ends the Grant with all its families, a replay
 * or a revoked refresh token ends the one family that it belongs to.
 */
function revokeByGrant(deps: ModelDeps, grantId: string): void {
  const work = currentWork()
  if (work.route === 'end_session')
    endGrant(work.unit, { collection: artefacts.name, at: seconds(deps.clock) }, deps.records.id('Grant', grantId))
  else
    deps.families.end(work, work.route === 'revocation' ? 'token revoked by its client' : 'authorization code replayed')
}

const absent = async (): Promise<undefined> => undefined

function modelOf(kind: string, deps: ModelDeps): Model {
  switch (kind) {
    case 'Session':
      return createSessionModel(deps)
    case 'DeviceCode':
      return deviceModel(deps)
    case 'RefreshToken':
      return refreshModel(deps)
    case 'Client':
      return clientModel(deps)
    default:
      return plainModel(kind as Kind, deps)
  }
}

/** The adapter factory that the provider is built with. */
export function createModels(deps: ModelDeps): AdapterFactory {
  return (kind) => {
    const model = modelOf(kind, deps)
    return {
      upsert: (id: string, payload: AdapterPayload) => model.upsert(id, payload, 0),
      find: (id: string) => model.find(id),
      destroy: (id: string) => model.destroy(id),
      findByUid: model.findByUid ?? absent,
      findByUserCode: model.findByUserCode ?? absent,
      consume: model.consume ?? absent,
      async revokeByGrantId(grantId: string) {
        revokeByGrant(deps, grantId)
      },
    }
  }
}
