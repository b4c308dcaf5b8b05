/** The part of the composition that deals with API tokens: the room itself, then what follows and faces it. Belongs to `app.ts`. */

import { type Accounts, ownerCollections } from './accounts/index.ts'
import { type Doors, declareManagementApi, MANAGEMENT_API } from './admin/index.ts'
import {
  createTokenDecisions,
  createTokenSchedule,
  createTokens,
  createTokenUse,
  type Reminder,
  type SeenUses,
  type ShownToken,
  type TokenDeps,
  type Tokens,
  type TokenUse,
  type TokenUser,
} from './api-tokens/index.ts'
import { leaksOf, named, type Shared } from './app-leaks.ts'
import { type Committed, Refusal, refusals, seconds, type Unit } from './base/index.ts'
import { type Clients, clientCollection } from './clients/index.ts'
import type { Fresh, SeenFrom } from './config/index.ts'
import { createHandover, sealFor } from './handover/index.ts'
import type { Outbound, Views } from './http/index.ts'
import {
  artefactId,
  artefactSources,
  type Credential,
  createInventory,
  keySource,
  type StageEnd,
  secretSource,
  tokenSource,
} from './inventory/index.ts'
import type { Keyring } from './keys/index.ts'
import type { Live } from './live.ts'
import { artefacts, createRecords, type Oidc } from './oidc/index.ts'
import { endGrant, endOne } from './revocation/index.ts'

const refuse = refusals({ no_reading: [501, 'This server reads no other configuration.'] })

/** Where a use came from, as policies know it. */
const seenFrom = ({ network, agent }: SeenFrom): SeenFrom => ({
  network: network || undefined,
  agent: agent || undefined,
})

/** Who may own API tokens, and with which scopes: persons and organisations without a limit of their own, services as registered. */
const ownersOf =
  (accounts: Accounts, clients: Clients): TokenDeps['owner'] =>
  async ({ type, id }) => {
    if (type === 'account') return (await accounts.find(id)) && { scopes: undefined }
    if (type === 'organisation')
      return (await accounts.organisation(id))?.disabled === false ? { scopes: undefined } : undefined
    const client = await clients.find(id)
    if (!client) return undefined
    const { metadata, clientId, fapi, label } = client
    return {
      scopes: typeof metadata.scope === 'string' ? metadata.scope.split(' ') : undefined,
      client: { id: clientId, public: metadata.token_endpoint_auth_method === 'none', fapi, label },
    }
  }

/** The room, its schedule, who verifies and counts, and what happens when a token leaks. Notices are log lines until mail takes them. */
export function tokenRooms(
  shared: Shared,
  input: {
    live: Live
    accounts: Accounts
    clients: Clients
    keyring: Keyring
    outbound: Outbound
    committed: Committed
  },
) {
  const { live, accounts, clients } = input
  const { logger } = shared
  const owner = ownersOf(accounts, clients)
  const deps = { ...shared, settings: () => live.configuration, decide: live.decide, owner, apis: clients.apis }
  const tokens = createTokens(deps)
  const decides = {
    ...deps,
    async seen(id: string): Promise<SeenUses | undefined> {
      if (live.configuration.rotation.length === 0) return undefined
      const [{ uses }, { served }] = await Promise.all([tokenUse.usage.used(id), tokenUse.usage.users(id)])
      return { uses, last: served[0] && seenFrom(served[0]) }
    },
    notify: ({ token, ...reminder }: Reminder) =>
      logger.info({ ...reminder, ...named(token), ends: token.expiresAt }, 'about an API token'),
  }
  const decisions = createTokenDecisions(decides)
  const report = ({ id, cause }: { readonly id: string; readonly cause: unknown }) =>
    logger.error({ err: cause, id }, 'an API token could not be looked after')
  const leaks = leaksOf(shared, { ...input, tokens, decisions })
  const risk = (id: string, reason: string, request: SeenFrom | undefined): Promise<unknown> =>
    decisions.onRisk(id, { risk: { score: 1, reasons: [reason] }, request }).catch((cause) => report({ id, cause }))
  const tokenUse = createTokenUse({
    ...shared,
    limits: tokens.limitsFor,
    rates: () => live.configuration.tokens.rates,
    namesOf: tokens.ratesFor,
    isErased: accounts.wasErased,
    ownerCollections: [...ownerCollections, clientCollection],
    async canary(token, seen) {
      if (await leaks.onCanary(token, seen)) await risk(token.id, 'a trap was used', seenFrom(seen))
    },
    async outside(id, times) {
      const { refused } = await tokenUse.usage.users(id)
      const stranger = refused.find(({ outcome }) => outcome === 'IP_DENIED')
      await risk(id, `came ${times} times in an hour from outside its networks`, stranger && seenFrom(stranger))
    },
    async owner(of) {
      const standing = await owner(of)
      return { alive: standing !== undefined, scopes: standing?.scopes }
    },
  })
  const tokenSchedule = createTokenSchedule({ ...decides, report })
  input.committed.follow(tokenUse.verifier.heard)
  return { tokens, tokenSchedule, tokenUse, leaks }
}

