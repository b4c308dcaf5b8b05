/** The envelope as people turn it: rewrap, renew, status, erase. It joins the seal with the rooms whose documents it seals. */

import type { Collection, Store } from '../adapters/store.ts'
import type { Accounts } from './accounts/index.ts'
import type { Tokens } from './api-tokens/index.ts'
import type { Clock, Random, Unit } from './base/index.ts'
import type { Configuration } from './config/index.ts'
import { events } from './events.ts'
import { idempotencyCollections, idempotencyResealer } from './idempotency/index.ts'
import { artefactResealer, type Oidc, oidcCollections } from './oidc/index.ts'
import {
  eventResealer,
  keyStatus,
  type Masters,
  Renewer,
  type Rewrapped,
  rewrap,
  type Seal,
  scrubbed,
  sealKeys,
  shownRenewal,
} from './seal/index.ts'
import type { Logger } from './telemetry/index.ts'

const DAY_SECONDS = 24 * 3600

/** The longest that anything lives that is looked up by an opaque token's text: a refresh token ends with its family. */
export function tokenSecondsMax(lifetimes: Configuration['lifetimes']): number {
  return DAY_SECONDS + Math.max(DAY_SECONDS, lifetimes.refreshAbsoluteSeconds, lifetimes.initialAccessTokenSeconds)
}

/** Has hash keys kept for longer lifetimes. Never for shorter ones: what lives, lives as long as it was told. */
export async function keepTokens(seal: Seal, lifetimes: Configuration['lifetimes']): Promise<void> {
  const seconds = tokenSecondsMax(lifetimes)
  await seal.changeRing((ring) => (ring.tokenSecondsMax < seconds ? { ...ring, tokenSecondsMax: seconds } : undefined))
}

/** What it joins. */
export interface EnvelopeDeps {
  readonly store: Store
  readonly masters: Masters
  readonly seal: Seal
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly configuration: Configuration
  readonly collections: readonly Collection[]
  readonly accounts: Accounts
  readonly oidc: Pick<Oidc, 'holdings'>
  readonly tokens: Pick<Tokens, 'countAccount' | 'endAccount'>
}

/** Work that a timer does. */
export interface Timed {
  readonly ms: number
  readonly what: string
  work(): Promise<unknown>
}

/** What an erased account leaves, for people. */
function leftOf(input: {
  readonly counts: Readonly<Record<string, number>>
  readonly apiTokens: number
  readonly sessionSeconds: number
  readonly mayRemain: readonly string[]
}): readonly object[] {
  const days = Math.ceil(input.sessionSeconds / DAY_SECONDS)
  return [
    {
      where: 'accounts',
      count: 1,
      what: 'a tombstone under a hash of the random sub; no key, no personal data',
      until: 'kept',
    },
    {
      where: 'artefacts',
      count: Object.values(input.counts).reduce((sum, n) => sum + n, 0),
      kinds: input.counts,
      what: 'ended Grants, families, tokens and codes; sealed, they hold the random sub and no personal data',
      until: 'swept a day after each would have ended',
    },
    {
      where: 'artefacts',
      what: 'sign-in sessions and device codes, if any; sealed, they hold the random sub. They open nothing',
      until: `${days} days at most`,
    },
    {
      where: 'api-tokens',
      count: input.apiTokens,
      what: 'ended API tokens with their names, purposes and networks, sealed; those that had ended before are gone',
      until: 'swept after a day',
    },
    { where: 'api-token-uses', what: 'how often by hour, no word of where from', until: '32 days after each hour' },
    {
      where: 'events',
      what: 'what happened, sealed: the random sub and networks, no personal data',
      until: '90 days after each',
    },
    { where: 'throttles', what: 'failed sign-ins under keyed hashes of name and network', until: 'an hour at most' },
    ...input.mayRemain.map((where) => ({
      where,
      what: 'the account as it was, sealed: only the master key with the data key of that time opens it (keys renew, then keys rewrap)',
    })),
  ]
}

/** The verbs, and what timers call. */
export function createEnvelope(deps: EnvelopeDeps) {
  const { store, seal, masters, clock, accounts, oidc, configuration } = deps
  const renewer = new Renewer({
    ...deps,
    collections: deps.collections.map(({ name }) => name).filter((name) => name !== sealKeys.name),
    resealers: {
      [events.name]: eventResealer(seal),
      ...Object.fromEntries(idempotencyCollections.map(({ name }) => [name, idempotencyResealer(seal, clock)])),
      ...Object.fromEntries(oidcCollections.map(({ name }) => [name, artefactResealer(seal, clock)])),
    },
    report: ({ collection, cause }) =>
      deps.logger.error({ err: cause, collection }, 'a document could not be sealed again'),
  })
  const timers: readonly Timed[] = [
    { ms: 1000, what: 'keyring', work: () => seal.poll() },
    { ms: 5000, what: 'keys at rest', work: () => seal.refresh() },
    { ms: 1000, what: 'renewal', work: () => renewer.work() },
  ]
  return {
    timers,
    /** Before the store closes: a renewal keeps its progress. */
    stop: () => renewer.stop(),
    /** Wraps every key with the current master. */
    rewrap: (input: { readonly dryRun: boolean }): Promise<Rewrapped> => rewrap(deps, input),
    /** New data keys and new versions of hash keys; the rest is the background's. */
    async renew(input: { readonly dryRun: boolean }): Promise<Readonly<Record<string, unknown>>> {
      if (!input.dryRun) return { started: true, renewal: shownRenewal(await renewer.start()) }
      const { data_keys, epoch } = await keyStatus({ store, masters, ring: await seal.poll() })
      return { started: false, data_keys_to_replace: data_keys, epoch_after: Number(epoch) + 1 }
    },
    /** One step of the re-sealing; what the timer calls. */
    resealing: () => renewer.work(),
    status: async () => keyStatus({ store, masters, ring: await seal.poll() }),
    /** Destroys an account's key. Gives what is left, where, and until when. */
    async eraseAccount(name: string, input: { readonly dryRun: boolean }): Promise<Readonly<Record<string, unknown>>> {
      const sub = await accounts.subOf(name)
      const counts = await oidc.holdings.count(sub)
      const apiTokens = await deps.tokens.countAccount(sub)
      const end = async (unit: Unit, of: string): Promise<void> => {
        oidc.holdings.end(unit, of)
        await deps.tokens.endAccount(unit, of)
      }
      if (!input.dryRun) await accounts.erase(name, { end })
      const mayRemain = input.dryRun ? [] : await scrubbed(store)
      const { sessionSeconds } = configuration.lifetimes
      return { name, erased: !input.dryRun, left: leftOf({ counts, apiTokens, sessionSeconds, mayRemain }) }
    },
  }
}

export type Envelope = ReturnType<typeof createEnvelope>
