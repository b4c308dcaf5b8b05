/** What runs beside requests: batches of events, the relay, sweeps, and the keys' turns. Each has one owner, who stops it. */

import type { Collection, Store } from '../adapters/store.ts'
import type { TokenSchedule, TokenUse } from './api-tokens/index.ts'
import { type Clock, type Random, randomText, seconds, type Unit } from './base/index.ts'
import type { Envelope } from './envelope.ts'
import type { Keyring } from './keys/index.ts'
import { type Seal, sealWaiting, type Waiting } from './seal/index.ts'
import type { Logger } from './telemetry/index.ts'

const BATCH_MS = 500
const RELAY_MS = 200
const USES_MS = 5000
const SWEEP_MS = 60_000
const SWEEP_LIMIT = 500
/** Every node looks at the ring so often: a change is followed within two seconds. */
const LOOK_MS = 1000
const TICK_MS = 5000
const SCHEDULE_MS = 60_000
const LEASE_MS = 15_000
const CUT_SHORT = { olderThanSeconds: 30, limit: 100 } as const

/** What it drives. */
export interface BackgroundDeps {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly collections: readonly Collection[]
  readonly relay: { drain(): Promise<void>; release(): Promise<void> }
  readonly seal: Seal
  readonly envelope: Pick<Envelope, 'timers' | 'stop'>
  readonly clients: { flushSecretUses(): Promise<void> }
  readonly signOuts: { retry(): Promise<void> }
  readonly keyring: Pick<Keyring, 'poll' | 'tick' | 'announce' | 'flushUses'>
  readonly tokenSchedule: TokenSchedule
  readonly leaks: { work(): Promise<void> }
  /** Completes what a process that died left half done. */
  readonly idempotency: {
    recover(input: { readonly olderThanSeconds: number; readonly limit: number }): Promise<unknown>
  }
  readonly inventory: { markExpired(): Promise<unknown> }
  readonly tokenUse: Pick<TokenUse, 'timers' | 'stop'>
  /** How many times faster than the wall the clock goes: 1, but for tests in which months pass. Only the keys' timers follow it. */
  readonly pace?: number
  /**
   * Another process of this machine does what one does for all (numbering, sweeping, turning keys, schedules). Leases would keep
   * them apart anyway; asking for them n times over costs what requests could use.
   */
  readonly led?: boolean
  /** Events of requests that write nothing. */
  readonly batched: Waiting[]
  readonly unit: () => Unit
}

/** Sends what was recorded in batches; also the last thing before the store closes. What can't be sent now waits on: rather twice than never. */
async function flush({ store, seal, batched, unit }: BackgroundDeps): Promise<void> {
  const taken = batched.splice(0)
  if (taken.length === 0) return
  try {
    await store.commit({ ...unit().writes('all'), events: sealWaiting(seal, taken) })
  } catch (cause) {
    batched.unshift(...taken)
    throw cause
  }
}

/** Timers of one owner. What is busy is not started again; what fails is logged, and tried at the next turn. */
function createTimers(logger: Logger) {
  const timers: NodeJS.Timeout[] = []
  const running = new Set<Promise<unknown>>()
  return {
    every(ms: number, what: string, work: () => Promise<unknown>): void {
      let busy = false
      timers.push(
        setInterval(() => {
          if (busy) return
          busy = true
          const done = work()
            .catch((cause) => logger.error({ err: cause, what }, 'background work failed'))
            .finally(() => {
              busy = false
              running.delete(done)
            })
          running.add(done)
        }, ms).unref(),
      )
    },
    async stop(): Promise<void> {
      for (const timer of timers) clearInterval(timer)
      await Promise.all(running)
    },
  }
}

/** Makes it. Nothing runs before `start`. */
export function createBackground(deps: BackgroundDeps) {
  const { store, clock, keyring, relay, clients, pace = 1 } = deps
  const { every, stop } = createTimers(deps.logger)
  const holder = randomText(deps.random, 9)
  const lease = (name: string, ms: number): Promise<boolean> =>
    store.lease({ name, holder, until: clock.now() + ms }, clock.now())

  async function sweep(): Promise<void> {
    if (!(await lease('sweep', SWEEP_MS))) return
    for (const { name, expires } of deps.collections) {
      while (expires && (await store.sweep(name, seconds(clock), SWEEP_LIMIT)) === SWEEP_LIMIT)
        await new Promise((next) => setImmediate(next))
    }
  }

  /** One node turns the keys; the ring's own condition holds where two believe that they are the one. */
  async function tick(): Promise<void> {
    if (await lease('keyring', LEASE_MS)) await keyring.tick()
    else await keyring.announce()
  }

  function startShared(): void {
    every(RELAY_MS, 'relay', () => relay.drain())
    every(USES_MS, 'sign-outs', () => deps.signOuts.retry())
    every(SWEEP_MS, 'sweep', sweep)
    every(SCHEDULE_MS, 'API tokens', () => deps.tokenSchedule.tick())
    every(SCHEDULE_MS, 'expired tokens', () => deps.inventory.markExpired())
    every(LOOK_MS, 'leaks', () => deps.leaks.work())
    every(SCHEDULE_MS, 'requests cut short', () => deps.idempotency.recover(CUT_SHORT))
  }

  async function stopShared(): Promise<void> {
    await relay.drain()
    await relay.release()
    await store.release('keyring', holder)
    await deps.tokenSchedule.release()
  }

  return {
    start(): void {
      every(BATCH_MS, 'batch', () => flush(deps))
      every(USES_MS, 'secret uses', () => clients.flushSecretUses())
      every(USES_MS / pace, 'key uses', () => keyring.flushUses())
      for (const { ms, what, work } of [...deps.envelope.timers, ...deps.tokenUse.timers]) every(ms, what, work)
      every(LOOK_MS / pace, 'keyring', () => keyring.poll())
      every(TICK_MS / pace, 'key turns', deps.led ? () => keyring.announce() : tick)
      if (!deps.led) startShared()
    },
    sweep,
    flush: () => flush(deps),
    async stop(): Promise<void> {
      await stop()
      await deps.envelope.stop()
      await clients.flushSecretUses()
      await deps.tokenUse.stop()
      await keyring.flushUses()
      await flush(deps)
      if (!deps.led) await stopShared()
    },
  }
}
