/** Populations of credentials at random, and a room over them. Times are around `NOW`. */

import { createSecretKey } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { openSqliteStore } from '../../adapters/sqlite/index.ts'
import type { NewDoc, Store } from '../../adapters/store.ts'
import { apiTokens, type Owner } from '../../src/api-tokens/index.ts'
import { tokenDoc } from '../../src/api-tokens/records.ts'
import { type Clock, systemRandom as random, randomText, Unit } from '../../src/base/index.ts'
import {
  artefactSources,
  createInventory,
  type Filter,
  type Inventory,
  type InventoryDeps,
  inventoryCollections,
  tokenSource,
} from '../../src/inventory/index.ts'
import { artefacts, createRecords } from '../../src/oidc/index.ts'
import { createSeal, fixedMasters, type Seal, sealKeys, softwareMaster } from '../../src/seal/index.ts'
import { tokenRecord } from '../support/token-record.ts'

export const NOW = 1_800_000_000
const DAY = 24 * 3600

/** A clock that stands until it is moved. */
export interface StandingClock extends Clock {
  seconds: number
}

export const owners: readonly Owner[] = [
  { type: 'account', id: 'ada' },
  { type: 'service', id: 'reports' },
  { type: 'organisation', id: 'acme' },
]
export const scopes = ['read', 'write', 'admin'] as const

/** A token before it is stored. */
export interface Token {
  readonly owner: Owner
  readonly scopes: readonly string[]
  readonly state: 'active' | 'pending' | 'quarantined' | 'rotated' | 'revoked'
  readonly iat: number
  readonly exp: number | null
  readonly lastUse: number | null
  readonly overlapUntil: number | null
  readonly networks: boolean
  /** As rotating a token sets it; older ones may not have it. */
  readonly endsWithOverlap: boolean
}

const around = (days: number) => fc.integer({ min: -days, max: days }).map((n) => NOW + n * DAY)

/** Few values, so that every edge is met: ended now, used at the moment asked for, many of one expiry. */
export const tokens: fc.Arbitrary<Token> = fc.record({
  owner: fc.constantFrom(...owners),
  scopes: fc.subarray([...scopes]),
  state: fc.constantFrom('active', 'active', 'active', 'pending', 'quarantined', 'rotated', 'revoked'),
  iat: around(4).map((at) => at - 5 * DAY),
  exp: fc.option(around(4), { freq: 6 }),
  lastUse: fc.option(
    around(4).map((at) => at - 4 * DAY),
    { freq: 3 },
  ),
  overlapUntil: around(2),
  networks: fc.boolean(),
  endsWithOverlap: fc.boolean(),
})

/** A family, Grant or session before it is stored. */
export interface Artefact {
  readonly kind: 'Family' | 'Grant' | 'Session'
  readonly account: string
  readonly scopes: readonly string[]
  readonly state: 'live' | 'step_up' | 'quarantined' | 'revoked'
  readonly exp: number
  readonly idleUntil: number
  readonly lastUse: number | null
  readonly bound: boolean
}

export const artefactsOf: fc.Arbitrary<Artefact> = fc.record({
  kind: fc.constantFrom('Family', 'Grant', 'Session'),
  account: fc.constantFrom('ada', 'bob'),
  scopes: fc.subarray([...scopes]),
  state: fc.constantFrom('live', 'live', 'step_up', 'quarantined', 'revoked'),
  exp: around(4),
  idleUntil: around(2),
  lastUse: fc.option(
    around(4).map((at) => at - 4 * DAY),
    { freq: 3 },
  ),
  bound: fc.boolean(),
})

function tokenDocOf(seal: Seal, token: Token): NewDoc {
  const record = tokenRecord({
    kind: token.owner.type === 'account' ? 'personal' : 'service',
    owner: token.owner,
    purpose: 'reports',
    createdAt: token.iat,
    scopes: token.scopes,
    networks: { allow: token.networks ? ['192.0.2.0/24'] : [], except: [] },
  })
  const id = randomText(random, 32)
  const line = randomText(random, 32)
  const made = tokenDoc(seal, {
    id,
    hk: '1',
    record,
    line,
    parent: null,
    state: 'active',
    notBefore: null,
    exp: token.exp ?? 0,
    purgeAt: NOW + 1000 * DAY,
  })
  const overlapUntil = token.state === 'rotated' ? token.overlapUntil : null
  const end = Math.min(overlapUntil ?? 0, token.exp ?? Number.POSITIVE_INFINITY)
  return {
    ...made,
    state: token.state,
    exp: overlapUntil !== null && token.endsWithOverlap ? end : token.exp,
    lastUse: token.lastUse,
    fields: { ...made.fields, overlapUntil: overlapUntil === null ? null : end },
  }
}

