/** The stage as every chapter finds it: made once, through the server without lanes. */

import type { App } from '../../../../src/app.ts'
import { type ConfigurationInput, parseConfiguration } from '../../../../src/config/index.ts'
import { createRecords, type Records } from '../../../../src/oidc/index.ts'
import { clientOrder } from '../../../support/world.ts'
import { Cast, type ClientPart } from './cast.ts'
import { UNDECLARED } from './deployment.ts'
import { makeApiTokens } from './furnish-tokens.ts'
import type { Rig } from './rig.ts'
import { type Answer, asClient, type Place, signIn, type Wish } from './sign-in.ts'
import { clock } from './time.ts'

/** A furnished stage. */
export interface Stage {
  readonly rig: Rig
  readonly cast: Cast
  readonly records: Records
}

const PASSWORD = 'tuba lantern orchid seventeen'
const ANNA = { login: 'anna', password: PASSWORD }
const OFF = { login: 'off', password: PASSWORD }
const ERASED = { login: 'erased', password: PASSWORD }

const OFFLINE = 'openid offline_access'
const claims = JSON.stringify({ userinfo: { email: null }, id_token: { name: null, auth_time: { essential: true } } })

/** Several of most, so that chains can end and others go on. */
const WISHES: readonly Wish[] = [
  ...Array.from({ length: 3 }, (): Wish => ({ client: 'web', scope: `${OFFLINE} profile email` })),
  { client: 'web', scope: OFFLINE, more: { max_age: '5000' } },
  { client: 'web', scope: `${OFFLINE} read look`, resources: ['urn:jwt', 'urn:opaque'] },
  { client: 'web', scope: `${OFFLINE} read write`, resources: ['urn:jwt'] },
  { client: 'web', scope: 'offline_access look touch', resources: ['urn:opaque'] },
  { client: 'web', scope: 'offline_access read', resources: ['urn:jwt'] },
  { client: 'web', scope: `${OFFLINE} brief sing heavy`, resources: ['urn:brief', 'urn:eddsa', 'urn:rsa'] },
  { client: 'web', scope: 'offline_access blink', resources: ['urn:blink'] },
  { client: 'web', scope: `${OFFLINE} shared`, resources: ['urn:twin:1', 'urn:twin:2'] },
  { client: 'web', scope: `${OFFLINE} profile own odd:scope/x+y`, resources: ['https://api.example/v1?x=1'] },
  { client: 'web', scope: 'offline_access', resources: ['urn:bare'] },
  { client: 'web', scope: 'openid profile' },
  { client: 'web', scope: OFFLINE, bound: 0 },
  { client: 'web', scope: `${OFFLINE} profile`, more: { claims } },
  { client: 'web', scope: `${OFFLINE} profile`, who: OFF },
  { client: 'web', scope: `${OFFLINE} email`, who: ERASED },
  { client: 'both', scope: `${OFFLINE} look`, resources: ['urn:opaque'] },
  { client: 'both', scope: `${OFFLINE} extra` },
  { client: 'rsa', scope: `${OFFLINE} email` },
  { client: 'ed', scope: OFFLINE, more: { nonce: 'n"\\ö' } },
  { client: 'pair', scope: `${OFFLINE} profile` },
  { client: 'signed', scope: `${OFFLINE} profile` },
  { client: 'timed', scope: OFFLINE },
  { client: 'told-off', scope: `${OFFLINE} look`, resources: ['urn:opaque'] },
  { client: 'told-off', scope: OFFLINE },
  { client: 'gone', scope: `${OFFLINE} profile` },
  { client: 'few', scope: `${OFFLINE} profile look`, resources: ['urn:opaque'] },
  { client: 'scopeless', scope: `${OFFLINE} look touch`, resources: ['urn:opaque'] },
  { client: 'only-openid', scope: `${OFFLINE} email look`, resources: ['urn:opaque'] },
  { client: 'tight', scope: OFFLINE },
  { client: 'bound', scope: OFFLINE, bound: 1 },
  { client: 'fapi', scope: OFFLINE, bound: 0 },
  ...Array.from({ length: 4 }, (): Wish => ({ client: 'moody', scope: `${OFFLINE} look profile email` })),
  { client: 'moody', scope: `${OFFLINE} look`, resources: ['urn:opaque'] },
  { client: 'moody', scope: 'offline_access read', resources: ['urn:jwt'] },
  { client: 'moody-spa', scope: `${OFFLINE} profile look` },
  { client: 'moody-spa', scope: `${OFFLINE} read`, resources: ['urn:jwt'] },
  { client: 'kept', scope: `${OFFLINE} profile` },
  { client: 'kept', scope: 'offline_access look', resources: ['urn:opaque'] },
  { client: 'late-word', scope: OFFLINE },
  { client: 'late-word', scope: `${OFFLINE} profile` },
  { client: 'thrower', scope: OFFLINE },
  { client: 'traveller', scope: `${OFFLINE} email` },
  { client: 'spa', scope: `${OFFLINE} profile email` },
  { client: 'spa', scope: `${OFFLINE} read`, resources: ['urn:jwt'] },
  { client: 'spa', scope: 'openid email' },
]

const METHODS = { client_secret_basic: 'basic', client_secret_post: 'post', none: 'none' } as const

/** The clients that the configuration has, as players know them. */
function declared(clients: readonly Readonly<Record<string, unknown>>[]): readonly ClientPart[] {
  return clients.map((one): ClientPart => {
    const method = String(one.token_endpoint_auth_method ?? 'client_secret_basic')
    const of = Object.entries(METHODS).find(([name]) => name === method)?.[1] ?? 'key'
    const secrets = typeof one.client_secret === 'string' ? [one.client_secret] : []
    return { id: String(one.client_id), secrets, method: of }
  })
}