/** What the faces are made from. */
interface FaceDeps {
  /** Reads another configuration of one's own, to say what it would do. */
  readonly readAt?: ((path: string) => Promise<Fresh>) | undefined
  readonly clients: Clients
  readonly keyring: Keyring
  readonly oidc: Oidc
  readonly tokens: Tokens
  readonly tokenUse: TokenUse
  readonly views: Views
  readonly issuer: string
  readonly createApi: Parameters<typeof declareManagementApi>[0]['createApi']
}

/** How each kind of credential that can be ended in bulk is; what has ended already is no error. */
function endings(
  { clock }: Pick<Shared, 'clock'>,
  { tokens, oidc }: FaceDeps,
): Partial<Record<Credential['kind'], StageEnd>> {
  const gone = (cause: unknown): void => {
    // A parent takes its children along, a Grant its families.
    if (!(cause instanceof Refusal && (cause.status === 404 || cause.status === 409))) throw cause
  }
  const artefact =
    (kind: 'session' | 'grant'): StageEnd =>
    async (unit, { id }, { by, why }) => {
      const stored = artefactId(kind, id)
      if (stored === undefined) return
      const end = kind === 'grant' ? endGrant : endOne
      end(unit, { collection: artefacts.name, at: seconds(clock) }, stored)
      unit.note(kind === 'grant' ? 'consent.revoked' : 'session.ended', { id: stored, by, why })
    }
  return {
    'api-token': (unit, { id }, input) => tokens.revoke(unit, id, input).then(() => {}, gone),
    family: (unit, { id }) => oidc.families.stageEnd(unit, id).catch(gone),
    grant: artefact('grant'),
    session: artefact('session'),
  }
}

/** Who presented a token, as faces show it: what is not known is left out. */
const consumerOf = ({ network, agent, route, outcome, lastSeen }: TokenUser) => ({
  network: network || undefined,
  agent: agent || undefined,
  route: route || undefined,
  outcome,
  lastSeenAt: lastSeen,
})

/** The inventory of every live credential. */
function inventoryOf(shared: Shared, deps: FaceDeps) {
  const { tokens, tokenUse, keyring, clients } = deps
  const { store, seal } = shared
  const records = createRecords(seal)
  const usersOf = async ({ kind, id }: Pick<Credential, 'kind' | 'id'>) =>
    kind === 'api-token' ? (await tokenUse.usage.users(id)).served.map(consumerOf) : undefined
  return createInventory({
    ...shared,
    usersOf,
    verbs: endings(shared, deps),
    sources: [
      tokenSource({ store, seal, standing: tokenUse.verifier.standing }),
      ...artefactSources({ store, records }),
      secretSource(clients),
      keySource(keyring),
    ],
    tokens: {
      async granted(id) {
        const { scopes, createdAt } = await tokens.show(id)
        return { scopes, since: createdAt }
      },
      async used(id, since) {
        const { at, unnamed } = (await tokenUse.usage.used(id)).scopes
        const scopes = Object.keys(at).filter((scope) => (at[scope] ?? 0) >= since)
        return { scopes, isWhole: unnamed < since }
      },
      async narrow(id, input) {
        const staged = shared.unit()
        const shown: ShownToken = await tokens.narrow(staged, id, input)
        await shared.commit(staged)
        return shown
      },
    },
  })
}

/** What faces people and programs: the inventory, hand-over, and the doors of REST and the command line. */
export async function tokenFaces(shared: Shared, deps: FaceDeps) {
  const { clients, oidc, tokens, tokenUse, readAt } = deps
  await declareManagementApi({ api: clients.api, createApi: deps.createApi })
  const inventory = inventoryOf(shared, deps)
  const handover = createHandover({ ...shared, tokens, views: deps.views, issuer: deps.issuer })
  const consumers: NonNullable<Doors['consumers']> = async (id) => {
    const { served, refused } = await tokenUse.usage.users(id)
    return { served: served.map(consumerOf), refused: refused.map(consumerOf) }
  }
  const doors: Doors = {
    tokens,
    consumers,
    hours: tokenUse.usage.hours,
    inventory,
    handover: { wrap: handover.wrap, seal: (text, recipient) => sealFor(text.reveal(), recipient) },
    async accessToken(text, asked) {
      const facts = await oidc.bearer(text, { ...asked, api: MANAGEMENT_API })
      if (!facts?.source) return facts && { ...facts, source: undefined }
      const { id, owner, exp } = facts.source
      return { ...facts, source: { id, owner, scopes: facts.scopes, expiresAt: exp } }
    },
    async apiToken(text, asked) {
      const { reason, token } = await tokenUse.verifier.verify(text, { ...asked, api: MANAGEMENT_API })
      if (reason !== 'VALID' || !token) return undefined
      return { id: token.id, owner: token.owner, scopes: token.scopes, expiresAt: token.exp }
    },
  }
  /** Makes a unit, runs, commits: for whoever owns the server's folder. */
  const operate = async <T>(run: (unit: Unit) => Promise<T>): Promise<T> => {
    const staged = shared.unit()
    const done = await run(staged)
    await shared.commit(staged)
    return done
  }
  const policies = {
    check: () => tokens.policyCheck(),
    async simulate(file: string) {
      if (!readAt) throw refuse('no_reading')
      const other = await readAt(file)
      await other.close()
      return [await tokens.policySimulate(other.configuration)]
    },
  }
  const { hours } = tokenUse.usage
  return { doors, inventory, handover, consumers, hours, operate, policies }
}
