/** The rooms of leaks and hand-over over a store of their own, behind a small door, with stand-ins for the tokens' verbs. */

import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:http'
import { join, resolve } from 'node:path'
import Koa from 'koa'
import { openSqliteStore } from '../../adapters/sqlite/index.ts'
import type { Doc, OutboxEvent, Store } from '../../adapters/store.ts'
import { accountCollections } from '../../src/accounts/index.ts'
import { publicId, type ShownToken, type TokenVerbs, tokenCollections, tokenId } from '../../src/api-tokens/index.ts'
import { apiTokens, storedId, type TokenRecord, tokenDoc, tokenOf } from '../../src/api-tokens/records.ts'
import { mayChange, stateOf } from '../../src/api-tokens/rules.ts'
import { Refusal, systemRandom as random, randomText, seconds, TENANT, Unit } from '../../src/base/index.ts'
import { createHandover, handoverCollections } from '../../src/handover/index.ts'
import { callerAddress, createOutbound, createViews, securityHeaders, sendAsset } from '../../src/http/index.ts'
import { createLeaks, type LeakDeps, leakCollections } from '../../src/leaks/index.ts'
import { createSeal, fixedMasters, openEvents, type Seal, sealEvents, sealKeys } from '../../src/seal/index.ts'
import { createLogger } from '../../src/telemetry/index.ts'
import { openTestMongo } from './mongo-store.ts'
import { tokenRecord } from './token-record.ts'
import { allSecrets, HandClock, masterOf, OUTPUT, type StoreKind } from './world.ts'

const collections = [
  sealKeys,
  ...accountCollections,
  ...tokenCollections,
  ...leakCollections,
  ...handoverCollections,
] as const

async function openStore(kind: StoreKind): Promise<Store> {
  if (kind === 'mongodb') return openTestMongo(collections)
  return openSqliteStore({ file: join(mkdtempSync(join(OUTPUT, 'stores', 'leaks-')), 'mintmark.db'), collections })
}

const record = tokenRecord({ kind: 'personal', owner: { type: 'account', id: 'sub-1' }, keptAt: 'vault', ending: '' })

const gone = () => new Refusal({ code: 'token_unknown', status: 404, message: 'There is no such token.' })

/** A small stand-in for the tokens' verbs: the three that leaks and hand-over call, on real documents. */
function standIn(deps: { readonly store: Store; readonly seal: Seal; readonly clock: HandClock }) {
  const { store, seal, clock } = deps
  const shownOf = async (doc: Doc): Promise<ShownToken> => ({
    ...(await tokenOf(seal, doc)),
    id: publicId(doc.id),
    state: stateOf(doc, seconds(clock)),
    line: String(doc.family),
    parent: null,
    notBefore: null,
    expiresAt: doc.exp ?? 0,
    lastUsedAt: null,
    overlapUntil: null,
    successor: null,
  })
  async function docOf(id: string, unit?: Unit): Promise<Doc> {
    const doc = await (unit ?? store).get(apiTokens.name, storedId(id))
    if (!doc) throw gone()
    return doc
  }
  const change = (what: 'quarantine' | 'revoke') => async (unit: Unit, id: string) => {
    const doc = await docOf(id, unit)
    const at = seconds(clock)
    if (!mayChange(what, stateOf(doc, at)))
      throw new Refusal({ code: 'state', status: 409, message: 'not in this state' })
    const mark = what === 'quarantine' ? { mark: 'quarantined' } : {}
    unit.revoke({ collection: apiTokens.name, target: { id: doc.id }, at, ...mark })
    return shownOf(doc)
  }
  const verbs: Pick<TokenVerbs, 'show' | 'quarantine' | 'revoke'> = {
    show: async (id) => shownOf(await docOf(id)),
    quarantine: change('quarantine'),
    revoke: change('revoke'),
  }
  return verbs
}

/** The store, with what is asked of it written down: the only thing that could make an answer's time depend on a token. */
function recorded(real: Store, calls: string[]): Store {
  return new Proxy(real, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: readonly unknown[]) => {
        const [first] = args
        calls.push(`${String(name)} ${typeof first === 'string' ? first : ''}`)
        return value.apply(target, args)
      }
    },
  })
}

/** What the app passes in, as far as a test says nothing else: no OAuth tokens, and nobody who listens. */
const quiet = (seal: Seal): Pick<LeakDeps, 'idsOf' | 'oauth' | 'reaction' | 'tellOwner' | 'alarm'> => ({
  idsOf: (text) => [tokenId(seal, text)],
  oauth: {
    mark: async () => ({ ids: [], token: null, isOurs: false }),
    isLive: async () => false,
    end: async () => false,
  },
  reaction: async () => ({ do: 'quarantine', why: 'it was reported as leaked' }),
  tellOwner: async () => {},
  alarm: async () => {},
})

