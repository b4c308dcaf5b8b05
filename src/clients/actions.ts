/** The verbs on clients: find, compare a secret, create, declare, rotate, disable, remove; and what dynamic registration stages. */

import type { Doc, Store } from '../../adapters/store.ts'
import { type Clock, isConflict, type Random, randomText, Secret, seconds, TENANT, type Unit } from '../base/index.ts'
import type { Configuration } from '../config/index.ts'
import { OpenedOnce, type Seal } from '../seal/index.ts'
import { checkDeclared, createDeclare } from './declare.ts'
import { refuse } from './errors.ts'
import { Recent } from './recent.ts'
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
import { type ClientOrder, faultOf, metadataOf } from './rules.ts'
import { createSecretUses, liveSecrets } from './secrets.ts'

/** A removed client's tombstone outlives what may still name it. */
const TOMBSTONE_SECONDS = 400 * 24 * 3600
/** Clients that are asked for again and again. */
const OPENED_MAX = 10_000

/** What the verbs use. */
export interface ClientDeps {
  readonly store: Pick<Store, 'get' | 'find' | 'version'>
  readonly seal: Seal
  readonly clock: Clock
  readonly random: Random
  readonly configuration: Pick<Configuration, 'apis'>
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
  /** Demonstration records work only where issuer and listener are loopback. */
  readonly demoUsable: boolean
  /** What signs the ID tokens of a new client; ES256 unless given. */
  readonly idTokenAlgorithm?: () => string
}

const secretPlace = (clientId: string, text: string) => ({ tenant: TENANT, kind: `client secret ${clientId}`, text })

