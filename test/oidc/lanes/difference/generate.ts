/** The requests of each lane: who asks for what, with which token, before anything is spoilt. */

import { authenticated } from './auth.ts'
import type { Cast, ClientPart, FamilyPart, TokenPart } from './cast.ts'
import type { Chance } from './chance.ts'
import { API_IDS } from './deployment.ts'
import { few, published, seen } from './generate-published.ts'
import type { LaneName } from './lanes.ts'
import { mutated } from './mutate.ts'
import { formPost, type Pair, plainGet, type Spec } from './spec.ts'

const SCOPES = [
  'read',
  'write',
  'brief',
  'sing',
  'heavy',
  'look',
  'touch',
  'shared',
  'left',
  'right',
  'own',
  'profile',
  'blink',
]
const MORE_SCOPES = [...SCOPES, 'openid', 'offline_access', 'email', 'extra', 'odd:scope/x+y', 'nonsense', 'address']
/** Those that are not plain lists. */
const ODD_SCOPES = [
  '',
  ' ',
  'look  touch',
  ' look',
  'look ',
  'look look',
  'look\ttouch',
  'lo"ok',
  'lo\\ok',
  'l\xf6\xf6k',
  'look\n',
]
const ODD_RESOURCES = [
  '',
  'urn',
  '/relative',
  'urn:opaque#x',
  'urn:nobody',
  'https://api.example/v1',
  'URN:OPAQUE',
  'urn:jwt ',
  'x:y',
]

const scopesOf = (chance: Chance): string =>
  [...new Set(few(chance, chance.is(0.6) ? SCOPES : MORE_SCOPES, 3))].join(' ')

function resourceOf(chance: Chance): readonly Pair[] {
  return chance.weigh<readonly Pair[]>(
    [70, [['resource', chance.pick(API_IDS)]]],
    [12, [['resource', chance.pick(ODD_RESOURCES)]]],
    [
      9,
      [
        ['resource', chance.pick(API_IDS)],
        ['resource', chance.pick(API_IDS)],
      ],
    ],
    [
      9,
      [
        ['resource', 'urn:opaque'],
        ['resource', 'urn:opaque'],
      ],
    ],
  )
}

/** Machines' own, with whatever each may not. */
function clientCredentials(cast: Cast, chance: Chance): Spec {
  const usual = ['basic', 'post', 'odd id+%', 'narrow', 'statics', 'two-secrets', 'both', 'short', 'reports', 'foreign']
  const client = chance.is(0.82) ? cast.client(chance.pick(usual)) : chance.pick([...cast.clients.values()])
  const form: Pair[] = [['grant_type', chance.is(0.97) ? 'client_credentials' : chance.pick(GRANTS)]]
  // Most scopes have one API: half of those that ask name it, rightly or not.
  if (chance.is(0.65)) form.push(['scope', chance.is(0.85) ? scopesOf(chance) : chance.pick(ODD_SCOPES)])
  if (chance.is(0.45)) form.push(...resourceOf(chance))
  return authenticated(seen(formPost('/token', form), chance), client, cast, chance)
}

const GRANTS = [
  'client_credentials',
  'refresh_token',
  'authorization_code',
  'password',
  'urn:ietf:params:oauth:grant-type:token-exchange',
  'Client_Credentials',
  'refresh_token ',
  'constructor',
]

/** A text that is no token, or no longer one. */
function broken(text: string, chance: Chance): string {
  const at = chance.below(text.length)
  return chance.pick([
    text.slice(0, -1),
    `${text}A`,
    text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1),
    text.replace('mm_', 'mm_x'),
    text.replace(/^mm_\w\w_/, 'mm_at_'),
    text.toUpperCase(),
    'mm_at_unknown',
    'mm_pat_x',
    'mm_svc_',
    'nonsense',
    'a.b.c',
    'a.b.c.d.e',
    '\xf6',
    'x'.repeat(5000),
  ])
}

/** The refresh token that a request presents. */
function refreshTokenOf(family: FamilyPart, cast: Cast, chance: Chance): string {
  const { head, past } = family
  return chance.weigh<() => string>(
    [80, () => head],
    [10, () => past.at(-1) ?? head],
    [6, () => past.at(-2) ?? head],
    [3, () => past[0] ?? head],
    [2, () => chance.pick(cast.families).head],
    [3, () => broken(head, chance)],
    [2, () => chance.pick(cast.tokens).text],
    [2, () => ''],
  )()
}

function ofFamily(family: FamilyPart, chance: Chance): readonly Pair[] {
  const form: Pair[] = []
  const own = chance.is(0.85) ? family.scopes : MORE_SCOPES
  if (chance.is(0.35)) {
    const odd = chance.is(0.1) ? chance.pick(ODD_SCOPES) : [...new Set(few(chance, own, 3))].join(' ')
    form.push(['scope', odd])
  }
  if (family.resources.length > 0 && chance.is(0.45)) form.push(['resource', chance.pick(family.resources)])
  else if (chance.is(0.05)) form.push(...resourceOf(chance))
  return form
}

function refresh(cast: Cast, chance: Chance): Spec {
  const family = chance.pick(chance.is(0.75) ? cast.families.filter(({ isPlain }) => isPlain) : cast.families)
  const client = chance.is(0.95) ? cast.client(family.client) : chance.pick([...cast.clients.values()])
  const token = refreshTokenOf(family, cast, chance)
  const form: Pair[] = [
    ['grant_type', chance.is(0.98) ? 'refresh_token' : chance.pick(GRANTS)],
    ['refresh_token', token],
    ...ofFamily(family, chance),
  ]
  const spec = authenticated(seen(formPost('/token', form), chance), client, cast, chance)
  const key = chance.is(0.9) ? family.bound : chance.pick([0, 1] as const)
  const bound = key !== undefined && (family.bound !== undefined || chance.is(0.05))
  return { ...spec, family: family.label, ...(bound ? { dpop: { key, nonce: chance.is(0.7) } } : {}) }
}

