/** Every question, in any combination, gives what a look at every credential gives: listed, counted, page by page. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { apiTokens } from '../../src/api-tokens/index.ts'
import type { Filter } from '../../src/inventory/index.ts'
import { inventoryCollections } from '../../src/inventory/index.ts'
import { artefacts } from '../../src/oidc/index.ts'
import { sealKeys } from '../../src/seal/index.ts'
import { openTestMongo } from '../support/mongo-store.ts'
import {
  type Artefact,
  artefactsOf,
  NOW,
  openRoom,
  owners,
  type Room,
  scopes,
  type Token,
  tokens,
} from './population.ts'

const DAY = 24 * 3600

/** What the oracle knows of a credential; it reads no document and no index. */
interface Known {
  readonly kind: string
  readonly isLive: boolean
  readonly state: string
  readonly owner: string
  readonly scopes: readonly string[]
  readonly exp: number | null
  readonly used: number | undefined
  readonly unbound: boolean
}

function knownToken(one: Token): Known {
  const overlap = Math.min(one.overlapUntil ?? 0, one.exp ?? Number.POSITIVE_INFINITY)
  const lives = one.exp === null || one.exp > NOW
  return {
    kind: 'api-token',
    isLive: one.state !== 'revoked' && lives && (one.state !== 'rotated' || overlap > NOW),
    state: one.state === 'rotated' ? 'rotating' : one.state,
    owner: `${one.owner.type} ${one.owner.id}`,
    scopes: one.scopes,
    exp: one.state === 'rotated' && one.endsWithOverlap ? overlap : one.exp,
    used: one.lastUse ?? one.iat,
    unbound: !one.networks,
  }
}

function knownArtefact(one: Artefact): Known {
  const isFamily = one.kind === 'Family'
  return {
    kind: one.kind.toLowerCase(),
    isLive: one.state !== 'revoked' && one.exp > NOW && (!isFamily || one.idleUntil > NOW),
    state: !isFamily || one.state === 'live' ? 'active' : one.state,
    owner: `account ${one.account}`,
    scopes: one.scopes,
    exp: one.exp,
    used: isFamily ? (one.lastUse ?? NOW - 5 * DAY) : undefined,
    unbound: isFamily && !one.bound,
  }
}

const isMeant = (one: Known, filter: Filter): boolean =>
  one.isLive &&
  (!filter.kind || filter.kind.some((kind) => kind === one.kind)) &&
  (filter.state === undefined || filter.state === one.state) &&
  (!filter.owner || `${filter.owner.type} ${filter.owner.id}` === one.owner) &&
  (filter.scope === undefined || one.scopes.includes(filter.scope)) &&
  (filter.unusedSince === undefined || (one.used !== undefined && one.used < Number(filter.unusedSince))) &&
  (filter.expiresBefore === undefined || (one.exp !== null && one.exp < Number(filter.expiresBefore))) &&
  (!filter.unbound || one.unbound) &&
  (!filter.noExpiry || one.exp === null)

const moment = fc.integer({ min: -6, max: 6 }).map((n) => NOW + n * DAY)
const parts = {
  kind: fc.uniqueArray(fc.constantFrom('api-token', 'family', 'grant', 'session'), { minLength: 1 }),
  state: fc.constantFrom('active', 'pending', 'quarantined', 'rotating', 'step_up'),
  owner: fc.constantFrom(...owners, { type: 'account', id: 'bob' } as const),
  scope: fc.constantFrom(...scopes, 'none'),
  unusedSince: moment,
  expiresBefore: moment,
  unbound: fc.constant(true as const),
  noExpiry: fc.constant(true as const),
} as const
/** One, two or any number of words: those that one index answers alone must be met as often as mixtures. */
const filters: fc.Arbitrary<Filter> = fc.oneof(
  fc.record(parts, { requiredKeys: [] }),
  fc
    .uniqueArray(fc.constantFrom(...Object.keys(parts)), { maxLength: 2 })
    .chain((names) =>
      fc.record(parts).map((all) => Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)))),
    ),
)

async function listed(room: Room, filter: Filter, limit: number): Promise<readonly string[]> {
  const ids: string[] = []
  let cursor: string | undefined
  do {
    const page = await room.inventory.list(filter, { limit, cursor })
    assert.ok(page.items.length <= limit)
    ids.push(...page.items.map(({ id }) => id))
    cursor = page.cursor
  } while (cursor !== undefined)
  return ids
}

async function agrees(room: Room, known: readonly Known[], filter: Filter, limit: number): Promise<void> {
  const want = known.filter((one) => isMeant(one, filter))
  const ids = await listed(room, filter, limit)
  const text = JSON.stringify(filter)
  assert.equal(new Set(ids).size, ids.length, `none twice: ${text}`)
  assert.equal(ids.length, want.length, text)
  const { total, byKind, complete } = await room.inventory.count(filter)
  assert.deepEqual([total, complete], [want.length, true], `counted: ${text}`)
  for (const kind of ['api-token', 'family', 'grant', 'session'] as const)
    assert.equal(byKind[kind] ?? 0, want.filter((one) => one.kind === kind).length, `${kind}: ${text}`)
}

describe('the inventory answers as if it had looked at everything', () => {
  for (const [name, runs] of [
    ['sqlite', 100],
    ['mongodb', 6],
  ] as const) {
    it(`over random populations on ${name}`, async () => {
      const all = [sealKeys, apiTokens, artefacts, ...inventoryCollections]
      const room = await openRoom({}, name === 'mongodb' ? await openTestMongo(all) : undefined)
      try {
        await fc.assert(
          fc.asyncProperty(
            fc.array(tokens, { maxLength: 40, size: 'max' }),
            fc.array(artefactsOf, { maxLength: 30, size: 'max' }),
            fc.array(filters, { minLength: 8, maxLength: 8 }),
            fc.option(fc.boolean(), { nil: undefined }),
            fc.integer({ min: 1, max: 7 }),
            async (given, others, asked, ending, limit) => {
              const some = given.map((one) => (ending === undefined ? one : { ...one, endsWithOverlap: ending }))
              await room.empty()
              await room.fill({ tokens: some, artefacts: others })
              const known = [...some.map(knownToken), ...others.map(knownArtefact)]
              for (const filter of asked) await agrees(room, known, filter, limit)
            },
          ),
          { numRuns: runs },
        )
      } finally {
        await room.close()
      }
    })
  }
})
