/** A generation: the provider with everything that depends on keys and configuration, built anew at every swap. */

import type { Provider } from 'oidc-provider'
import type { Store } from '../../adapters/store.ts'
import type { Accounts, Throttle } from '../accounts/index.ts'
import type { TokenVerbs, Verifier } from '../api-tokens/index.ts'
import type { Clock, Random, Unit } from '../base/index.ts'
import type { Clients } from '../clients/index.ts'
import type { Configuration } from '../config/index.ts'
import type { Outbound, Views } from '../http/index.ts'
import type { Keyring } from '../keys/index.ts'
import { createEngine, type Engine, refreshNorm } from '../rotation/index.ts'
import type { Seal, Waiting } from '../seal/index.ts'
import type { Logger } from '../telemetry/index.ts'
import { createTokenAnswers } from './api-token-introspection.ts'
import { type Bearer, createBearer } from './bearer.ts'
import type { Finish, Runner, UnitOf } from './commit.ts'
import { certificateOf } from './configuration.ts'
import { createFamilies } from './family.ts'
import { createInteractions } from './interactions.ts'
import { createIntrospection } from './introspect.ts'
import { createAnyIntrospection } from './introspection.ts'
import { createLanes, type Lanes } from './lanes/index.ts'
import { createModels } from './models.ts'
import { createProvider, type ProviderDeps, wellFormed } from './provider.ts'
import type { Records } from './records.ts'
import { createRefresh } from './refresh.ts'
import { createDecideRefresh } from './refresh-decision.ts'
import { createRegistration } from './registration.ts'
import { OPENID_SCOPES } from './resources.ts'
import { createAnyRevocation } from './revocation.ts'
import { createRoutes, type Routes } from './routes.ts'
import { createTokenExchange, sourceLives } from './token-exchange.ts'
import { createVerifyJwt } from './verified-jwt.ts'

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
  readonly tokens: Pick<TokenVerbs, 'revoke'>
  readonly views: Views
  readonly outbound: Outbound
  readonly proxied: boolean
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
  readonly batch: (noted: Waiting) => void
}

/** The policies' engine, which outlives a swap of keys: it remembers last decisions and what it disabled. */
export function refreshEngine(rotation: Configuration['rotation'], logger: Logger): Engine {
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
export interface Standing extends OidcDeps {
  readonly records: Records
  readonly secrets: ProviderDeps['secrets']
  readonly userCodes: Throttle
  readonly origin: URL
  readonly run: Runner
  readonly finish: Finish
  readonly unitOf: UnitOf
  /** Runs what reads through the models outside of any request. */
  readonly inWork: <T>(work: (unit: Unit) => Promise<T>) => Promise<T>
}

/** A provider with everything that depends on keys and configuration. A request takes one and finishes on it. */
export interface Generation {
  readonly provider: Provider
  readonly routes: Routes
  readonly lanes: Lanes
  readonly bearer: Bearer
  readonly engine: Engine
  readonly configuration: Configuration
}

/** What every part of a generation is made from. */
function partsOf(deps: Standing, configuration: Configuration, engine: Engine) {
  const { seal, clock, clients, verifier, records } = deps
  const { lifetimes } = configuration
  const times = { idle: lifetimes.refreshIdleSeconds, absolute: lifetimes.refreshAbsoluteSeconds }
  return {
    ...deps,
    configuration,
    lifetimes,
    statics: [...OPENID_SCOPES, ...configuration.scopes],
    families: createFamilies({ records, seal, clock, times }),
    decision: createDecideRefresh({ clock, engine, lifetimes: { idle: times.idle, grace: lifetimes.graceSeconds } }),
    answers: createTokenAnswers({ verifier, clients, clock }),
    sourceLives: sourceLives(verifier),
    wellFormed: wellFormed(seal),
    keys: deps.keyring.keys(),
    verifyJwt: createVerifyJwt({
      issuer: deps.issuer,
      keyOf: deps.keyring.verifier,
      now: () => new Date(clock.now()),
    }),
    countryHeader: deps.proxied ? configuration.features.countryHeader : undefined,
  }
}

type Parts = ReturnType<typeof partsOf>

function providerOf(parts: Parts): Provider {
  const { verifier, clients, clock, keyring, issuer } = parts
  return createProvider({
    ...parts,
    models: createModels(parts),
    refresh: createRefresh({ ...parts, certificate: (ctx) => certificateOf(ctx, parts) }),
    exchange: createTokenExchange({ verifier, clients, clock }),
    cookieSecrets: keyring.cookieSecrets(),
    secure: issuer.startsWith('https:'),
  })
}

/** Builds a generation: a pure construction. */
export function generationOf(deps: Standing, configuration: Configuration, engine: Engine): Generation {
  const parts = partsOf(deps, configuration, engine)
  const { clients, families, origin } = parts
  const provider = providerOf(parts)
  const introspection = createIntrospection(parts)
  const routes = createRoutes({
    ...parts,
    provider,
    issuer: origin,
    interactions: createInteractions(parts),
    registration: createRegistration({ clients }),
    revocation: createAnyRevocation(parts),
    introspection: createAnyIntrospection({ ...parts, ends: families.ends, introspection }),
  })
  const { mutualTls, clientCertificateHeader } = configuration.features
  const lanes = createLanes({
    ...parts,
    certificateHeader: mutualTls ? clientCertificateHeader.toLowerCase() : undefined,
    library: (clientId) => parts.inWork(() => provider.Client.find(clientId)),
  })
  return { provider, routes, lanes, bearer: createBearer({ ...parts, provider, introspection }), engine, configuration }
}
