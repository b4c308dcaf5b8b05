/** A small `TokenVerbs` over any store, for tests of what stands above it: states and owners as in the rules, no limits, no children's end. */

import type { Doc, Store } from '../../adapters/store.ts'
import type { By, Owner, ShownToken, TokenOrder, TokenVerbs } from '../../src/api-tokens/index.ts'
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

interface Deps {
  readonly store: Store
  readonly seal: Seal
  readonly clock: Clock
}

function recordOf(order: TokenOrder, by: string, more: { readonly ending: string; readonly now: number }): TokenRecord {
  return {
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
    createdAt: more.now,
    createdBy: by,
    rotations: 0,
    parent: order.parent === undefined ? null : 'parent',
    canary: order.canary ?? false,
    ending: more.ending,
    approvedBy: null,
    why: null,
  }
}

/** The verbs. */
export class StandInTokens implements TokenVerbs {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  get #now(): number {
    return seconds(this.#deps.clock)
  }

  async #shown(doc: Doc, record?: TokenRecord): Promise<ShownToken> {
    const kept = record ?? (await tokenOf(this.#deps.seal, doc))
    const { notBefore, overlapUntil, successor } = doc.fields
    return {
      ...kept,
      id: publicId(doc.id),
      state: stateOf(doc, this.#now),
      line: doc.family ?? '',
      parent: doc.grant === null ? null : { id: publicId(doc.grant), name: kept.parent ?? '' },
      notBefore: typeof notBefore === 'number' ? notBefore : null,
      expiresAt: doc.exp ?? 0,
      lastUsedAt: doc.lastUse,
      overlapUntil: typeof overlapUntil === 'number' ? overlapUntil : null,
      successor: typeof successor === 'string' ? publicId(successor) : null,
    }
  }

  async #found(reader: Pick<Store, 'get'>, id: string): Promise<Doc> {
    const doc = await reader.get(apiTokens.name, storedId(id))
    if (!doc) throw refuse('token_unknown')
    return doc
  }

  #insert(
    unit: Unit,
    record: TokenRecord,
    more: { readonly id: string; readonly parent: string | null; readonly exp: number; readonly line?: string },
  ): Promise<ShownToken> {
    const state = record.scopes.includes('sensitive') && record.approvedBy === null ? 'pending' : 'active'
    const { id, parent, exp, line = id } = more
    const purgeAt = exp + MONTH
    const doc = tokenDoc(this.#deps.seal, { id, hk: '1', record, line, parent, state, notBefore: null, exp, purgeAt })
    unit.insert(apiTokens.name, doc)
    unit.note('api_token.created', { token: publicId(id) })
    return this.#shown({ ...doc, rev: 1, cid: unit.cid, revokedAt: null }, record)
  }

  async #change(
    unit: Unit,
    id: string,
    what: Change,
    set: { readonly state?: string; readonly record?: Partial<TokenRecord> },
  ): Promise<ShownToken> {
    const { seal } = this.#deps
    const doc = await this.#found(unit, id)
    if (!mayChange(what, stateOf(doc, this.#now))) throw refuse('token_state')
    const record = { ...(await tokenOf(seal, doc)), ...set.record }
    const change = { ...(set.state ? { state: set.state } : {}), ...tokenBody(seal, doc, record) }
    const condition = { state: doc.state, revokedAt: null }
    unit.decide({ collection: apiTokens.name, id: doc.id, if: condition, set: change }, doc)
    unit.note(`api_token.${what}`, { token: id })
    return this.#shown({ ...doc, state: set.state ?? doc.state }, record)
  }

  #place(order: TokenOrder) {
    if (!ownersOf(order.kind).includes(order.owner.type)) throw refuse('token_kind')
    const parent = order.parent === undefined ? null : storedId(order.parent)
    return { parent, exp: this.#now + (order.lifetimeSeconds ?? MONTH) }
  }

  async create(unit: Unit, order: TokenOrder, by: By) {
    const { seal } = this.#deps
    const at = this.#place(order)
    const text = seal.mintCredential(TEXT_KIND[order.kind])
    const record = recordOf(order, by, { ending: text.slice(-4), now: this.#now })
    return { text: new Secret(text), shown: await this.#insert(unit, record, { id: tokenId(seal, text), ...at }) }
  }

  async importByHash(unit: Unit, order: TokenOrder & { readonly sha256: string }, by: By) {
    const id = this.#deps.seal.hash('lookup', 'default', 'foreign', order.sha256)
    return this.#insert(unit, recordOf(order, by, { ending: '', now: this.#now }), { id, ...this.#place(order) })
  }

  async show(id: string) {
    return this.#shown(await this.#found(this.#deps.store, id))
  }

  async list(owner: Owner, { limit, after }: { readonly limit: number; readonly after?: string | undefined }) {
    const all = await this.#deps.store.scan(apiTokens.name, { limit: 10_000 })
    const tokens = await Promise.all(all.map((doc) => this.#shown(doc)))
    const own = tokens.filter((one) => one.owner.type === owner.type && one.owner.id === owner.id)
    return own.filter(({ id }) => after === undefined || id > after).slice(0, limit)
  }

  async approve(unit: Unit, id: string, by: By) {
    const { createdBy } = await tokenOf(this.#deps.seal, await this.#found(unit, id))
    if (createdBy === by) throw refuse('token_self_approved')
    return this.#change(unit, id, 'approve', { state: 'active', record: { approvedBy: by } })
  }

  quarantine(unit: Unit, id: string, { why }: { readonly why: string }) {
    return this.#change(unit, id, 'quarantine', { state: 'quarantined', record: { why } })
  }

  release(unit: Unit, id: string) {
    return this.#change(unit, id, 'release', { state: 'active' })
  }

  async rotate(unit: Unit, id: string, { overlapSeconds, by }: { readonly overlapSeconds: number; readonly by: By }) {
    const { seal } = this.#deps
    const doc = await this.#found(unit, id)
    if (!mayChange('rotate', stateOf(doc, this.#now))) throw refuse('token_state')
    const record = await tokenOf(seal, doc)
    const text = seal.mintCredential(TEXT_KIND[record.kind])
    const next = { ...record, rotations: record.rotations + 1, createdBy: by, ending: text.slice(-4) }
    const at = { parent: doc.grant, exp: doc.exp ?? 0, line: doc.family ?? '' }
    const shown = await this.#insert(unit, next, { id: tokenId(seal, text), ...at })
    const fields = { successor: storedId(shown.id), overlapUntil: this.#now + overlapSeconds }
    const condition = { state: 'active', revokedAt: null }
    unit.decide({ collection: apiTokens.name, id: doc.id, if: condition, set: { state: 'rotated', fields } }, doc)
    return { text: new Secret(text), shown }
  }

  async revoke(unit: Unit, id: string) {
    const doc = await this.#found(unit, id)
    unit.revoke({ collection: apiTokens.name, target: { id: doc.id }, at: this.#now })
    unit.note('api_token.revoke', { token: id })
    return this.#shown({ ...doc, state: 'revoked', revokedAt: this.#now })
  }

  narrow(unit: Unit, id: string, { scopes }: { readonly scopes: readonly string[] }) {
    return this.#change(unit, id, 'narrow', { record: { scopes } })
  }
}
