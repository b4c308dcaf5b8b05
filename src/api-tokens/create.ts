/** Making a token: an order is checked against owner, APIs, parent and limits, and becomes one document. */

import { isNetwork, LINE, SEEN, Secret, seconds, type Unit } from '../base/index.ts'
import { changeable, headOf, type Known, known, shownIn, standing, type TokenDeps, tell } from './actions.ts'
import { refuse } from './errors.ts'
import { endOf, isKnownTemplate, lifecycleOf, limitsFor, needsApproval } from './limits.ts'
import { isTemplate } from './paths.ts'
import { rateNames } from './rates.ts'
import { apiTokens, type Rights, TEXT_KIND, type TokenRecord, tokenDoc, tokenId } from './records.ts'
import { isNarrower, ownersOf } from './rules.ts'
import type { By, ShownToken, TokenOrder } from './verbs.ts'

/** A token's document is kept so long after its end: what it was can still be told. */
export const KEPT_SECONDS = 90 * 24 * 3600
const MANY = 64
const ANCESTORS_MAX = 4

const unique = (list: readonly string[] | undefined): readonly string[] => [...new Set(list ?? [])]

function rightsOf(order: TokenOrder): Rights {
  return {
    scopes: unique(order.scopes),
    apis: unique(order.apis),
    networks: { allow: unique(order.networks?.allow), except: unique(order.networks?.except) },
    methods: unique(order.methods?.map((one) => one.toUpperCase())),
    paths: unique(order.paths),
  }
}

/** The first fault of an order that can be seen from it alone. */
function faultOf(order: TokenOrder, { networks, methods, paths, scopes, apis }: Rights) {
  const { labels = [], purpose = '', keptAt = '' } = order
  const nets = [...networks.allow, ...networks.except]
  if (order.name.length > 200 || !LINE.test(order.name) || !SEEN.test(order.name)) return refuse('bad_name')
  if ([purpose, keptAt].some((text) => text.length > 500 || !LINE.test(text))) return refuse('bad_text')
  if (labels.length > 32 || labels.some((one) => one.length > 64 || !LINE.test(one) || !SEEN.test(one)))
    return refuse('bad_label')
  if (scopes.length > MANY) return refuse('bad_scope')
  if (apis.length > MANY) return refuse('bad_api')
  if (nets.length > MANY || !nets.every(isNetwork)) return refuse('bad_network')
  if (methods.length > 16 || methods.some((one) => !/^[A-Z]{1,20}$/.test(one))) return refuse('bad_method')
  if (paths.length > MANY || paths.some((one) => one.length > 500 || !isTemplate(one))) return refuse('bad_path')
  if (!ownersOf(order.kind).includes(order.owner.type)) return refuse('owner_kind')
  return undefined
}

async function checkScopes(deps: TokenDeps, record: TokenRecord): Promise<void> {
  const declared = await deps.apis()
  const unknown = record.apis.find((id) => !declared.some((api) => api.id === id))
  if (unknown !== undefined) throw refuse('bad_api', { unknown })
  const meant = record.apis.length === 0 ? declared : declared.filter(({ id }) => record.apis.includes(id))
  const stray = record.scopes.find((scope) => !meant.some(({ scopes }) => Object.hasOwn(scopes, scope)))
  if (stray !== undefined) throw refuse('bad_scope', { stray })
  const { scopes: held } = await standing(deps, record.owner)
  const beyond = record.scopes.find((scope) => held && !held.includes(scope))
  if (beyond !== undefined) throw refuse('scope_not_held', { beyond })
  const { scopes: allowed } = limitsFor(record, deps.settings())
  const barred = record.scopes.find((scope) => allowed && !allowed.includes(scope))
  if (barred !== undefined) throw refuse('scope_not_allowed', { barred })
}

/** The parent of an order, if it can have this child; the child is lost with a parent that is revoked or rotated meanwhile. */
async function parentFor(deps: TokenDeps, unit: Unit, order: TokenOrder, rights: Rights): Promise<Known | undefined> {
  if (order.parent === undefined) return undefined
  const parent = await changeable(deps, unit, order.parent, 'rotate').catch((cause) => {
    throw refuse('parent_unusable', { parent: order.parent }, cause)
  })
  const { doc, record } = parent
  if (record.kind !== order.kind || record.owner.type !== order.owner.type || record.owner.id !== order.owner.id)
    throw refuse('parent_of_another')
  if (!isNarrower(rights, record)) throw refuse('wider_than_parent')
  let above = doc.grant
  for (let depth = 1; above !== null; depth++) {
    if (depth >= ANCESTORS_MAX) throw refuse('parent_too_deep')
    above = (await headOf(deps, above))?.grant ?? null
  }
  const { id, state } = doc
  unit.decide({ collection: apiTokens.name, id, if: { revokedAt: null, state }, set: {} }, doc)
  return parent
}