/** A door with the rooms' routes and the pages' assets. */
async function openDoor(routes: (ctx: Koa.Context) => Promise<unknown>) {
  const koa = new Koa()
  koa.use(securityHeaders())
  koa.use(async (ctx) => void (await routes(ctx)))
  const handle = koa.callback()
  const server = createServer((req, res) => void handle(req, res))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  return { server, port: typeof address === 'object' && address ? address.port : 0 }
}

/** What tests look at and make in the store. */
function shelf(deps: {
  readonly real: Store
  readonly seal: Seal
  readonly clock: HandClock
  readonly unit: () => Unit
  readonly tokens: Pick<TokenVerbs, 'show'>
}) {
  const { real, seal, clock, unit, tokens } = deps
  return {
    /** Stores a token; gives its text and public id. */
    async mint(
      input: {
        readonly state?: 'pending' | 'active'
        readonly record?: Partial<TokenRecord>
        readonly lasts?: number
      } = {},
    ): Promise<{ readonly text: string; readonly id: string }> {
      const text = seal.mintCredential('pat')
      allSecrets.push(text)
      const id = tokenId(seal, text)
      const at = seconds(clock)
      const staged = unit()
      const exp = at + (input.lasts ?? 30 * 86_400)
      staged.insert(
        apiTokens.name,
        tokenDoc(seal, {
          id,
          hk: '1',
          record: { ...record, createdAt: at, ...input.record },
          line: id,
          parent: null,
          state: input.state ?? 'active',
          notBefore: null,
          exp,
          purgeAt: exp + 86_400,
        }),
      )
      await real.commit(staged.writes('all'))
      return { text, id: publicId(id) }
    },
    stateOf: async (id: string) => (await tokens.show(id)).state,
    /** Every token's revision, by id: what has changed is seen whatever it was. */
    async revisions(): Promise<ReadonlyMap<string, number>> {
      const docs = await real.scan(apiTokens.name, { limit: 5000 })
      return new Map(docs.map(({ id, rev }) => [id, rev]))
    },
    async events(): Promise<readonly { readonly type: string; readonly data: Readonly<Record<string, unknown>> }[]> {
      const pending: readonly OutboxEvent[] = await real.pending(5000)
      return (await Promise.all(pending.map((entry) => openEvents(seal, entry)))).flat()
    },
  }
}

/** What is made over a store; when that throws, nobody is left to close the store. */
async function orClose<T>(store: Store, make: () => T): Promise<T> {
  try {
    return make()
  } catch (cause) {
    await store.close()
    throw cause
  }
}

/** Everything that a test of these rooms needs. */
export async function openLeakRoom(kind: StoreKind, more: Partial<LeakDeps> = {}) {
  const real = await openStore(kind)
  const calls: string[] = []
  const store = recorded(real, calls)
  const clock = new HandClock()
  const logger = createLogger({ level: 'silent' })
  const seal = await createSeal({ store, clock, random, masters: fixedMasters(masterOf(5)) })
  const unit = () => new Unit({ store, cid: randomText(random, 16), request: randomText(random, 9) })
  const actor = { request: 'r', network: 'local' }
  const commit = (staged: Unit) =>
    store.commit(staged.writes('all', sealEvents(seal, staged, { clock, actor, tenant: TENANT })))
  const views = createViews({ directory: resolve(import.meta.dirname, '../../views'), branding: { name: 'Mintmark' } })
  const tokens = standIn({ store: real, seal, clock })
  const outbound = createOutbound({ allow: ['127.0.0.0/8', '::1/128'], timeoutMs: 2000, bytesMax: 65_536 })
  const shared = { store, seal, clock, random, logger, unit, commit, tokens, outbound, views }
  const leaks = await orClose(real, () => createLeaks({ ...shared, ...quiet(seal), ...more }))
  const { server, port } = await openDoor(async (ctx) => {
    const address = callerAddress(ctx.req, ctx.get('x-forwarded-for') ? 1 : 0)
    if ((await leaks.answer(ctx, address)) || (await handover.answer(ctx))) return
    const file = ctx.method === 'GET' ? views.asset(ctx.path) : undefined
    if (file) sendAsset(ctx, file)
  })
  const issuer = `http://localhost:${port}`
  const handover = createHandover({ ...shared, issuer })
  return {
    ...shared,
    store: real,
    leaks,
    handover,
    issuer,
    calls,
    keepSecret: (...texts: readonly string[]) => void allSecrets.push(...texts),
    ...shelf({ real, seal, clock, unit, tokens }),
    async close(): Promise<void> {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
      await real.close()
    },
  }
}

export type LeakRoom = Awaited<ReturnType<typeof openLeakRoom>>
