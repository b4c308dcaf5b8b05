/**
 * The provider's room: oidc-provider over our store, with its pages, its families and its commit.
 * Owns protocol documents and the protocol's routes. It refuses to know who follows its events, and how the process starts.
 */

import type { Provider } from 'oidc-provider'
import type { OutboxEvent, Store } from '../../adapters/store.ts'
import { type Accounts, createThrottle, type Throttle } from '../accounts/index.ts'
import type { Verifier } from '../api-tokens/index.ts'
import { type Clock, type Random, randomText, seconds, type Unit, Unit as UnitOfWork } from '../base/index.ts'
import type { Clients } from '../clients/index.ts'
import type { Configuration } from '../config/index.ts'
import type { Outbound, Views } from '../http/index.ts'
import type { Keyring } from '../keys/index.ts'
import { createEngine, type Engine, refreshNorm } from '../rotation/index.ts'
import type { Seal } from '../seal/index.ts'
import type { Logger } from '../telemetry/index.ts'
import { createTokenAnswers } from './api-token-introspection.ts'
import { type Bearer, createBearer } from './bearer.ts'
import { createRunner, type Runner } from './commit.ts'
import { certificateOf } from './configuration.ts'
import { createFamilies } from './family.ts'
import { createFamilyDesk } from './family-desk.ts'
import { createHoldings } from './holdings.ts'
import { createInteractions } from './interactions.ts'
import { createIntrospection } from './introspect.ts'
import { createAnyIntrospection } from './introspection.ts'
import { createModels } from './models.ts'
import { createProvider, type ProviderDeps, tellSignOut, wellFormed } from './provider.ts'
import { artefacts, createRecords, type Records } from './records.ts'
import { createRefresh } from './refresh.ts'
import { createRegistration } from './registration.ts'
import { OPENID_SCOPES } from './resources.ts'
import { createRoutes, type Routes } from './routes.ts'
import { createTokenExchange, sourceLives } from './token-exchange.ts'
import { type Work, withWork } from './work.ts'

export { createLeaked, type LeakedDeps, type OauthMark } from './leaked.ts'
export { artefactResealer, artefacts, createRecords, type Payload, type Records } from './records.ts'
export type { EdgeState, Routes } from './routes.ts'
export { normalPath } from './routes.ts'

/** This room's collections. */
export const oidcCollections = [artefacts] as const

/** What the room uses. */
export interface OidcDeps {
  readonly store: Pick<Store, 'get' | 'find' | 'count' | 'commit'>
  readonly seal: Seal
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly configuration: Configuration
  readonly issuer: string
  readonly keyring: Pick<Keyring, 'keys' | 'cookieSecrets' | 'verifier'>
  readonly clients: Clients
  readonly accounts: Accounts
  readonly verifier: Verifier
  readonly views: Views
  readonly outbound: Outbound
  readonly proxied: boolean
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
  readonly batch: (events: readonly OutboxEvent[]) => void
}

const QUARTER = 15 * 60

/** The policies' engine, which outlives a swap of keys: it remembers last decisions and what it disabled. */
function refreshEngine(rotation: Configuration['rotation'], logger: Logger): Engine {
  return createEngine({
    rules: rotation,
    norm: refreshNorm,
    stopwatch: () => performance.now(),
    after(ms, then) {
      const timer = setTimeout(then, ms)
      return () => clearTimeout(timer)
    },
    report: (failure) => logger.error(failure, 'a rotation policy failed'),
  })
}

/** What does not change while the process lives. */
interface Standing extends OidcDeps {
  readonly records: Records
  readonly secrets: ProviderDeps['secrets']
  readonly userCodes: Throttle
  readonly origin: URL
  readonly run: Runner
}

/** A provider with everything that depends on keys and configuration. A request takes one and finishes on it. */
interface Generation {
  readonly provider: Provider
  readonly routes: Routes
  readonly bearer: Bearer
  readonly engine: Engine
  readonly configuration: Configuration
}

