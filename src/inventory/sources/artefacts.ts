/** Families, Grants (consents) and sessions in the inventory. What only their sealed bodies know is checked on what an index found. */

import type { Doc, Index, Store } from '../../../adapters/store.ts'
import type { Owner } from '../../api-tokens/index.ts'
import { TENANT } from '../../base/index.ts'
import { artefacts, type Payload, type Records } from '../../oidc/index.ts'
import type { Binding, Credential } from '../credential.ts'
import { DocumentSource, type Leg, type Way } from '../documents.ts'
import type { Asked, Kind, State } from '../filter.ts'
import type { InventorySource } from '../source.ts'

/** Families' marks, by the word of the inventory. */
const STORED: Readonly<Partial<Record<State, string>>> = {
  active: 'live',
  step_up: 'step_up',
  quarantined: 'quarantined',
}
const SHOWN: Readonly<Record<string, State>> = { live: 'active', step_up: 'step_up', quarantined: 'quarantined' }

interface Described {
  readonly kind: Extract<Kind, 'family' | 'grant' | 'session'>
  /** The library's word. */
  readonly stored: 'Family' | 'Grant' | 'Session'
  readonly prefix: string
  /** Columns that name the owner; a session's stands in its body alone. */
  readonly columns: readonly ('account' | 'client')[]
  readonly marks: readonly State[]
  readonly isUsed: boolean
}

const DESCRIBED: readonly Described[] = [
  {
    kind: 'family',
    stored: 'Family',
    prefix: 'fam_',
    columns: ['account'],
    marks: ['active', 'step_up', 'quarantined'],
    isUsed: true,
  },
  { kind: 'grant', stored: 'Grant', prefix: 'grt_', columns: ['account'], marks: ['active'], isUsed: false },
  { kind: 'session', stored: 'Session', prefix: 'ses_', columns: [], marks: ['active'], isUsed: false },
]

function dated(asked: Asked, by: Index['by'], exact: boolean): readonly Leg[] {
  const { now, expiresBefore, noExpiry } = asked
  const ends = expiresBefore === undefined ? {} : { below: expiresBefore }
  return [
    ...(noExpiry
      ? []
      : [{ index: { tenant: TENANT, by, range: { field: 'exp', from: now + 1, ...ends } }, exact } as const]),
    ...(expiresBefore === undefined ? [{ index: { tenant: TENANT, by: { ...by, exp: null } }, exact } as const] : []),
  ]
}

function waysOf(records: Records, one: Described, asked: Asked): readonly Way[] {
  const { owner, scope, unusedSince, unbound } = asked
  // No kind of these belongs to an organisation or a service, Grants and sessions keep no last use, and browsers hold sessions.
  if (owner && owner.type !== 'account') return []
  if (unusedSince !== undefined && !one.isUsed) return []
  if (unbound && one.kind !== 'family') return []
  const states = one.marks.filter((state) => asked.state === undefined || asked.state === state)
  const kind = one.stored
  const each = (name: string, legs: (state: string) => readonly Leg[]): Way => ({
    name,
    legs: states.flatMap((state) => legs(STORED[state] ?? state)),
  })
  // A family may have ended by idling, which only the document says.
  const exact = one.kind !== 'family' && !owner && scope === undefined
  const ways = [each('expiry', (state) => dated(asked, { kind, state }, exact))]
  if (unusedSince !== undefined)
    ways.push(
      each('unused', (state) => [
        {
          index: { tenant: TENANT, by: { kind, state }, range: { field: 'lastUse', below: unusedSince } },
          exact: false,
        },
        { index: { tenant: TENANT, by: { kind, state, lastUse: null } }, exact: false },
      ]),
    )
  if (owner && one.columns.includes('account') && states.length > 0)
    ways.push({
      name: 'owner',
      legs: [{ index: { tenant: TENANT, by: { account: records.hash('account', owner.id), kind } }, exact: false }],
    })
  return ways
}