/** Any token at all. */
function someToken(cast: Cast, chance: Chance): TokenPart {
  const family = chance.pick(cast.families)
  const kind = chance.weigh<TokenPart['kind'] | 'refresh'>(
    [30, 'access'],
    [22, 'machine'],
    [12, 'jwt'],
    [28, 'api'],
    [8, 'refresh'],
  )
  const fitting = cast.tokens.filter((token) => token.kind === kind)
  if (kind === 'refresh' || fitting.length === 0)
    return { text: chance.pick([family.head, family.past.at(-1) ?? family.head]), kind: 'other', client: family.client }
  return chance.pick(fitting)
}

const HINTS = ['access_token', 'refresh_token', 'api_token', '', 'nonsense', 'access_token ']

/** What a resource server tells of the request that it was sent. */
function asked(chance: Chance): readonly Pair[] {
  const all: readonly Pair[] = [
    ['ip', chance.pick(['203.0.113.5', '203.0.113.66', '198.51.100.1', '2001:db8::1', 'nonsense', ''])],
    ['method', chance.pick(['GET', 'POST', 'DELETE', 'get', ''])],
    ['path', chance.pick(['/orders/7', '/orders', '/a%2Fb', '/a/b', '/other', '//orders/7', '/orders/../x', ''])],
    ['resource', chance.is(0.7) ? chance.pick(API_IDS) : chance.pick(ODD_RESOURCES)],
    ['scope', chance.is(0.8) ? scopesOf(chance) : chance.pick(ODD_SCOPES)],
    ['user_agent', chance.pick(['robot/1', 'x'.repeat(200), 'm\xc3\xbcller', ''])],
  ]
  return all.filter(() => chance.is(0.25))
}

function introspection(cast: Cast, chance: Chance): Spec {
  const token = someToken(cast, chance)
  const text = chance.is(0.88) ? token.text : chance.is(0.9) ? broken(token.text, chance) : ''
  const askers = ['inspector', 'inspector-1', 'inspector-open', 'two-secrets', 'basic']
  const client = chance.weigh<() => ClientPart>(
    [60, () => cast.client(chance.pick(askers))],
    [25, () => cast.client(token.client)],
    [15, () => chance.pick([...cast.clients.values()])],
  )()
  const form: Pair[] = [['token', text]]
  if (chance.is(0.25)) form.push(['token_type_hint', chance.pick(HINTS)])
  if (chance.is(token.kind === 'api' ? 0.5 : 0.1)) form.push(...asked(chance))
  return authenticated(seen(formPost('/token/introspection', form), chance), client, cast, chance)
}

const bearer = (scheme: string, text: string): Pair => ['Authorization', `${scheme} ${text}`]

function userinfo(cast: Cast, chance: Chance): Spec {
  const access = cast.tokens.filter(({ kind }) => kind === 'access')
  const token = chance.is(0.88) ? chance.pick(access) : someToken(cast, chance)
  const text = chance.is(0.94) ? token.text : broken(token.text, chance)
  const scheme = chance.weigh(
    [85, 'Bearer'],
    [5, 'DPoP'],
    [10, chance.pick(['bearer', 'BEARER', 'Bearer ', 'Basic', ''])],
  )
  const header = bearer(scheme, text)
  const isPost = chance.is(0.06)
  const inForm = isPost && chance.is(0.6)
  const spec = isPost
    ? formPost('/me', inForm ? [['access_token', text]] : [], inForm && chance.is(0.8) ? [] : [header])
    : plainGet('/me', chance.weigh<readonly Pair[]>([92, [header]], [4, [header, header]], [4, []]))
  const bound = token.bound
  const key = chance.is(0.9) ? bound : chance.pick([0, 1] as const)
  const proves = key !== undefined && (bound !== undefined || chance.is(0.1))
  if (!proves) return seen(spec, chance)
  return seen({ ...spec, dpop: { key, token: text, nonce: chance.is(0.7) } }, chance)
}

/** Requests that bring a stage to life for lanes whose own change nothing: refreshes, and tokens that their client revokes. */
export function stirring(cast: Cast, chance: Chance): Spec {
  if (chance.is(0.7)) return refresh(cast, chance)
  if (chance.is(0.4)) {
    const form: readonly Pair[] = [
      ['grant_type', 'client_credentials'],
      ['resource', 'urn:blink'],
    ]
    return authenticated(formPost('/token', form), cast.client('basic'), cast, chance)
  }
  const { client, text } = chance.is(0.5) ? chance.pick(cast.tokens) : someToken(cast, chance)
  return authenticated(
    seen(formPost('/token/revocation', [['token', text]]), chance),
    cast.client(client),
    cast,
    chance,
  )
}

/** One request for a lane. */
export function generated(
  lane: LaneName,
  { cast, chance, etags }: { readonly cast: Cast; readonly chance: Chance; readonly etags: readonly string[] },
): Spec {
  switch (lane) {
    case 'client credentials':
      return mutated(clientCredentials(cast, chance), chance)
    case 'refresh':
      return mutated(refresh(cast, chance), chance)
    case 'introspection':
      return mutated(introspection(cast, chance), chance)
    case 'userinfo':
      return mutated(userinfo(cast, chance), chance)
    case 'keys and discovery':
      return mutated(published(etags, chance), chance)
    default:
      return lane satisfies never
  }
}
