/** The first start: demonstration records where they can harm nobody, and the lines that get a newcomer a token in a minute. */

import type { App } from '../app.ts'
import { randomText, systemRandom } from '../base/index.ts'
import type { Setting } from './open.ts'

/** The demonstration's fixed names; its secrets are random. */
export const DEMO = {
  api: 'urn:mintmark:demo-api',
  service: 'demo-service',
  web: 'demo-web',
  account: 'demo',
  origin: 'http://localhost:3001',
} as const

const WORDS = [
  'amber',
  'anchor',
  'basil',
  'bridge',
  'candle',
  'canyon',
  'cedar',
  'cobalt',
  'copper',
  'coral',
  'ember',
  'falcon',
  'fennel',
  'garnet',
  'ginger',
  'harbor',
  'hazel',
  'indigo',
  'island',
  'ivory',
  'jasper',
  'juniper',
  'lagoon',
  'lantern',
  'laurel',
  'maple',
  'marble',
  'meadow',
  'nutmeg',
  'olive',
  'orchid',
  'pebble',
  'pepper',
  'quartz',
  'raven',
  'river',
  'saffron',
  'silver',
  'thistle',
  'timber',
  'topaz',
  'tulip',
  'velvet',
  'walnut',
  'willow',
  'winter',
  'yarrow',
  'zephyr',
] as const

/** A password that can be typed from a screen: five words of 48 and four random characters, 50 bits. */
function passphrase(): string {
  const words = Array.from({ length: 5 }, () => WORDS[systemRandom.below(WORDS.length)])
  return [...words, randomText(systemRandom, 3).replace(/[_-]/g, 'x')].join('-')
}

/** Makes the demonstration records when the store has none, and returns the lines to print. Secrets stand in them once. */
export async function firstStart(app: App, setting: Setting): Promise<readonly string[]> {
  const head = [`  issuer     ${setting.issuer}`]
  if (!setting.demoUsable) return head
  const made = await app.clients.list().then((list) => list.some(({ clientId }) => clientId === DEMO.service))
  if (made)
    return [
      ...head,
      `  demo       sign in at ${DEMO.origin} (npm run demo) as ${DEMO.account}; a new secret: npm run -s mintmark -- client rotate-secret ${DEMO.service}`,
    ]
  const common = {
    postLogoutRedirectUris: [],
    native: false,
    introspect: [],
    reliesOnNonce: false,
    fapi: false,
    demo: true,
  }
  await app.clients.createApi({
    id: DEMO.api,
    name: 'Demonstration API',
    scopes: { 'demo.read': "Read the demonstration's answer" },
    accessToken: 'jwt',
    algorithm: 'ES256',
  })
  const { secret } = await app.clients.create({
    ...common,
    id: DEMO.service,
    name: 'Demonstration service',
    grants: ['client_credentials'],
    scopes: ['demo.read'],
    redirectUris: [],
    public: false,
    introspect: [DEMO.api],
  })
  await app.clients.create({
    ...common,
    id: DEMO.web,
    name: 'Demonstration app',
    grants: ['authorization_code', 'refresh_token'],
    scopes: ['openid', 'profile', 'offline_access', 'demo.read'],
    redirectUris: [`${DEMO.origin}/callback`],
    postLogoutRedirectUris: [`${DEMO.origin}/`],
    public: true,
  })
  const password = passphrase()
  await app.accounts.create({ loginName: DEMO.account, name: 'Demo Person', password, demo: true })
  return [
    ...head,
    '',
    '  A token in a minute:',
    `  curl -u ${DEMO.service}:${secret?.reveal() ?? ''} -d grant_type=client_credentials -d scope=demo.read ${setting.issuer}/token`,
    '',
    '  A sign-in in two: run `npm run demo`, then open',
    `  ${DEMO.origin}   as  ${DEMO.account}   with  ${password}`,
    '',
    '  These are shown once, work on this machine only, and are not in any log.',
  ]
}