const words = (value: unknown): readonly string[] =>
  typeof value === 'string' ? value.split(' ').filter((word) => word !== '') : []

/** A Grant's scopes: OpenID's and those of each API. */
function grantScopes({ openid, resources }: Payload): readonly string[] {
  const scopeOf = (value: unknown): unknown =>
    typeof value === 'object' && value !== null ? Reflect.get(value, 'scope') : undefined
  const apis = typeof resources === 'object' && resources !== null ? Object.values(resources) : []
  return [...new Set([...words(scopeOf(openid)), ...apis.flatMap(words)])]
}

function bindingOf(kind: Kind, payload: Payload): Binding {
  if (kind === 'session') return 'browser'
  if (kind === 'grant') return 'server'
  return payload.jkt ? 'dpop' : payload['x5t#S256'] ? 'mtls' : 'none'
}

const NAMED = { family: 'Refresh tokens of', grant: 'Consent to', session: 'Sign-in session' } as const

function shown(one: Described, doc: Doc, payload: Payload): Credential {
  const account = typeof payload.accountId === 'string' ? payload.accountId : undefined
  const owner: Owner | null = account === undefined ? null : { type: 'account', id: account }
  const client = typeof payload.clientId === 'string' ? payload.clientId : ''
  const { idleUntil } = doc.fields
  return {
    id: one.prefix + doc.id,
    kind: one.kind,
    owner,
    name: `${NAMED[one.kind]} ${client}`.trim(),
    purpose: '',
    scopes: one.kind === 'grant' ? grantScopes(payload) : words(payload.scope),
    binding: bindingOf(one.kind, payload),
    state: SHOWN[doc.state] ?? 'active',
    createdAt: doc.iat ?? (typeof payload.iat === 'number' ? payload.iat : null),
    ...(one.isUsed ? { lastUsedAt: doc.lastUse } : {}),
    expiresAt: doc.exp,
    ...(typeof idleUntil === 'number' ? { idleUntil } : {}),
    next:
      one.kind === 'family'
        ? {
            at: null,
            why: doc.fields.rotateNext === 1 ? 'an administrator asked for it' : 'at its next use, as the policies say',
          }
        : null,
  }
}

/** The three sources. */
export function artefactSources(deps: {
  readonly store: Pick<Store, 'find' | 'count'>
  readonly records: Records
}): readonly InventorySource[] {
  const { records } = deps
  return DESCRIBED.map(
    (one) =>
      new DocumentSource(deps.store, {
        kind: one.kind,
        collection: artefacts.name,
        ways: (asked) => waysOf(records, one, asked),
        judge(doc, asked) {
          const { kind, state, revokedAt, exp, lastUse, iat, fields } = doc
          const { now, owner, scope, unbound, unusedSince, expiresBefore, noExpiry } = asked
          const isIdle = one.kind === 'family' && typeof fields.idleUntil === 'number' && fields.idleUntil <= now
          const isLive = kind === one.stored && revokedAt === null && state in SHOWN && !(exp !== null && exp <= now)
          const isMeant =
            (asked.state === undefined || asked.state === SHOWN[state]) &&
            (unusedSince === undefined || (lastUse ?? iat ?? now) < unusedSince) &&
            (expiresBefore === undefined || (exp !== null && exp < expiresBefore)) &&
            !(noExpiry && exp !== null)
          if (!isLive || isIdle || !isMeant) return false
          return owner || scope !== undefined || unbound ? undefined : true
        },
        present: async (doc) => shown(one, doc, await records.open(doc)),
      }),
  )
}

/** The document behind a public id of these kinds; undefined for any other text. */
export function artefactId(kind: Kind, id: string): string | undefined {
  const prefix = DESCRIBED.find((one) => one.kind === kind)?.prefix
  return prefix !== undefined && id.startsWith(prefix) ? id.slice(prefix.length) : undefined
}
