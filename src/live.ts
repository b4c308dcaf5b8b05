/**
 * The configuration that runs, and how another one takes its place while requests are answered. A bad one is refused whole: it is
 * parsed, its provider is built on trial and its clients are checked before anything is changed.
 */

import { apiTokenNorm } from './api-tokens/index.ts'
import { refusals, type Unit } from './base/index.ts'
import type { Clients } from './clients/index.ts'
import { BadConfiguration, type Configuration, difference, type Fresh, type RotationFacts } from './config/index.ts'
import { type Keyring, type KeySettings, signingKeyNorm } from './keys/index.ts'
import type { Oidc } from './oidc/index.ts'
import { createEngine, type Engine, type Verdict } from './rotation/index.ts'
import type { Logger } from './telemetry/index.ts'

/** Longer than any request lives: whoever still asks an old policy has been answered by then. */
const OLD_MS = 60_000

const refuse = refusals({
  nothing_to_reread: [409, 'No server runs here; the next start reads the configuration.'],
})

const isSigned = ({ accessToken }: Configuration['apis'][number]): boolean => accessToken === 'jwt'

/** Reads the configuration's module afresh. */
export type Reread = (previous: Configuration) => Promise<Fresh>

/** What a new configuration brought, for people. */
export interface Reloaded {
  /** What is in force now. */
  readonly in_force: readonly string[]
  readonly clients: {
    readonly added: readonly string[]
    readonly changed: readonly string[]
    readonly removed: readonly string[]
  }
  /** What the file says and only a restart can bring. */
  readonly needs_restart: readonly string[]
}

/** Policies for signing keys and API tokens; those for refresh tokens are asked in src/oidc. */
function keyEngine({ rotation }: Configuration, logger: Logger): Engine {
  return createEngine({
    rules: rotation,
    norm: (facts) => (facts.credential.kind === 'api_token' ? apiTokenNorm(facts) : signingKeyNorm(facts)),
    stopwatch: () => performance.now(),
    after(ms, then) {
      const timer = setTimeout(then, ms)
      return () => clearTimeout(timer)
    },
    report: (failure) => logger.error(failure, 'a rotation policy failed'),
  })
}

/** Who takes a new configuration. */
export interface Takers {
  readonly clients: Pick<Clients, 'check' | 'declare' | 'declareApis'>
  readonly keyring: Pick<Keyring, 'ensure' | 'offers'>
  /** Told how long what tokens name may live: a hash key is kept as long. */
  readonly keep: (lifetimes: Configuration['lifetimes']) => Promise<void>
  readonly oidc: Pick<Oidc, 'check' | 'swap'>
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
}

/** The file's configuration with what only a restart can change as it is. */
function usable({ configuration }: Fresh, current: Configuration, rotates: boolean): Configuration {
  const { branding, outbound, keys, rotation } = current
  const { signers: _signers, ...rest } = configuration.keys
  return {
    ...configuration,
    branding,
    outbound,
    keys: { ...rest, ...(keys.signers ? { signers: keys.signers } : {}) },
    // The same rules keep their engine, and with it what it remembers.
    rotation: rotates ? configuration.rotation : rotation,
  }
}

/** Everything that may refuse it, before anything is changed. */
function check(next: Configuration, to: Takers): void {
  const wanted = [...(next.keys.algorithms ?? []), ...next.apis.filter(isSigned).map(({ algorithm }) => algorithm)]
  const missing = wanted.find((alg) => !to.keyring.offers(alg))
  if (missing) throw new BadConfiguration(`${missing}: the configured signer makes no keys for this algorithm`)
  to.clients.check(next.clients)
  to.oidc.check(next)
}

/** It is in force whether or not the record of it can be written. */
async function record(reloaded: Reloaded, to: Takers, logger: Logger): Promise<void> {
  if (reloaded.in_force.length === 0) return
  const unit = to.unit()
  unit.note('configuration.changed', { ...reloaded })
  await to.commit(unit).catch((cause) => logger.error({ err: cause }, 'that the configuration changed is not recorded'))
}

/** Makes it. */
export function createLive(deps: {
  readonly configuration: Configuration
  readonly logger: Logger
  readonly reread?: Reread | undefined
  /** The primary of this machine takes the same file first, and records it. */
  readonly led?: boolean
}) {
  const { logger } = deps
  let current = deps.configuration
  let engine = keyEngine(current, logger)
  /** What the running policies live in, where they were read while the server ran. */
  let held: Fresh | undefined
  const old = new Set<Fresh>()

  function closeLater(fresh: Fresh | undefined): void {
    if (!fresh) return
    old.add(fresh)
    setTimeout(() => void fresh.close().finally(() => old.delete(fresh)), OLD_MS).unref()
  }

  async function take(fresh: Fresh, to: Takers): Promise<Reloaded> {
    const changes = difference(current, fresh.configuration)
    const rotates = changes.swapped.includes('rotation')
    const next = usable(fresh, current, rotates)
    check(next, to)
    await to.keep(next.lifetimes)
    for (const { algorithm } of next.apis.filter(isSigned)) await to.keyring.ensure(algorithm)
    // Also where this file's list is as it was: a node with an older file may have taken some of them out.
    const clients = await to.clients.declare(next.clients)
    to.clients.declareApis(next.apis)
    current = next
    if (rotates) {
      engine = keyEngine(next, logger)
      closeLater(held)
      held = fresh
    } else await fresh.close()
    if (changes.swapped.length > 0) to.oidc.swap(next)
    const { added, changed, removed } = clients
    return {
      in_force: [...changes.swapped, ...(added.length + changed.length + removed.length > 0 ? ['clients'] : [])],
      clients: { added, changed, removed },
      needs_restart: [...new Set([...changes.restart, ...fresh.restart])],
    }
  }

  let last: Promise<unknown> = Promise.resolve()

  async function reload(to: Takers): Promise<Reloaded> {
    if (!deps.reread) throw refuse('nothing_to_reread')
    const fresh = await deps.reread(current)
    try {
      const reloaded = await take(fresh, to)
      logger.info(reloaded, 'the configuration was read again')
      if (!deps.led) await record(reloaded, to, logger)
      return reloaded
    } catch (cause) {
      if (held !== fresh) await fresh.close()
      throw cause
    }
  }

  return {
    get configuration(): Configuration {
      return current
    },
    decide: (facts: RotationFacts): Promise<Verdict> => engine.decide(facts),
    keySettings: (): KeySettings => ({ ...current.keys, sessionSeconds: current.lifetimes.sessionSeconds }),
    /** Reads the module again and takes what has changed; rejects, and changes nothing, where it is bad. One at a time. */
    reload(to: Takers): Promise<Reloaded> {
      const mine = last.then(() => reload(to))
      last = mine.catch(() => undefined)
      return mine
    },
    /** Ends what the policies live in. */
    async close(): Promise<void> {
      await Promise.all([...old, ...(held ? [held] : [])].map((fresh) => fresh.close()))
    },
  }
}

export type Live = ReturnType<typeof createLive>