function artefactDoc(seal: Seal, one: Artefact): NewDoc {
  const records = createRecords(seal)
  const scope = one.scopes.join(' ')
  const payload = {
    accountId: one.account,
    clientId: 'web',
    iat: NOW - 5 * DAY,
    exp: one.exp,
    ...(one.kind === 'Grant' ? { openid: { scope } } : { scope }),
    ...(one.bound && one.kind === 'Family' ? { jkt: 'thumb' } : {}),
  }
  const fields = one.kind === 'Family' ? { fields: { idleUntil: one.idleUntil } } : {}
  const made = records.document(one.kind, randomText(random, 32), payload, fields)
  const state = one.kind !== 'Family' && one.state !== 'revoked' ? 'live' : one.state
  return { ...made, state, lastUse: one.kind === 'Family' ? one.lastUse : null }
}

/** Revokes in bulk, in one commit. */
const revoking =
  (inventory: Inventory, { unit, commit }: Pick<InventoryDeps, 'unit' | 'commit'>) =>
  async (...[filter, input]: readonly [filter: Filter, input: Parameters<Inventory['revoke']>[2]]) => {
    const staged = unit()
    const done = await inventory.revoke(staged, filter, input)
    await commit(staged)
    return done
  }

/** A room with a store of its own. */
export async function openRoom(more: Partial<InventoryDeps> = {}, given?: Store) {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-inventory-'))
  const collections = [sealKeys, apiTokens, artefacts, ...inventoryCollections]
  const store = given ?? (await openSqliteStore({ file: join(folder, 'x.db'), collections }))
  const clock: StandingClock = { seconds: NOW, now: () => clock.seconds * 1000 }
  const seal = await createSeal({
    store,
    clock,
    random,
    masters: fixedMasters(softwareMaster(createSecretKey(Buffer.alloc(32, 9)))),
  })
  const unit = (): Unit => new Unit({ store, cid: randomText(random, 16), request: randomText(random, 9) })
  const noted: { readonly type: string; readonly data: Readonly<Record<string, unknown>> }[] = []
  const commit = async (staged: Unit): Promise<void> => {
    await store.commit(staged.writes('all'))
    noted.push(...staged.noted)
  }
  const end = (collection: string, prefix: string) => async (staged: Unit, one: { readonly id: string }) => {
    staged.revoke({ collection, target: { id: one.id.slice(prefix.length) }, at: clock.seconds })
    staged.note('ended', { id: one.id })
  }
  const records = createRecords(seal)
  const deps: InventoryDeps = {
    store,
    seal,
    clock,
    unit,
    commit,
    sources: [tokenSource({ store, seal }), ...artefactSources({ store, records })],
    verbs: {
      'api-token': end(apiTokens.name, 'tok_'),
      family: end(artefacts.name, 'fam_'),
      session: end(artefacts.name, 'ses_'),
    },
    tokens: {
      granted: async () => ({ scopes: ['read', 'write'], since: NOW - 100 * DAY }),
      used: async () => ({ scopes: ['read'], isWhole: true }),
      narrow: async () => {},
    },
    ...more,
  }
  const inventory = createInventory(deps)
  return {
    ...deps,
    store,
    clock,
    noted,
    inventory,
    revoke: revoking(inventory, { unit, commit }),
    async fill(all: { readonly tokens?: readonly Token[]; readonly artefacts?: readonly Artefact[] }): Promise<void> {
      const staged = unit()
      for (const one of all.tokens ?? []) staged.insert(apiTokens.name, tokenDocOf(seal, one))
      for (const one of all.artefacts ?? []) staged.insert(artefacts.name, artefactDoc(seal, one))
      await commit(staged)
    },
    /** Takes everything away, for the next population. */
    async empty(): Promise<void> {
      for (const { name } of [apiTokens, artefacts]) {
        const staged = unit()
        for (const { id } of await store.scan(name, { limit: 1000 })) staged.cleanup(name, id)
        await commit(staged)
      }
    },
    async close(): Promise<void> {
      await store.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export type Room = Awaited<ReturnType<typeof openRoom>>