/** When the token will end: as ordered, within policy and parent. */
function expiryOf(deps: TokenDeps, record: TokenRecord, order: TokenOrder, parent: Known | undefined): number {
  const configuration = deps.settings()
  const { lifetimeMax } = lifecycleOf(record, configuration)
  const { lifetimeSeconds, notBefore } = order
  if (lifetimeSeconds !== undefined && !(Number.isSafeInteger(lifetimeSeconds) && lifetimeSeconds > 0))
    throw refuse('bad_lifetime')
  if (lifetimeSeconds !== undefined && lifetimeSeconds > lifetimeMax.value)
    throw refuse('lifetime_over', { ...lifetimeMax, lifetimeSeconds })
  const usual = Math.min(configuration.tokens.lifetimeSecondsDefault, lifetimeMax.value)
  const wanted = record.createdAt + (lifetimeSeconds ?? usual)
  const last = parent ? endOf(parent.doc, limitsFor(parent.record, configuration)) : Number.POSITIVE_INFINITY
  if (lifetimeSeconds !== undefined && wanted > last) throw refuse('outlives_parent')
  const exp = Math.min(wanted, last)
  if (notBefore !== undefined && !(Number.isSafeInteger(notBefore) && notBefore >= 0 && notBefore < exp))
    throw refuse('bad_lifetime', { notBefore })
  return exp
}

function recordOf(order: TokenOrder, rights: Rights, input: { by: By; now: number; ending: string }): TokenRecord {
  return {
    ...rights,
    name: order.name,
    kind: order.kind,
    owner: { type: order.owner.type, id: order.owner.id },
    purpose: order.purpose ?? '',
    keptAt: order.keptAt ?? '',
    labels: unique(order.labels),
    template: order.template ?? null,
    createdAt: input.now,
    createdBy: input.by,
    rotations: 0,
    parent: null,
    canary: order.canary ?? false,
    ending: input.ending,
    approvedBy: null,
    why: null,
  }
}

/** Stages a new token under an id. Refuses what owner, APIs, parent and limits do not allow. */
export async function stageToken(
  deps: TokenDeps,
  unit: Unit,
  order: TokenOrder,
  token: { readonly id: string; readonly hk: string; readonly ending: string; readonly by: By; readonly event: string },
): Promise<ShownToken> {
  const rights = rightsOf(order)
  const fault = faultOf(order, rights)
  if (fault) throw fault
  const { id, hk, by } = token
  const configuration = deps.settings()
  if (order.template !== undefined && !isKnownTemplate(order.template, configuration)) throw refuse('bad_template')
  const stray = rateNames({ labels: order.labels ?? [] }).find((one) => !Object.hasOwn(configuration.tokens.rates, one))
  if (stray !== undefined) throw refuse('bad_rate', { stray })
  const made = recordOf(order, rights, { by, now: seconds(deps.clock), ending: token.ending })
  await checkScopes(deps, made)
  const parent = await parentFor(deps, unit, order, rights)
  const record: TokenRecord = { ...made, parent: parent?.record.name ?? null }
  const exp = expiryOf(deps, record, order, parent)
  const doc = tokenDoc(deps.seal, {
    id,
    hk,
    record,
    line: id,
    parent: parent?.doc.family ?? null,
    state: needsApproval(record, configuration) ? 'pending' : 'active',
    notBefore: order.notBefore ?? null,
    exp,
    purgeAt: exp + KEPT_SECONDS,
  })
  unit.insert(apiTokens.name, doc)
  const staged = await known(deps, unit, id)
  tell(deps, unit, staged, { event: token.event, by, more: { state: doc.state } })
  return shownIn(deps, unit, id)
}

/** A fresh text of a kind, with what its document is called by. */
export function freshText({ seal, settings }: Pick<TokenDeps, 'seal' | 'settings'>, kind: TokenRecord['kind']) {
  const text = seal.mintCredential(TEXT_KIND[kind], settings().tokens.prefix)
  return { text: new Secret(text), id: tokenId(seal, text), hk: seal.hkOf(text), ending: text.slice(-4) }
}

/** Makes a token; its text is in the answer once and nowhere else. */
export async function create(
  deps: TokenDeps,
  unit: Unit,
  order: TokenOrder,
  by: By,
): Promise<{ readonly text: Secret; readonly shown: ShownToken }> {
  const { text, ...fresh } = freshText(deps, order.kind)
  return { text, shown: await stageToken(deps, unit, order, { ...fresh, by, event: 'created' }) }
}
