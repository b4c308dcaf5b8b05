/** The REST face on a real port, over a store of its own, with stand-ins behind its doors. */

import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import Koa from 'koa'
import { openSqliteStore } from '../../adapters/sqlite/index.ts'
import type { Store } from '../../adapters/store.ts'
import type { AccessFacts, Doors } from '../../src/admin/index.ts'
import { createRest, type Rest } from '../../src/admin/index.ts'
import type { Asked, Owner } from '../../src/api-tokens/index.ts'
import { apiTokens, tokenId } from '../../src/api-tokens/records.ts'
import { refusalTables } from '../../src/app.ts'
import { systemRandom as random, randomText, Unit } from '../../src/base/index.ts'
import { createIdempotency, idempotencyCollections } from '../../src/idempotency/index.ts'
import { createSeal, fixedMasters, sealKeys } from '../../src/seal/index.ts'
import { openTestMongo } from './mongo-store.ts'
import { standInInventory } from './stand-in-inventory.ts'
import { StandInTokens } from './stand-in-tokens.ts'
import { HandClock, masterOf, OUTPUT, type StoreKind } from './world.ts'

const collections = [sealKeys, apiTokens, ...idempotencyCollections]
const FIXED = { issuer: 'https://issuer.example', proxies: 0, refusals: refusalTables } as const

/** What a call answered. */
export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly body: Readonly<Record<string, unknown>>
}

/** How a call is made. */
export interface Calling {
  readonly as?: string
  readonly body?: unknown
  /** Sent as it is. */
  readonly raw?: string | Uint8Array
  readonly type?: string
  readonly key?: string | null
  readonly headers?: Readonly<Record<string, string>>
}

async function openStore(kind: StoreKind): Promise<Store> {
  if (kind === 'mongodb') return openTestMongo(collections)
  return openSqliteStore({ file: join(mkdtempSync(join(OUTPUT, 'stores', 'rest-')), 'mintmark.db'), collections })
}

/** Serves the face on a free port. */
async function serve(rest: Rest) {
  const koa = new Koa()
  koa.use(async (ctx) => {
    ctx.state.requestId = randomText(random, 9)
    if (rest.handles(ctx.path)) await rest.answer(ctx)
  })
  const server = createServer(koa.callback())
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  return { server, origin: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}` }
}

/** Makes a call. `path`: under /api/v1, or a whole one. */
async function called(origin: string, method: string, path: string, calling: Calling): Promise<Answered> {
  const { as, body, raw, key, type = 'application/json' } = calling
  const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body))
  const posted = method === 'POST' && key !== null
  const answer = await fetch(path.startsWith('/api') ? origin + path : `${origin}/api/v1${path}`, {
    method,
    headers: {
      ...(as === undefined ? {} : { authorization: `Bearer ${as}` }),
      ...(sent === undefined ? {} : { 'content-type': type }),
      ...(posted ? { 'idempotency-key': key ?? randomText(random, 9) } : {}),
      ...calling.headers,
    },
    ...(sent === undefined ? {} : { body: typeof sent === 'string' ? sent : new Uint8Array(sent) }),
  })
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, body: text === '' ? {} : JSON.parse(text) }
}

/** Who used every token, and how often. */
const uses: Pick<Doors, 'consumers' | 'hours'> = {
  consumers: async () => ({
    served: [{ network: '10.0.0.0/24', agent: 'curl', route: '/x', outcome: 'VALID', lastSeenAt: 5 }],
    refused: [{ network: '10.0.1.0/24', agent: 'curl', route: '/x', outcome: 'IP_DENIED', lastSeenAt: 5 }],
  }),
  hours: async () => [{ hour: 3600, counts: { VALID: 3 } }],
}

/** Opens the face. */
export async function openRest(
  kind: StoreKind,
  more: Partial<Doors> = {},
  wrap: (store: Store) => Store = (store) => store,
) {
  const clock = new HandClock()
  const inner = await openStore(kind)
  const seal = await createSeal({ store: inner, clock, random, masters: fixedMasters(masterOf(7)) })
  const store = wrap(inner)
  const tokens = new StandInTokens({ store, seal, clock })
  const [access, failures] = [new Map<string, AccessFacts>(), [] as unknown[]]

  async function apiToken(text: string, _asked: Asked) {
    const shown = /^mm_(pat|svc)_/.test(text)
      ? await tokens.show(tokenId(seal, text)).catch(() => undefined)
      : undefined
    return shown?.state === 'active' ? shown : undefined
  }
  const doors: Doors = {
    tokens,
    accessToken: async (text) => access.get(text),
    apiToken,
    ...uses,
    inventory: standInInventory(30),
    handover: undefined,
    ...more,
  }
  const unit = () => new Unit({ store, cid: randomText(random, 16), request: randomText(random, 9) })
  const rest = createRest({
    doors,
    idempotency: createIdempotency({ store, seal, clock, random }),
    seal,
    clock,
    unit,
    commit: (staged) => store.commit(staged.writes('all')),
    ...FIXED,
    logger: { info() {}, error: (facts: unknown) => void failures.push(facts) },
  })
  const { server, origin } = await serve(rest)
  /** The text of an access token of a caller. */
  function bearer(facts: Partial<AccessFacts> & { readonly scopes: readonly string[] }): string {
    const text = `mm_at_${randomText(random, 12)}`
    access.set(text, { account: undefined, client: 'console', isBound: false, ...facts })
    return text
  }

  /** Makes a token, past the face. */
  async function make(owner: Owner, scopes: readonly string[], parent?: string) {
    const staged = unit()
    const kind = owner.type === 'account' ? 'personal' : 'service'
    const { text, shown } = await tokens.create(staged, { name: 'made', kind, owner, scopes, parent }, 'operator')
    await store.commit(staged.writes('all'))
    return { text: text.reveal(), id: shown.id }
  }

  return {
    call: (method: string, path: string, calling: Calling = {}) => called(origin, method, path, calling),
    page: (path: string) => fetch(origin + path),
    bearer,
    make,
    store: inner,
    doors,
    clock,
    /** What the face called its own failures: must stay empty. */
    failures,
    async close() {
      server.close()
      server.closeAllConnections()
      await inner.close()
    },
  }
}

export type RestWorld = Awaited<ReturnType<typeof openRest>>
