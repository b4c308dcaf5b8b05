/**
 * The provider's room: oidc-provider over our store, with its pages, its families and its commit.
 * Owns protocol documents and the protocol's routes. It refuses to know who follows its events, and how the process starts.
 */

import { createThrottle } from '../accounts/index.ts'
import { randomText, seconds, type Unit, Unit as UnitOfWork } from '../base/index.ts'
import type { Configuration } from '../config/index.ts'
import type { BearerAsked } from './bearer.ts'
import { createFinish, createRunner } from './commit.ts'
import { createFamilyDesk, refuse } from './family-desk.ts'
import { generationOf, type OidcDeps, refreshEngine, type Standing } from './generation.ts'
import { createHoldings } from './holdings.ts'
import type { Lanes } from './lanes/index.ts'
import { tellSignOut } from './provider.ts'
import { artefacts, createRecords } from './records.ts'
import type { Routes } from './routes.ts'
import { newWork, withWork } from './work.ts'

export { LANE_BODY_MAX, type LaneAnswer, type LaneRequest, type Lanes } from './lanes/index.ts'
export { createLeaked, type LeakedDeps, type OauthMark } from './leaked.ts'
export { artefactResealer, artefacts, createRecords, type Payload, type Records } from './records.ts'
export type { EdgeState, Routes } from './routes.ts'
export { normalPath, PUBLISHED } from './routes.ts'

/** What this room refuses in words of its own; the protocol's refusals are the library's. */
export const familyRefusals = refuse.table

/** This room's collections. */
export const oidcCollections = [artefacts] as const

const QUARTER = 15 * 60

/** A token for one registration (RFC 7591, 3): whoever holds it may register one client. */
function initialAccessToken({ seal, clock, records, commit, inWork }: Standing, { lifetimes }: Configuration) {
  return inWork(async (unit) => {
    const text = seal.mint('iat')
    const iat = seconds(clock)
    const exp = iat + lifetimes.initialAccessTokenSeconds
    const payload = { jti: text, kind: 'InitialAccessToken', iat, exp }
    const id = records.id('InitialAccessToken', text)
    unit.insert(artefacts.name, records.document('InitialAccessToken', id, payload))
    unit.note('initial_access_token.issued', {})
    await commit(unit)
    return { token: text, expiresAt: exp }
  })
}

/** Opens the room. */
export async function createOidc(deps: OidcDeps) {
  const { store, seal, clock, random, logger } = deps
  const records = createRecords(seal)
  const origin = new URL(deps.issuer)
  const userCodes = createThrottle(deps, { name: 'user code network', points: 10, seconds: QUARTER })
  /** A unit of work outside any request, for followers and the CLI. */
  function inWork<T>(work: (unit: Unit) => Promise<T>): Promise<T> {
    const unit = deps.unit()
    return withWork(newWork({ unit, route: 'local', seen: { network: 'local' } }), () => work(unit))
  }

  const unitOf = (request: string): Unit => new UnitOfWork({ store, cid: randomText(random, 16), request })
  const finish = createFinish(deps)
  const standing: Standing = {
    ...deps,
    records,
    origin,
    userCodes,
    inWork,
    unitOf,
    finish,
    run: createRunner({ store, records, origin, unitOf, finish }),
    secrets: { dpop: await seal.sharedSecret('dpop') },
  }
  let current = generationOf(standing, deps.configuration, refreshEngine(deps.configuration.rotation, logger))

  return {
    /** Answers a request on the generation that is current when it comes in; a swap meanwhile does not touch it. */
    routes: (ctx: Parameters<Routes>[0], edge: Parameters<Routes>[1]): Promise<void> => current.routes(ctx, edge),
    /** The lanes of the generation that is current: others after every swap, so that what was prepared for these is good while they are the same. */
    lanes: (): Lanes => current.lanes,
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
    bearer: (text: string, asked: BearerAsked) => inWork(() => current.bearer(text, asked)),
    /** Tells a client of a sign-out; for the follower of `backchannel_logout.due`. */
    tellSignOut: (due: { readonly clientId: string; readonly sub: string; readonly sid: string }) =>
      inWork(() => tellSignOut(current.provider, due)),
    /** A token for one registration (RFC 7591, 3): whoever holds it may register one client. */
    initialAccessToken: () => initialAccessToken(standing, current.configuration),
  }
}

export type Oidc = Awaited<ReturnType<typeof createOidc>>
