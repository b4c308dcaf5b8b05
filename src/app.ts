/** The whole composition on one screen: rooms in floor order, then what follows them, then what runs beside them. */

import type { Store } from '../adapters/store.ts'
import { accountCollections, accountRefusals, createAccounts, type Hasher } from './accounts/index.ts'
import { CLAIM_PATH, createAdmin, createRest, type RefusalTable, restRefusals } from './admin/index.ts'
import { tokenCollections, tokenRefusals } from './api-tokens/index.ts'
import { tokenFaces, tokenRooms } from './app-tokens.ts'
import { createBackground } from './background.ts'
import { type Clock, createCommitted, type Random, randomText, TENANT, Unit } from './base/index.ts'
import { type Clients, clientCollections, clientRefusals, createClients } from './clients/index.ts'
import type { ApiDeclaration, Configuration, Fresh } from './config/index.ts'
import { createEnvelope, keepTokens, tokenSecondsMax } from './envelope.ts'
import { createEventLog, createRelay, events, type Follower } from './events.ts'
import { frontDoor } from './front-door.ts'
import { handoverCollections, handoverRefusals } from './handover/index.ts'
import { createOutbound, createShelf, createViews } from './http/index.ts'
import { createIdempotency, idempotencyCollections } from './idempotency/index.ts'
import { inventoryCollections, inventoryRefusals } from './inventory/index.ts'
import { type Algorithm, keyCollections, keyRefusals, openKeyring, type Signers } from './keys/index.ts'
import { leakCollections, leakRefusals } from './leaks/index.ts'
import { createLive, type Reread } from './live.ts'
import { createOidc, familyRefusals, oidcCollections } from './oidc/index.ts'
import { rawDoor } from './raw-door.ts'
import { createSeal, fenced, type Masters, type Seal, sealEvents, sealKeys, type Waiting } from './seal/index.ts'
import { createSignOuts } from './sign-outs.ts'
import { type Counters, createCounters, type Logger } from './telemetry/index.ts'

export { listen } from './front-door.ts'

/** Every collection, for the stores and for docs/storage.md. */
export const collections = [
  sealKeys,
  ...keyCollections,
  ...clientCollections,
  ...accountCollections,
  ...tokenCollections,
  ...oidcCollections,
  ...inventoryCollections,
  ...idempotencyCollections,
  ...leakCollections,
  ...handoverCollections,
  events,
] as const

/** Every table that an answer over HTTP may take its code from: each code has a page, served here and in docs/problems. */
export const refusalTables: readonly RefusalTable[] = [
  { about: 'The API', table: restRefusals },
  { about: 'API tokens', table: tokenRefusals },
  { about: 'The inventory', table: inventoryRefusals },
  { about: 'Handing a secret over', table: handoverRefusals },
  { about: 'Reports of leaked tokens', table: leakRefusals },
  { about: 'Accounts and organisations', table: accountRefusals },
  { about: 'Clients and APIs', table: clientRefusals },
  { about: 'Families of refresh tokens', table: familyRefusals },
  { about: 'Signing keys', table: keyRefusals },
]

/** What the app is made from. */
export interface AppDeps {
  readonly store: Store
  readonly masters: Masters
  /** The first makes new signing keys; each opens those that it made. */
  readonly signers: readonly [Signers, ...Signers[]]
  readonly configuration: Configuration
  readonly issuer: string
  /** Demonstration records work only where issuer and listener are loopback. */
  readonly demoUsable: boolean
  readonly proxies: number
  readonly viewsDirectory: string
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly hasher: Hasher
  /** See `BackgroundDeps`. */
  readonly pace?: number
  /** False: no lanes, every request goes the whole way. For whoever suspects one. */
  readonly lanes?: boolean
  /** See `BackgroundDeps`. */
  readonly led?: boolean
  /** How the configuration is read again while the server runs. */
  readonly reread?: Reread
  /** How another module is read, for simulations. */
  readonly readAt?: (path: string) => Promise<Fresh>
}

const BATCH_MAX = 10_000
/** Those that always have a key unless the configuration says otherwise. RS256 since OpenID Connect requires it (Core, 15.1). */
const USUAL_ALGORITHMS: readonly Algorithm[] = ['ES256', 'RS256', 'PS256', 'EdDSA']

/** Algorithms that tokens are signed with: the configuration's, and those of the APIs. */
async function algorithmsOf(
  { keys }: Configuration,
  maker: Signers,
  clients: Pick<Clients, 'apis'>,
): Promise<readonly Algorithm[]> {
  const own = keys.algorithms ?? USUAL_ALGORITHMS.filter((alg) => maker.algorithms.includes(alg))
  const asked = (await clients.apis()).filter(({ accessToken }) => accessToken === 'jwt')
  return [...new Set([...own, ...asked.map(({ algorithm }) => algorithm)])]
}

