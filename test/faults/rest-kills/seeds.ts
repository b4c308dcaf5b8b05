/** What stands in the store before the first server of a lane begins: two people with tokens for the API, and owners enough for every kill. */

import { MANAGEMENT_API, MANAGEMENT_SCOPES } from '../../../src/admin/index.ts'
import { systemClock } from '../../../src/base/index.ts'
import { appOver } from '../../support/app-over.ts'
import { allSecrets, clientOrder, openTestStore, placeOf, type StoreKind } from '../../support/world.ts'
import { CONFIGURATION } from './doom.ts'

export const API = 'urn:test:kills'
/** Far from its reminders: no timer shall write to a token here. */
export const LIFETIME_SECONDS = 100 * 24 * 3600
/** One is shared, the others are for kills that act on all that an owner has. */
const OWNERS = 50

/** An owner; 0 is the shared one. Throws where there are not enough. */
export function ownerOf(n: number): string {
  if (n >= OWNERS) throw new Error('more kills than owners')
  return `organisation:kill-${n}`
}

/** A store with it. `root` and `maker`: texts of tokens that may do everything, of two people; `verifier`: a client that introspects, `id:secret`. */
export interface Seeded {
  readonly place: string
  readonly root: string
  readonly maker: string
  readonly verifier: string
}

/** Makes a store that is used by nothing else. */
export async function seeded(kind: StoreKind, issuer: string): Promise<Seeded> {
  const store = await openTestStore(kind)
  const { app, printed } = await appOver(store, { issuer, clock: systemClock, configuration: CONFIGURATION, log: kind })
  const scopes = { read: 'Read', write: 'Write', rule: 'Rule' }
  await app.createApi({ id: API, name: 'Kills', scopes, accessToken: 'opaque', algorithm: 'ES256' })
  const held = async (loginName: string): Promise<string> => {
    const { sub } = await app.accounts.create({ loginName, password: 'tuba lantern orchid seventeen' })
    const unit = app.work.unit()
    const owner = { type: 'account', id: sub } as const
    const order = {
      name: loginName,
      kind: 'personal',
      owner,
      apis: [MANAGEMENT_API],
      lifetimeSeconds: LIFETIME_SECONDS,
    } as const
    const { text } = await app.tokens.create(unit, { ...order, scopes: Object.keys(MANAGEMENT_SCOPES) }, 'operator')
    await app.work.commit(unit)
    allSecrets.push(text.reveal())
    return text.reveal()
  }
  const [root, maker] = [await held('root'), await held('maker')]
  const { secret } = await app.clients.create(
    clientOrder({ id: 'verifier', grants: ['client_credentials'], introspect: [API] }),
  )
  const verifier = `verifier:${secret?.reveal()}`
  allSecrets.push(secret?.reveal() ?? '')
  await Promise.all(
    Array.from({ length: OWNERS }, (_, n) => app.organisations.create({ name: `kill-${n}`, title: `${n}` })),
  )
  await app.background.stop()
  await app.close()
  await printed()
  return { place: placeOf(store), root, maker, verifier }
}