/** Clients that are not the configuration's: one with two secrets, a disabled one, one that registered itself. */
async function others({ library: { app } }: Rig, place: Place): Promise<readonly ClientPart[]> {
  const order = { grants: ['client_credentials'], scopes: ['read', 'look'], introspect: ['urn:opaque'] }
  const two = await app.clients.create(clientOrder({ id: 'two-secrets', ...order }))
  const second = await app.clients.rotateSecret('two-secrets', { overlapSeconds: 50_000 })
  const off = await app.clients.create(clientOrder({ id: 'off', ...order }))
  const { token } = await app.oidc.initialAccessToken()
  const answer = await fetch(`${place.issuer}/reg`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      redirect_uris: ['https://app.example/cb'],
      grant_types: ['authorization_code', 'client_credentials'],
    }),
  })
  const made: unknown = await answer.json()
  const of = (name: string): string => String(made && typeof made === 'object' ? Reflect.get(made, name) : '')
  return [
    { id: 'two-secrets', secrets: [second.reveal(), two.secret?.reveal() ?? ''], method: 'basic' },
    { id: 'off', secrets: [off.secret?.reveal() ?? ''], method: 'basic' },
    { id: of('client_id'), secrets: [of('client_secret')], method: 'basic' },
  ]
}

/** Takes a token response into the cast. */
export function takeAnswer(cast: Cast, rig: Rig, wish: Wish, answer: Answer, n: number): void {
  const { access_token: access, refresh_token: refreshed } = answer
  const { client, bound } = wish
  const label = `${client} ${n}`
  if (typeof access === 'string') {
    const kind = access.startsWith('mm_') ? 'access' : 'jwt'
    cast.addToken({ text: access, kind, client, bound }, `access token of ${label}`)
  }
  if (typeof refreshed !== 'string') return
  cast.name(refreshed, `first refresh token of ${label}`)
  cast.families.push({
    label,
    client,
    text: rig.library.app.seal.read('rt', refreshed)?.family ?? '',
    head: refreshed,
    past: [],
    scopes: wish.scope.split(' '),
    resources: wish.resources ?? [],
    bound,
    isPlain: n > 0 && !wish.who && bound === undefined && !UNDECLARED.includes(client),
  })
}

/** Machines' tokens, one of them out of date at once. */
async function machineTokens(place: Place, cast: Cast): Promise<void> {
  const asked: readonly (readonly [client: string, form: Readonly<Record<string, string>>])[] = [
    ['basic', {}],
    ['basic', { scope: 'look', resource: 'urn:opaque' }],
    ['basic', { scope: 'read write', resource: 'urn:jwt' }],
    ['basic', { scope: 'brief', resource: 'urn:brief' }],
    ['basic', { scope: 'heavy', resource: 'urn:rsa' }],
    ['post', { scope: 'shared', resource: 'urn:twin:2' }],
    ['statics', { scope: 'extra openid' }],
    ['both', { scope: 'look touch' }],
    ['inspector', { scope: 'sing' }],
    ['gone-machine', { scope: 'look' }],
    ['off', { scope: 'look' }],
  ]
  for (const [n, [client, form]] of asked.entries()) {
    const full = { grant_type: 'client_credentials', ...form }
    const { access_token: text } = await asClient(place, cast.client(client), '/token', Object.entries(full))
    const kind = String(text).startsWith('mm_') ? 'machine' : 'jwt'
    cast.addToken({ text: String(text), kind, client }, `token ${n} of the machine ${client}`)
  }
}

/** Families that somebody has dealt with: ended ones, and one that must rotate next. */
async function dealtWith({ library: { app } }: Rig, cast: Cast, records: Records): Promise<void> {
  const of = (client: string): string => {
    const found = cast.families.find((family) => family.client === client)
    return records.id('Family', found?.text ?? '')
  }
  await app.oidc.families.revoke(of('web'))
  await app.oidc.families.rotateNext(of('kept'))
  await app.accounts.disable(OFF.login)
  await app.clients.disable('off')
  await erase(app, ERASED.login)
}

/** Erases an account with what the provider holds of it. Nothing is scrubbed: the store has other readers. */
export const erase = (app: App, login: string): Promise<void> =>
  app.accounts.erase(login, { end: async (unit, sub) => app.oidc.holdings.end(unit, sub) })

/** Furnishes a rig that was just opened, and leaves both servers dry. */
export async function furnish(rig: Rig, clients: NonNullable<ConfigurationInput['clients']>): Promise<Stage> {
  const { app } = rig.library
  const place: Place = { issuer: rig.issuer, keepSecret: () => {} }
  for (const { login, password } of [{ login: 'canary.person', password: PASSWORD }, ANNA, OFF, ERASED])
    await app.accounts.create({ loginName: login, password, email: `${login}@example.test`, name: `Mx ${login}` })
  const parts = [...declared(clients), ...(await others(rig, place))]
  const cast = new Cast(parts)
  for (const [n, wish] of WISHES.entries())
    takeAnswer(cast, rig, wish, await signIn(place, cast.client(wish.client), wish), n)
  await machineTokens(place, cast)
  await makeApiTokens(rig, place, cast)
  const records = createRecords(app.seal)
  await dealtWith(rig, cast, records)
  const left = clients.filter((client) => !UNDECLARED.includes(String(client.client_id)))
  await app.clients.declare(parseConfiguration({ clients: left }).clients)
  clock.forward(40_000)
  // What signing in has gathered is no difference.
  await app.clients.flushSecretUses()
  await app.tokenUse.usage.flush()
  for (const { ledger } of [rig.lanes, rig.library]) ledger.dry = true
  return { rig, cast, records }
}
