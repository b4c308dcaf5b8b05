/** A small `TokenVerbs` over any store, for tests of what stands above it: states and owners as in the rules, no limits, no children's end. */

import type { Doc, Store } from '../../adapters/store.ts'
import type { ShownToken, TokenOrder, TokenVerbs } from '../../src/api-tokens/index.ts'
import {
  apiTokens,
  publicId,
  storedId,
  TEXT_KIND,
  type TokenRecord,
  tokenBody,
  tokenDoc,
  tokenId,
  tokenOf,
} from '../../src/api-tokens/records.ts'
import { type Change, mayChange, ownersOf, stateOf } from '../../src/api-tokens/rules.ts'
import { type Clock, refusals, Secret, seconds, type Unit } from '../../src/base/index.ts'
import type { Seal } from '../../src/seal/index.ts'

const refuse = refusals({
  token_unknown: [404, 'There is no such token.'],
  token_state: [409, 'A token in this state does not take this change.'],
  token_kind: [400, 'A token of this kind has another owner.'],
  token_self_approved: [403, 'A second person approves.'],
})

const MONTH = 30 * 24 * 3600

/** Opens it. */
export function standInTokens({
  store,
  seal,
  clock,
}: {
  readonly store: Store
  readonly seal: Seal
  readonly clock: Clock
}): TokenVerbs {
  const now = (): number => seconds(clock)

  async function shown(doc: Doc, record?: TokenRecord): Promise<ShownToken> {
    const kept = record ?? (await tokenOf(seal, doc))
    const number = (name: string): number | null =>
      typeof doc.fields[name] === 'number' ? Number(doc.fields[name]) : null
    return {
      ...kept,
      id: publicId(doc.id),
      state: stateOf(doc, now()),
      line: doc.family ?? '',
      parent: doc.grant === null ? null : { id: publicId(doc.grant), name: kept.parent ?? '' },
      notBefore: number('notBefore'),
      expiresAt: doc.exp ?? 0,
      lastUsedAt: doc.lastUse,
      overlapUntil: number('overlapUntil'),
      successor: typeof doc.fields.successor === 'string' ? publicId(doc.fields.successor) : null,
    }
  }

  async function found(reader: Pick<Store, 'get'>, id: string): Promise<Doc> {
    const doc = await reader.get(apiTokens.name, storedId(id))
    if (!doc) throw refuse('token_unknown')
    return doc
  }

  const recordOf = (order: TokenOrder, by: string, ending: string): TokenRecord => ({
    name: order.name,
    kind: order.kind,
    owner: order.owner,
    purpose: order.purpose ?? '',
    keptAt: order.keptAt ?? '',
    labels: order.labels ?? [],
    template: order.template ?? null,
    scopes: order.scopes,
    apis: order.apis ?? [],
    networks: order.networks ?? { allow: [], except: [] },
    methods: order.methods ?? [],
    paths: order.paths ?? [],
    createdAt: now(),
    createdBy: by,
    rotations: 0,
    parent: order.parent === undefined ? null : 'parent',
    canary: order.canary ?? false,
    ending,
    approvedBy: null,
    why: null,
  })

  async function insert(
    unit: Unit,
    record: TokenRecord,
    more: { readonly id: string; readonly parent: string | null; readonly exp: number; readonly line?: string },
  ): Promise<ShownToken> {
    const state = record.scopes.includes('sensitive') && record.approvedBy === null ? 'pending' : 'active'
    const { id, parent, exp } = more
    const doc = tokenDoc(seal, {
      id,
      hk: '1',
      record,
      line: more.line ?? id,
      parent,
      state,
      notBefore: null,
      exp,
      purgeAt: exp + MONTH,
    })
    unit.insert(apiTokens.name, doc)
    unit.note('api_token.created', { token: publicId(id) })
    return shown({ ...doc, rev: 1, cid: unit.cid, revokedAt: null }, record)
  }

  async function change(
    unit: Unit,
    id: string,
    what: Change,
    set: { readonly state?: string; readonly record?: Partial<TokenRecord> },
  ) {
    const doc = await found(unit, id)
    if (!mayChange(what, stateOf(doc, now()))) throw refuse('token_state')
    const record = { ...(await tokenOf(seal, doc)), ...set.record }
    const body = tokenBody(seal, doc, record)
    unit.decide(
      {
        collection: apiTokens.name,
        id: doc.id,
        if: { state: doc.state, revokedAt: null },
        set: { ...(set.state ? { state: set.state } : {}), ...body },
      },
      doc,
    )
    unit.note(`api_token.${what}`, { token: id })
    return shown({ ...doc, state: set.state ?? doc.state }, record)
  }

  function place(order: TokenOrder) {
    if (!ownersOf(order.kind).includes(order.owner.type)) throw refuse('token_kind')
    return {
      parent: order.parent === undefined ? null : storedId(order.parent),
      exp: now() + (order.lifetimeSeconds ?? MONTH),
    }
  }

  return {
    async create(unit, order, by) {
      const at = place(order)
      const text = seal.mintCredential(TEXT_KIND[order.kind])
      const made = await insert(unit, recordOf(order, by, text.slice(-4)), { id: tokenId(seal, text), ...at })
      return { text: new Secret(text), shown: made }
    },
    importByHash: async (unit, order, by) =>
      insert(unit, recordOf(order, by, ''), {
        id: seal.hash('lookup', 'default', 'foreign', order.sha256),
        ...place(order),
      }),
    show: async (id) => shown(await found(store, id)),
    async list(owner, { limit, after }) {
      const all = await store.scan(apiTokens.name, { limit: 10_000 })
      const tokens = await Promise.all(all.map((doc) => shown(doc)))
      return tokens
        .filter(
          (one) =>
            one.owner.type === owner.type && one.owner.id === owner.id && (after === undefined || one.id > after),
        )
        .slice(0, limit)
    },
    async approve(unit, id, by) {
      if ((await tokenOf(seal, await found(unit, id))).createdBy === by) throw refuse('token_self_approved')
      return change(unit, id, 'approve', { state: 'active', record: { approvedBy: by } })
    },
    quarantine: (unit, id, { why }) => change(unit, id, 'quarantine', { state: 'quarantined', record: { why } }),
    release: (unit, id) => change(unit, id, 'release', { state: 'active' }),
    async rotate(unit, id, { overlapSeconds, by }) {
      const doc = await found(unit, id)
      if (!mayChange('rotate', stateOf(doc, now()))) throw refuse('token_state')
      const record = await tokenOf(seal, doc)
      const text = seal.mintCredential(TEXT_KIND[record.kind])
      const next = { ...record, rotations: record.rotations + 1, createdBy: by, ending: text.slice(-4) }
      const made = await insert(unit, next, {
        id: tokenId(seal, text),
        parent: doc.grant,
        exp: doc.exp ?? 0,
        line: doc.family ?? '',
      })
      const set = { state: 'rotated', fields: { successor: storedId(made.id), overlapUntil: now() + overlapSeconds } }
      unit.decide({ collection: apiTokens.name, id: doc.id, if: { state: 'active', revokedAt: null }, set }, doc)
      return { text: new Secret(text), shown: made }
    },
    async revoke(unit, id) {
      const doc = await found(unit, id)
      unit.revoke({ collection: apiTokens.name, target: { id: doc.id }, at: now() })
      unit.note('api_token.revoke', { token: id })
      return shown({ ...doc, state: 'revoked', revokedAt: now() })
    },
    narrow: (unit, id, { scopes }) => change(unit, id, 'narrow', { record: { scopes } }),
  }
}
