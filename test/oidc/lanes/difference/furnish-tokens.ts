/** API tokens of every owner and in every state, and what was exchanged for them. */

import { createHash } from 'node:crypto'
import { randomText, seconds, Unit } from '../../../../src/base/index.ts'
import { makeToken, type TokenWish } from '../../../api-tokens/desk.ts'
import { API_TOKEN, EXCHANGE } from '../../../support/api-tokens.ts'
import type { Cast } from './cast.ts'
import { Chance } from './chance.ts'
import type { Rig } from './rig.ts'
import { asClient, type Place } from './sign-in.ts'
import { clock } from './time.ts'

const network = (...allow: readonly string[]) => ({ networks: { allow, except: ['203.0.113.66/32'] } })

/** What is made, by name. */
function wishes(sub: string): Readonly<Record<string, TokenWish>> {
  const now = seconds(clock)
  return {
    usual: { apis: ['urn:opaque'], scopes: ['look'] },
    wide: { apis: [], scopes: ['look', 'read', 'shared', 'own'] },
    several: { apis: ['urn:opaque', 'urn:jwt'], scopes: ['look', 'read'] },
    scopeless: { apis: ['urn:bare'], scopes: [] },
    personal: {
      kind: 'personal',
      owner: { type: 'account', id: sub },
      apis: ['urn:opaque'],
      scopes: ['look', 'touch'],
    },
    organisation: { owner: { type: 'organisation', id: 'acme' }, scopes: ['shared'] },
    ownerless: { owner: { type: 'service', id: 'nobody' }, scopes: ['look'] },
    'of the disabled': { owner: { type: 'service', id: 'off' }, scopes: ['look'] },
    "inspector's own": { owner: { type: 'service', id: 'inspector-1' }, scopes: ['read'] },
    networks: { scopes: ['look'], ...network('203.0.113.0/24', '2001:db8::/32') },
    paths: { scopes: ['look'], paths: ['/orders/*', '/a%2Fb'], methods: ['GET', 'POST'] },
    few: { scopes: ['look'], labels: ['rate:few'] },
    ended: { scopes: ['look'], exp: now - 5 },
    brief: { scopes: ['look'], exp: now + 30 },
    later: { scopes: ['look'], notBefore: now + 3_000_000 },
    pending: { scopes: ['look'], state: 'pending' },
    'to be revoked': { scopes: ['look'] },
    'to be held': { scopes: ['look'] },
    'to be rotated': { scopes: ['look'] },
  }
}

/** Makes them. */
export async function makeApiTokens(rig: Rig, place: Place, cast: Cast): Promise<void> {
  const { app } = rig.library
  const { seal, store, accounts, tokens, work } = app
  const random = new Chance('api tokens').random()
  const unit = (): Unit => new Unit({ store, cid: randomText(random, 16), request: 'furnish' })
  await app.organisations.create({ name: 'acme' })
  const sub = await accounts.subOf('canary.person')
  const ids = new Map<string, string>()
  for (const [name, wish] of Object.entries(wishes(sub))) {
    const { text, id } = await makeToken({ store, seal, clock, unit }, wish)
    ids.set(name, `tok_${id}`)
    cast.addToken({ text, kind: 'api', client: 'reports' }, `API token ${name}`)
  }
  const change = async (name: string, how: 'revoke' | 'quarantine'): Promise<void> => {
    const staged = work.unit()
    await tokens[how](staged, ids.get(name) ?? '', { by: 'test', why: 'the play' })
    await work.commit(staged)
  }
  await change('to be revoked', 'revoke')
  await change('to be held', 'quarantine')
  const staged = work.unit()
  const input = { overlapSeconds: 3600, by: 'test', why: 'the play' }
  const { text } = await tokens.rotate(staged, ids.get('to be rotated') ?? '', input)
  await work.commit(staged)
  cast.addToken({ text: text.reveal(), kind: 'api', client: 'reports' }, 'API token rotated')
  const foreign = 'ghx_0123456789abcdef0123456789abcdef'
  const imported = work.unit()
  const order = {
    name: 'of another system',
    kind: 'service',
    owner: { type: 'service', id: 'reports' },
    scopes: ['look'],
    sha256: createHash('sha256').update(foreign).digest('hex'),
  } as const
  await tokens.importByHash(imported, order, 'test')
  await work.commit(imported)
  cast.addToken({ text: foreign, kind: 'api', client: 'reports' }, 'API token foreign')
  await exchanged(place, cast)
}

/** Access tokens that stand on API tokens. */
async function exchanged(place: Place, cast: Cast): Promise<void> {
  for (const [name, resource, scope] of [
    ['usual', 'urn:opaque', 'look'],
    ['several', 'urn:jwt', 'read'],
    ['personal', 'urn:opaque', 'touch'],
    ['brief', 'urn:opaque', 'look'],
  ] as const) {
    const token = cast.tokens.find(({ text }) => cast.nameOf(text) === `API token ${name}`)?.text ?? ''
    const form = { grant_type: EXCHANGE, subject_token: token, subject_token_type: API_TOKEN, resource, scope }
    const { access_token: text } = await asClient(place, cast.client('reports'), '/token', Object.entries(form))
    const kind = String(text).startsWith('mm_cc_') ? 'machine' : String(text).startsWith('mm_') ? 'access' : 'jwt'
    cast.addToken({ text: String(text), kind, client: 'reports' }, `exchanged for the API token ${name}`)
  }
}
