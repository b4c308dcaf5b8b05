/** What is killed: for each POST route of the API what it acts on, made anew for each kill, and what it is sent. */

import { createHash, generateKeyPairSync } from 'node:crypto'
import type { Answered } from './process.ts'
import { API, LIFETIME_SECONDS } from './seeds.ts'

/** One request that is to be killed. */
export interface Order {
  readonly path: string
  readonly body: object
}

/** How a case makes what its request acts on. */
export interface Desk {
  /** Owner of all that this kill is about. */
  readonly owner: string
  /** Another for each kill. */
  readonly n: number
  post(path: string, body?: object, as?: 'root' | 'maker'): Promise<Answered>
}

/** A route, and a way to call it. */
export interface Case {
  readonly name: string
  /** Its `operationId`. */
  readonly route: string
  /** Killed at every call of the store, or at the one that commits: the others of its route have been killed at every call. */
  readonly at: 'calls' | 'commits'
  /** Of many calls that only read, one in so many. */
  readonly every?: number
  /** Acts on all that an owner has: each kill needs another one. */
  readonly ownsAll?: true
  /** Hands a secret over. */
  readonly hands?: true
  order(desk: Desk): Promise<Order>
}

const wish = ({ owner }: Pick<Desk, 'owner'>, more: object = {}) => ({
  ...{ name: 'nightly', kind: 'service', owner, scopes: ['read', 'write'], apis: [API] },
  lifetime_seconds: LIFETIME_SECONDS,
  ...more,
})

/** A token, ready to be acted on: its id. */
async function token(desk: Desk, more: object = {}, as: 'root' | 'maker' = 'root'): Promise<string> {
  return String((await desk.post('/tokens', wish(desk, more), as)).body.id)
}

/** A route that changes one token. */
function changing(
  route: string,
  verb: string,
  body: object = {},
  ready: (desk: Desk) => Promise<string> = token,
): Case {
  const order = async (desk: Desk): Promise<Order> => ({ path: `/tokens/${await ready(desk)}/${verb}`, body })
  return { name: verb, route, at: 'calls', order }
}

async function quarantined(desk: Desk): Promise<string> {
  const id = await token(desk)
  await desk.post(`/tokens/${id}/quarantine`, { why: 'to be released' })
  return id
}

/** One with a child, which ends with it. */
async function parent(desk: Desk): Promise<string> {
  const id = await token(desk)
  await token(desk, { parent: id, scopes: ['read'], lifetime_seconds: LIFETIME_SECONDS / 2 })
  return id
}

const wrapped = { as: 'wrapped', lifetime_seconds: 600 }
/** Whom sealed tokens are for. */
export const recipient = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const sealed = { as: 'sealed', recipient: recipient.publicKey.export({ format: 'jwk' }) }

/** All of them. */
export const cases: readonly Case[] = [
  {
    name: 'create',
    route: 'createToken',
    at: 'calls',
    hands: true,
    order: async (desk) => ({ path: '/tokens', body: wish(desk) }),
  },
  {
    name: 'import',
    route: 'importToken',
    at: 'calls',
    async order(desk) {
      const sha256 = createHash('sha256').update(`foreign ${desk.n}`).digest('hex')
      return { path: '/tokens/import', body: wish(desk, { sha256 }) }
    },
  },
  { ...changing('rotateToken', 'rotate', { overlap: '1h', why: 'of age' }), hands: true },
  changing('revokeToken', 'revoke', { why: 'over' }, parent),
  changing('quarantineToken', 'quarantine', { why: 'odd' }),
  changing('releaseToken', 'release', {}, quarantined),
  changing('approveToken', 'approve', {}, (desk) => token(desk, { scopes: ['rule'] }, 'maker')),
  changing('narrowToken', 'narrow', { scopes: ['read'] }),
  {
    name: 'bulk revocation',
    route: 'revokeInventory',
    at: 'calls',
    ownsAll: true,
    // It counts and lists what it will end, over and over.
    every: 3,
    async order(desk) {
      for (let n = 0; n < 2; n++) await token(desk)
      return { path: '/inventory/revoke', body: { filter: { owner: desk.owner }, why: 'all of them' } }
    },
  },
  {
    name: 'create, wrapped',
    route: 'createToken',
    at: 'commits',
    hands: true,
    order: async (desk) => ({ path: '/tokens', body: wish(desk, { deliver: wrapped }) }),
  },
  {
    name: 'create, sealed',
    route: 'createToken',
    at: 'commits',
    hands: true,
    order: async (desk) => ({ path: '/tokens', body: wish(desk, { deliver: sealed }) }),
  },
  { ...changing('rotateToken', 'rotate', { deliver: wrapped }), name: 'rotate, wrapped', at: 'commits', hands: true },
]
