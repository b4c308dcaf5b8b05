/** Tokens on a store of their own, with everything above them in a test's hands: for the tests of this room. */

import { createSecretKey } from 'node:crypto'
import type { Store } from '../../adapters/store.ts'
import type { Rate } from '../../src/api-tokens/rates.ts'
import { apiTokens, type TokenRecord, tokenDoc, tokenId } from '../../src/api-tokens/records.ts'
import type { Limits } from '../../src/api-tokens/rules.ts'
import { createTokenUse, type TokenUseDeps } from '../../src/api-tokens/use.ts'
import { type Clock, randomText, systemRandom, Unit } from '../../src/base/index.ts'
import { createSeal, fixedMasters, type Seal, softwareMaster } from '../../src/seal/index.ts'
import { tokenRecord } from '../support/token-record.ts'
import { openTestStore, type StoreKind } from '../support/world.ts'

/** A clock that stands still until it is moved. Milliseconds. */
export class StillClock implements Clock {
  ms = 1_800_000_000_000
  now(): number {
    return this.ms
  }
  get seconds(): number {
    return Math.floor(this.ms / 1000)
  }
}

export const DAY = 24 * 3600
const OPEN: Limits = {
  lifetimeSecondsMax: 400 * DAY,
  scopes: undefined,
  networks: { allow: [], except: [] },
  idleSecondsMax: undefined,
}

/** What a test may say of a token; the rest is usual. */
export type TokenWish = Partial<Omit<TokenRecord, 'parent'>> & {
  readonly exp?: number
  readonly notBefore?: number | null
  readonly line?: string
  readonly parent?: string | null
  readonly state?: 'pending' | 'active'
  readonly text?: string
  readonly id?: string
}

export interface Desk {
  readonly store: Store
  readonly seal: Seal
  readonly clock: StillClock
  readonly use: ReturnType<typeof createTokenUse>
  /** What stands above, as a test turns it. */
  readonly world: {
    alive: boolean
    scopes: readonly string[] | undefined
    limits: Limits
    rates: Readonly<Record<string, Rate>>
    owners: number
  }
  /** Every read of the store, by collection, since it was last emptied. */
  readonly reads: string[]
  /** Puts a token into the store. */
  make(wish?: TokenWish): Promise<{ readonly text: string; readonly id: string; readonly line: string }>
  unit(): Unit
  commit(unit: Unit): Promise<void>
  /** Another node on the same store and clock. */
  node(more?: Partial<TokenUseDeps>): ReturnType<typeof createTokenUse>
  close(): Promise<void>
}

const APART = ['exp', 'notBefore', 'line', 'text', 'id', 'state', 'parent']

/** A record with the usual fields filled in. */
export function recordOf(wish: TokenWish, input: { readonly now: number; readonly text: string }): TokenRecord {
  return tokenRecord({
    scopes: ['read', 'write'],
    createdAt: input.now,
    createdBy: 'test',
    ending: input.text.slice(-4),
    ...Object.fromEntries(Object.entries(wish).filter(([name]) => !APART.includes(name))),
  })
}

/** Puts a token into a store. */
export async function makeToken(
  deps: {
    readonly store: Pick<Store, 'commit'>
    readonly seal: Seal
    readonly clock: Clock
    readonly unit: () => Unit
  },
  wish: TokenWish = {},
): Promise<{ readonly text: string; readonly id: string; readonly line: string }> {
  const { seal } = deps
  const now = Math.floor(deps.clock.now() / 1000)
  const text = wish.text ?? seal.mintCredential(wish.kind === 'personal' ? 'pat' : 'svc')
  const id = wish.id ?? tokenId(seal, text)
  const line = wish.line ?? id
  const exp = wish.exp ?? now + 30 * DAY
  const staged = deps.unit()
  staged.insert(
    apiTokens.name,
    tokenDoc(seal, {
      id,
      hk: seal.hk,
      record: recordOf(wish, { now, text }),
      line,
      parent: wish.parent ?? null,
      state: wish.state ?? 'active',
      notBefore: wish.notBefore ?? null,
      exp,
      purgeAt: exp + 90 * DAY,
    }),
  )
  await deps.store.commit(staged.writes('all'))
  return { text, id, line }
}

/** Opens it. */
export async function openDesk(kind: StoreKind, more: Partial<TokenUseDeps> = {}): Promise<Desk> {
  const inner = await openTestStore(kind)
  const reads: string[] = []
  const store: Store = {
    ...inner,
    get(collection, id) {
      reads.push(`get ${collection}`)
      return inner.get(collection, id)
    },
    find(collection, by, page) {
      reads.push(`find ${collection}`)
      return inner.find(collection, by, page)
    },
  }
  const clock = new StillClock()
  const masters = fixedMasters(softwareMaster(createSecretKey(Buffer.alloc(32, 7))))
  const seal = await createSeal({ store: inner, masters, clock, random: systemRandom, stopwatch: () => 0 })
  const unit = () => new Unit({ store, cid: randomText(systemRandom, 16), request: 'test' })
  const commit = (staged: Unit) => store.commit(staged.writes('all'))
  const world: Desk['world'] = {
    alive: true,
    scopes: undefined,
    limits: OPEN,
    rates: {},
    owners: 0,
  }
  const node: Desk['node'] = (other = {}) =>
    createTokenUse({
      store,
      seal,
      clock,
      unit,
      commit,
      async owner() {
        world.owners++
        return { alive: world.alive, scopes: world.scopes }
      },
      limits: () => world.limits,
      rates: () => world.rates,
      ...other,
    })
  return {
    store,
    seal,
    clock,
    world,
    reads,
    unit,
    commit,
    node,
    use: node(more),
    make: (wish = {}) => makeToken({ store: inner, seal, clock, unit }, wish),
    close: () => inner.close(),
  }
}
