/**
 * The configuration that runs, and how another one takes its place while requests are answered. A bad one is refused whole: it is
 * parsed, its provider is built on trial and its clients are checked before anything is changed.
 */

import { apiTokenNorm } from './api-tokens/index.ts'
import { refusals, type Unit } from './base/index.ts'
import type { Clients } from './clients/index.ts'
import { type Configuration, difference, type Fresh, type RotationFacts } from './config/index.ts'
import { type Keyring, type KeySettings, signingKeyNorm } from './keys/index.ts'
import type { Oidc } from './oidc/index.ts'
import { createEngine, type Engine, type Verdict } from './rotation/index.ts'
import type { Logger } from './telemetry/index.ts'

/** Longer than any request lives: whoever still asks an old policy has been answered by then. */
const OLD_MS = 60_000

const refuse = refusals({
  nothing_to_reread: [409, 'No server runs here; the next start reads the configuration.'],
})

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
  readonly clients: Pick<Clients, 'declare' | 'declareApis'>
  readonly keyring: Pick<Keyring, 'ensure'>
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

/** Makes it. */
export function createLive(deps: {
  readonly configuration: Configuration
  readonly logger: Logger
  readonly reread?: Reread | undefined
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
    to.oidc.check(next)
    for (const api of next.apis) if (api.accessToken === 'jwt') await to.keyring.ensure(api.algorithm)
    const clients = changes.clients ? await to.clients.declare(next.clients) : { added: [], changed: [], removed: [] }
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
      in_force: [...changes.swapped, ...(changes.clients ? ['clients'] : [])],
      clients: { added, changed, removed },
      needs_restart: [...new Set([...changes.restart, ...fresh.restart])],
    }
  }

  let reloading: Promise<Reloaded> | undefined

  async function reload(to: Takers): Promise<Reloaded> {
    if (!deps.reread) throw refuse('nothing_to_reread')
    const fresh = await deps.reread(current)
    try {
      const reloaded = await take(fresh, to)
      logger.info(reloaded, 'the configuration was read again')
      const unit = to.unit()
      unit.note('configuration.changed', { ...reloaded })
      if (reloaded.in_force.length > 0) await to.commit(unit)
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
    async reload(to: Takers): Promise<Reloaded> {
      await reloading?.catch(() => undefined)
      reloading = reload(to)
      return reloading
    },
    /** Ends what the policies live in. */
    async close(): Promise<void> {
      await Promise.all([...old, ...(held ? [held] : [])].map((fresh) => fresh.close()))
    },
  }
}

export type Live = ReturnType<typeof createLive>