/** Builds a generation: a pure construction. */
function generationOf(deps: Standing, configuration: Configuration, engine: Engine): Generation {
  const { seal, clock, random, clients, accounts, verifier, views, logger, records, origin } = deps
  const { lifetimes } = configuration
  const statics = [...OPENID_SCOPES, ...configuration.scopes]
  const times = { idle: lifetimes.refreshIdleSeconds, absolute: lifetimes.refreshAbsoluteSeconds }
  const families = createFamilies({ records, seal, clock, times })
  const models = createModels({ records, families, clients, clock, random, statics, wellFormed: wellFormed(seal) })
  const current = { ...deps, configuration }
  const refresh = createRefresh({
    families,
    clients,
    clock,
    engine,
    lifetimes: { idle: times.idle, grace: lifetimes.graceSeconds },
    certificate: (ctx) => certificateOf(ctx, current),
  })
  const provider = createProvider({
    ...current,
    models,
    refresh,
    exchange: createTokenExchange({ verifier, clients, clock }),
    sourceLives: sourceLives(verifier),
    keys: deps.keyring.keys(),
    cookieSecrets: deps.keyring.cookieSecrets(),
    secure: deps.issuer.startsWith('https:'),
  })
  const now = (): Date => new Date(clock.now())
  const introspection = createIntrospection({
    issuer: deps.issuer,
    verifier,
    keyOf: deps.keyring.verifier,
    records,
    random,
    now,
  })
  const routes = createRoutes({
    provider,
    run: deps.run,
    views,
    logger,
    issuer: origin,
    userCodes: deps.userCodes,
    countryHeader: deps.proxied ? configuration.features.countryHeader : undefined,
    interactions: createInteractions({ accounts, clients, views, seal, records, clock, lifetimes, statics }),
    registration: createRegistration({ clients }),
    introspection: createAnyIntrospection({
      answers: createTokenAnswers({ verifier, clients, clock }),
      records,
      clock,
      ends: families.ends,
      wellFormed: wellFormed(seal),
      introspection,
    }),
  })
  const bearer = createBearer({ provider, introspection, accounts, clients })
  return { provider, routes, bearer, engine, configuration }
}

/** Opens the room. */
export async function createOidc(deps: OidcDeps) {
  const { store, seal, clock, random, logger } = deps
  const records = createRecords(seal)
  const origin = new URL(deps.issuer)
  const run = createRunner({ store, seal, records, clock, random, origin, batch: deps.batch })
  const userCodes = createThrottle(deps, { name: 'user code network', points: 10, seconds: QUARTER })
  const standing = { ...deps, records, origin, run, userCodes, secrets: { dpop: await seal.sharedSecret('dpop') } }
  let current = generationOf(standing, deps.configuration, refreshEngine(deps.configuration.rotation, logger))

  /** A unit of work outside any request, for followers and the CLI. */
  function inWork<T>(work: (unit: Unit) => Promise<T>): Promise<T> {
    const unit = new UnitOfWork({ store, cid: randomText(random, 16), request: randomText(random, 9) })
    const carried: Work = {
      unit,
      route: 'local',
      seen: { network: 'local' },
      sessions: new Map(),
      standIns: new Map(),
      clients: new Map(),
    }
    return withWork(carried, () => work(unit))
  }

  return {
    /** Answers a request on the generation that is current when it comes in; a swap meanwhile does not touch it. */
    routes: (ctx: Parameters<Routes>[0], edge: Parameters<Routes>[1]): Promise<void> => current.routes(ctx, edge),
    /** Builds a provider on trial. Throws where the library refuses a configuration. */
    check: (configuration: Configuration): void => void generationOf(standing, configuration, current.engine),
    /** Takes the keyring's present keys, and a configuration where one is given. Throws, and changes nothing, where the library refuses. */
    swap(configuration: Configuration = current.configuration): void {
      const engine =
        configuration.rotation === current.configuration.rotation
          ? current.engine
          : refreshEngine(configuration.rotation, logger)
      current = generationOf(standing, configuration, engine)
    },
    /** Families as people deal with them. */
    families: createFamilyDesk({ store, records, clock, unit: deps.unit, commit: deps.commit }),
    /** What an account holds here: for erasing it. */
    holdings: createHoldings({ store, records, clock }),
    /** How the rotation policies have done since start. */
    policies: () => current.engine.reports(),
    /** What the bearer of an access token may do at one of our own APIs; undefined for any other text. */
    bearer: (text: string, audience: string) => inWork(() => current.bearer(text, audience)),
    /** Tells a client of a sign-out; for the follower of `backchannel_logout.due`. */
    tellSignOut: (due: { readonly clientId: string; readonly sub: string; readonly sid: string }) =>
      inWork(() => tellSignOut(current.provider, due)),
    /** A token for one registration (RFC 7591, 3): whoever holds it may register one client. */
    initialAccessToken: () =>
      inWork(async (unit) => {
        const text = seal.mint('iat')
        const exp = seconds(clock) + current.configuration.lifetimes.initialAccessTokenSeconds
        unit.insert(
          artefacts.name,
          records.document('InitialAccessToken', records.id('InitialAccessToken', text), {
            jti: text,
            kind: 'InitialAccessToken',
            iat: seconds(clock),
            exp,
          }),
        )
        unit.note('initial_access_token.issued', {})
        await deps.commit(unit)
        return { token: text, expiresAt: exp }
      }),
  }
}

export type Oidc = Awaited<ReturnType<typeof createOidc>>
