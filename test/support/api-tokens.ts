/** A server with what API tokens need around them: their owners, a service that introspects, and those that may know nothing. */

import { createHash } from 'node:crypto'
import { apiTokens } from '../../src/api-tokens/records.ts'
import { randomText, systemRandom, Unit } from '../../src/base/index.ts'
import type { ConfigurationInput } from '../../src/config/index.ts'
import { makeToken, type TokenWish } from '../api-tokens/desk.ts'
import { type Answer, post } from './browser.ts'
import { clientOrder, type Furniture, furnish, openWorld, type StoreKind, type World } from './world.ts'

export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const API_TOKEN = 'urn:mintmark:token-type:api-token'
type Client = readonly [id: string, secret: string]

/** What is there. */
export interface TokenWorld {
  readonly world: World
  readonly has: Furniture
  /** Introspects both APIs of the furniture. */
  readonly service: Client
  /** Introspects none and owns nothing. */
  readonly outsider: Client
  /** Owns tokens, and may exchange. There is a public client `cli` that may exchange, too. */
  readonly reports: Client
  /** Unix seconds. */
  now(): number
  make(wish?: TokenWish): Promise<{ readonly text: string; readonly id: string }>
  personal(wish?: TokenWish): Promise<{ readonly text: string; readonly id: string }>
  /** Revokes, and waits for the second that verification may be late. */
  revoke(id: string): Promise<void>
  introspect(token: string, client: Client, more?: Readonly<Record<string, string>>): Promise<Answer>
  /** A POST of the management API, once for its path and body. */
  call(
    as: string,
    path: string,
    body: object,
  ): Promise<{ readonly status: number; readonly body: Answer['body']; readonly expiresIn: string | null }>
  exchange(token: string, more?: Readonly<Record<string, string>>, client?: Client): Promise<Answer>
}

/** Opens it. */
export async function openTokenWorld(
  kind: StoreKind,
  configuration: ConfigurationInput = {},
  more: Parameters<typeof openWorld>[3] = {},
): Promise<TokenWorld> {
  const rates = { few: { points: 2, seconds: 3600 }, monthly: { points: 3, each: 'month', per: 'owner' } } as const
  const policies = [
    { name: 'trial', for: { labels: ['trial'] }, rates: ['monthly'] },
    { name: 'office', for: { labels: ['office'] }, networks: { allow: ['10.0.0.0/8'] } },
    { name: 'two', for: { labels: ['two'] }, approval: true },
    { name: 'brief', for: { labels: ['brief'] }, dormantSeconds: { quarantine: 60 } },
  ]
  const world = await openWorld(kind, { tokens: { rates, policies }, ...configuration }, undefined, more)
  const has = await furnish(world)
  const { seal, store, clients } = world.app
  const client = async (id: string, order: Partial<Parameters<typeof clientOrder>[0]>): Promise<Client> => {
    const { secret } = await clients.create(clientOrder({ id, grants: ['client_credentials'], ...order }))
    world.keepSecret(secret?.reveal())
    return [id, secret?.reveal() ?? '']
  }
  const unit = () => new Unit({ store, cid: randomText(systemRandom, 16), request: 'test' })
  const outsider = await client('outsider', {})
  const scopes = ['read', 'write', 'look', 'tokens:read']
  const reports = await client('reports', { grants: ['client_credentials', 'token_exchange'], scopes })
  await clients.create(clientOrder({ id: 'cli', grants: ['token_exchange'], public: true }))
  const now = () => Math.floor(world.clock.now() / 1000)
  async function make(wish: TokenWish = {}) {
    const made = await makeToken({ store, seal, clock: world.clock, unit }, { apis: ['urn:test:api'], ...wish })
    world.keepSecret(made.text)
    return made
  }
  return {
    world,
    has,
    service: ['service', has.service],
    outsider,
    reports,
    now,
    make,
    personal: (wish = {}) => make({ kind: 'personal', owner: { type: 'account', id: has.person.sub }, ...wish }),
    async revoke(id) {
      const staged = unit()
      staged.revoke({ collection: apiTokens.name, target: { id }, at: now() })
      await store.commit(staged.writes('all'))
      world.clock.forward(1)
    },
    async call(as, path, body) {
      const answer = await fetch(new URL(`/api/v1${path}`, world.issuer), {
        method: 'POST',
        headers: {
          authorization: `Bearer ${as}`,
          'content-type': 'application/json',
          'idempotency-key': createHash('sha256')
            .update(`${path} ${JSON.stringify(body)}`)
            .digest('hex'),
        },
        body: JSON.stringify(body),
      })
      const said: Answer['body'] = JSON.parse(await answer.text())
      if (typeof said.token === 'string') world.keepSecret(said.token)
      return { status: answer.status, body: said, expiresIn: answer.headers.get('token-expires-in') }
    },
    introspect: (token, by, more = {}) => post(world, '/token/introspection', { token, ...more }, by),
    exchange: (token, more = {}, by = reports) =>
      post(world, '/token', { grant_type: EXCHANGE, subject_token: token, subject_token_type: API_TOKEN, ...more }, by),
  }
}