/** The verbs. */
export function clientActions(deps: ClientDeps) {
  const { seal, clock, random } = deps
  const uses = createSecretUses(deps)
  const recent = new Recent<{ doc: Doc; record: ClientRecord }>({
    version: () => deps.store.version?.(clients.name),
    keptMax: OPENED_MAX,
  })
  const opened = new OpenedOnce<ClientRecord>({ entriesMax: OPENED_MAX, open: (doc) => clientOf(seal, doc) })
  const hashed = (clientId: string, text: string, purpose: 'secret' | 'credential' = 'credential'): string =>
    seal.hash(purpose, TENANT, `client secret ${clientId}`, text)
  // Secrets of the configuration may have any shape: they are hashed by the key that never turns.
  const purposeOf = ({ source }: Pick<ClientRecord, 'source'>) => (source === 'configuration' ? 'secret' : 'credential')

  async function read(
    clientId: string,
    reader: Pick<Store, 'get'>,
  ): Promise<{ doc: Doc; record: ClientRecord } | undefined> {
    if (clientId.includes('\0')) return undefined
    const doc = await reader.get(clients.name, idOf(seal, 'client', clientId))
    return !doc || doc.revokedAt !== null ? undefined : { doc, record: await opened.of(doc) }
  }

  // A unit reads for itself: it has staged writes to see.
  const stored = (clientId: string, unit?: Pick<Store, 'get'>) =>
    unit ? read(clientId, unit) : recent.of(clientId, () => read(clientId, deps.store))

  async function known(clientId: string): Promise<{ doc: Doc; record: ClientRecord }> {
    const found = await stored(clientId)
    if (!found) throw refuse('client_unknown')
    if (isDeclared(found.record)) throw refuse('client_declared')
    return found
  }

  async function change(clientId: string, event: string, next: (record: ClientRecord) => ClientRecord): Promise<void> {
    const { doc, record } = await known(clientId)
    if (record.undeclared) throw refuse('client_undeclared')
    const unit = deps.unit()
    unit.update(clients.name, doc, bodyOf(seal, doc, next(record)))
    unit.note(event, { client_id: clientId })
    await deps.commit(unit).catch((cause) => {
      throw isConflict(cause) ? refuse('client_busy', { client_id: clientId }, cause) : cause
    })
  }

  return {
    /** The client, or undefined when there is none that may be used. */
    async find(clientId: string, reader?: Pick<Store, 'get'>): Promise<ClientRecord | undefined> {
      const record = (await stored(clientId, reader))?.record
      return !record || record.disabled || (record.demo && !deps.demoUsable) ? undefined : record
    },
    /** Constant-time comparison with every live secret. */
    secretMatches(record: ClientRecord, presented: string): boolean {
      // Every one is compared, whichever matches.
      const place = secretPlace(record.clientId, presented)
      const purpose = purposeOf(record)
      const live = liveSecrets(record, seconds(clock))
      const matching = live.filter(({ hash }) => seal.matches(purpose, place, hash))
      for (const { hash } of matching) uses.used(hash)
      return matching.length > 0
    },
    /** Creates a client; its secret is in the answer once and nowhere else. */
    async create(
      order: ClientOrder & { readonly demo?: boolean },
    ): Promise<{ readonly record: ClientRecord; readonly secret: Secret | undefined }> {
      const fault = faultOf(order)
      if (fault) throw fault
      const clientId = order.id ?? `c_${randomText(random, 12)}`
      if (await deps.store.get(clients.name, idOf(seal, 'client', clientId))) throw refuse('client_exists')
      const metadata = metadataOf(order, clientId, deps.idTokenAlgorithm?.())
      const needs = metadata.token_endpoint_auth_method === 'client_secret_basic'
      const secret = needs ? new Secret(seal.mintCredential('cs')) : undefined
      const record: ClientRecord = {
        clientId,
        metadata,
        secrets: secret ? [{ hash: hashed(clientId, secret.reveal()), until: null, createdAt: seconds(clock) }] : [],
        introspect: order.introspect,
        reliesOnNonce: order.reliesOnNonce,
        fapi: order.fapi,
        label: order.label,
        graceSeconds: order.graceSeconds,
        repeatsMax: order.repeatsMax,
        source: 'store',
        demo: order.demo ?? false,
        disabled: false,
        createdAt: seconds(clock),
      }
      const unit = deps.unit()
      unit.insert(clients.name, documentOf(seal, 'client', clientId, record, record.createdAt))
      unit.note('client.created', { client_id: clientId })
      await deps.commit(unit).catch((cause) => {
        throw isConflict(cause) ? refuse('client_exists', {}, cause) : cause
      })
      return { record, secret }
    },
    /** All clients: the configuration's, then the others. */
    async list(): Promise<readonly ClientRecord[]> {
      const out: ClientRecord[] = []
      for (const kind of ['declared-client', 'client'] as const)
        for await (const doc of docsOf(deps.store, kind))
          if (doc.revokedAt === null) out.push(await clientOf(seal, doc))
      return out
    },
    /**
     * Brings the configuration's clients into the store (declare.ts). Throws `BadConfiguration`, and writes nothing, when one
     * can't be had.
     */
    check: checkDeclared,
    declare: createDeclare({
      ...deps,
      hashed: (clientId, text) => hashed(clientId, text, 'secret'),
      matches: (clientId, text, hash) => seal.matches('secret', secretPlace(clientId, text), hash),
    }),
    async show(clientId: string): Promise<ClientRecord> {
      const record = (await stored(clientId))?.record
      if (!record) throw refuse('client_unknown')
      return record
    },
    /**
     * A new secret; the old one lives on for `overlapSeconds` (0 ends all old ones at once). At most two are live: while an
     * overlap runs another one is refused, or whoever still uses the oldest would be locked out by mistake.
     */
    async rotateSecret(clientId: string, { overlapSeconds }: { readonly overlapSeconds: number }): Promise<Secret> {
      const secret = new Secret(seal.mintCredential('cs'))
      const now = seconds(clock)
      await change(clientId, 'client.secret_rotated', (record) => {
        const live = liveSecrets(record, now)
        if (live.length > 1 && overlapSeconds > 0) throw refuse('secrets_full', { client_id: clientId })
        const kept: StoredSecret[] =
          overlapSeconds > 0 ? live.map((old) => ({ ...old, until: now + overlapSeconds })) : []
        const made = { hash: hashed(clientId, secret.reveal()), until: null, createdAt: now }
        return { ...record, secrets: [...kept, made] }
      })
      return secret
    },
    /** Ends the older of two live secrets before its overlap does. */
    endOldSecret: (clientId: string) =>
      change(clientId, 'client.secret_ended', (record) => {
        const live = liveSecrets(record, seconds(clock))
        if (live.length < 2) throw refuse('secret_single', { client_id: clientId })
        return { ...record, secrets: live.slice(-1) }
      }),
    /** Changes how retries of its refreshes are answered, and its label; what is undefined stays. */
    set: (clientId: string, settings: Partial<Pick<ClientRecord, 'graceSeconds' | 'repeatsMax' | 'label'>>) =>
      change(clientId, 'client.updated', (record) => {
        const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
        const next = { ...record, ...given }
        if (next.graceSeconds !== undefined && !(next.graceSeconds >= 0 && next.graceSeconds <= 60))
          throw refuse('bad_grace', { graceSeconds: next.graceSeconds })
        return next
      }),
    /** The live secrets as people see them, with their last use. */
    secretsOf: (record: ClientRecord) => uses.shown(record),
    /** Writes the last uses that were gathered; called by a timer and before the store closes. */
    flushSecretUses: () => uses.flush(),
    disable: (clientId: string) => change(clientId, 'client.disabled', (record) => ({ ...record, disabled: true })),
    enable: (clientId: string) => change(clientId, 'client.enabled', (record) => ({ ...record, disabled: false })),
    async remove(clientId: string): Promise<void> {
      const { doc } = await known(clientId)
      const unit = deps.unit()
      unit.revoke({
        collection: clients.name,
        target: { id: doc.id },
        at: seconds(clock),
        purgeAt: seconds(clock) + TOMBSTONE_SECONDS,
      })
      unit.note('client.removed', { client_id: clientId })
      await deps.commit(unit)
    },
    /** Stages what dynamic registration makes (RFC 7591, 3.2.1). The secret stays only as its hash. */
    stageRegistration(
      unit: Unit,
      clientId: string,
      metadata: Readonly<Record<string, unknown>>,
      secret: string | undefined,
    ): void {
      const record: ClientRecord = {
        clientId,
        metadata,
        secrets: secret ? [{ hash: hashed(clientId, secret), until: null, createdAt: seconds(clock) }] : [],
        introspect: [],
        reliesOnNonce: true,
        fapi: false,
        label: undefined,
        source: 'registration',
        demo: false,
        disabled: false,
        createdAt: seconds(clock),
      }
      unit.insert(clients.name, documentOf(seal, 'client', clientId, record, record.createdAt))
      unit.note('client.registered', { client_id: clientId })
    },
    /** Stages an update of a registered client's metadata (RFC 7592, 2.2); false when there is none. */
    async stageUpdate(unit: Unit, clientId: string, metadata: Readonly<Record<string, unknown>>): Promise<boolean> {
      const found = await stored(clientId, unit)
      if (!found) return false
      unit.update(clients.name, found.doc, bodyOf(seal, found.doc, { ...found.record, metadata }))
      unit.note('client.updated', { client_id: clientId })
      return true
    },
    stageRemoval(unit: Unit, clientId: string): void {
      unit.revoke({
        collection: clients.name,
        target: { id: idOf(seal, 'client', clientId) },
        at: seconds(clock),
        purgeAt: seconds(clock) + TOMBSTONE_SECONDS,
      })
      unit.note('client.removed', { client_id: clientId })
    },
  }
}