/** Units and commits outside requests, and the events of requests that write nothing. */
function workbench(
  deps: Pick<AppDeps, 'store' | 'clock' | 'random'> & { readonly seal: Seal; readonly counters: Counters },
) {
  const { store, seal, clock, random, counters } = deps
  const unit = (): Unit => new Unit({ store, cid: randomText(random, 16), request: randomText(random, 9) })
  const commit = async (staged: Unit): Promise<void> => {
    const actor = { request: staged.request, network: 'local' }
    await store.commit(staged.writes('all', sealEvents(seal, staged, { clock, actor, tenant: TENANT })))
  }
  const batched: Waiting[] = []
  const batch = (noted: Waiting): void => {
    // Bounded: a flood of refusals must not grow without end. What is dropped is counted.
    if (batched.length < BATCH_MAX) batched.push(noted)
    else counters.count('events_dropped', noted.told.length)
  }
  return { unit, commit, batched, batch }
}

/** The rooms up to the provider, in floor order. */
async function rooms(deps: AppDeps) {
  const { clock, random, signers } = deps
  const [live, counters] = [createLive(deps), createCounters()]
  const seal = await createSeal({ ...deps, tokenSecondsMax: tokenSecondsMax(deps.configuration.lifetimes) })
  const committed = createCommitted()
  const store = committed.watch(fenced(deps.store, seal))
  const { unit, commit, batched, batch } = workbench({ store, seal, clock, random, counters })
  const views = createViews({ directory: deps.viewsDirectory, branding: live.configuration.branding })
  const outbound = createOutbound(live.configuration.outbound)
  const shared = { ...deps, store, seal, unit, commit }
  const idTokenAlgorithm = (): Algorithm => live.configuration.keys.algorithms?.[0] ?? 'ES256'
  const clients = createClients({ ...shared, idTokenAlgorithm })
  const algorithms = () => algorithmsOf(live.configuration, signers[0], clients)
  const keyring = await openKeyring({ ...shared, decide: live.decide, settings: live.keySettings, algorithms })
  const accounts = await createAccounts(shared)
  const input = { live, accounts, clients, keyring, outbound, committed }
  const { tokens, tokenSchedule, tokenUse, leaks } = tokenRooms(shared, input)
  const oidc = await createOidc({
    ...shared,
    verifier: tokenUse.verifier,
    tokens,
    keyring,
    clients,
    accounts,
    views,
    outbound,
    batch,
    proxied: deps.proxies > 0,
  })
  keyring.follow(() => oidc.swap())
  const things = { live, counters, seal, store, shared, batched, views, clients, keyring, accounts, oidc }
  return { ...things, tokens, tokenSchedule, tokenUse, leaks }
}

/** Builds the rooms, then what follows and faces them. */
export async function createApp(deps: AppDeps) {
  const { clock, logger, signers } = deps
  const { live, shared, batched, leaks, tokenSchedule, ...built } = await rooms(deps)
  const { clients, keyring, accounts, oidc, tokens, seal, store, views } = built
  const createApi = async (api: ApiDeclaration) => {
    // Its algorithm has a key before anyone can ask for a token.
    if (api.accessToken === 'jwt') await keyring.ensure(api.algorithm)
    return clients.createApi(api)
  }
  const envelope = createEnvelope({ ...shared, collections, accounts, oidc, tokens })
  const faces = await tokenFaces(shared, { ...shared, ...built, createApi })
  const idempotency = createIdempotency(shared)
  const rest = createRest({ ...shared, doors: faces.doors, idempotency, refusals: refusalTables })
  const admin = createAdmin({ accounts, views, seal })
  const signOuts = createSignOuts({ oidc, clock, logger })
  const tellLog: Follower = {
    types: logger.isLevelEnabled('debug') ? 'all' : [],
    follow: async ({ seq, type, data }) => logger.debug({ seq, type, request: data.request }, 'event'),
  }
  const relay = createRelay({ ...shared, followers: [tellLog, signOuts.follower] })
  const followers = { relay, signOuts, envelope, idempotency }
  const claim = { path: CLAIM_PATH, answer: admin.claim }
  const shelf = createShelf()
  const next = frontDoor({ ...shared, ...built, ...faces, leaks, rest, claim, shelf }).callback()
  const handler = deps.lanes === false ? next : rawDoor({ ...shared, ...built, shelf, next })
  return {
    ...built,
    ...faces,
    admin,
    createApi,
    leaks,
    tokenSchedule,
    organisations: {
      create: accounts.createOrganisation,
      list: accounts.organisations,
      disable: accounts.disableOrganisation,
      enable: accounts.enableOrganisation,
    },
    /** Units and commits outside requests. */
    work: { unit: shared.unit, commit: shared.commit },
    relay,
    eventLog: createEventLog({ store, seal }),
    masters: deps.masters,
    envelope,
    handler,
    /** Takes what has changed in the configuration's module. */
    reload: () => live.reload({ ...shared, clients, keyring, oidc, keep: (lifetimes) => keepTokens(seal, lifetimes) }),
    /** The last thing: policies, what signs, then the store. */
    async close(): Promise<void> {
      await live.close()
      await Promise.all(signers.map((one) => one.close()))
      await store.close()
    },
    background: createBackground({
      ...shared,
      ...built,
      ...faces,
      ...followers,
      collections,
      batched,
      leaks,
      tokenSchedule,
    }),
  }
}

export type App = Awaited<ReturnType<typeof createApp>>
