/** The room of API tokens over any store, with owners, APIs, settings and time that a test moves by hand. */

import type { Store } from '../../adapters/store.ts'
import {
  apiTokenNorm,
  createTokenDecisions,
  createTokenSchedule,
  createTokens,
  type Owner,
  type Reminder,
  type SeenUses,
  type TokenOrder,
} from '../../src/api-tokens/index.ts'
import { collections } from '../../src/app.ts'
import { systemRandom as random, randomText, seconds, TENANT, Unit } from '../../src/base/index.ts'
import { type ConfigurationInput, parseConfiguration, type RotationFacts } from '../../src/config/index.ts'
import { createEngine } from '../../src/rotation/index.ts'
import { createSeal, fixedMasters, openEvents, sealEvents } from '../../src/seal/index.ts'
import { MemoryStore } from '../adapters/memory-store.ts'
import { HandClock, masterOf } from './world.ts'

export const DAY = 86_400

/** Time that stands still unless a test moves it. */
export class StoppedClock extends HandClock {
  #at = Date.parse('2026-11-01T00:00:00Z')
  override now(): number {
    return this.#at
  }
  override forward(by: number): void {
    this.#at += by * 1000
  }
}

/** A token as most tests order it. */
export const order = (more: Partial<TokenOrder> = {}): TokenOrder => ({
  name: 'nightly',
  kind: 'service',
  owner: { type: 'service', id: 'reports' },
  scopes: ['read'],
  ...more,
})

const APIS = [
  { id: 'urn:a', scopes: { read: 'Read', write: 'Write', admin: 'Rule' } },
  { id: 'urn:b', scopes: { look: 'Look' } },
]

/** What the room uses, over a store. */
async function depsOf(configuration: ConfigurationInput, store: Store) {
  const clock = new StoppedClock()
  const seal = await createSeal({ store, clock, random, masters: fixedMasters(masterOf(7)) })
  const standing = new Map<string, readonly string[] | undefined>([
    ['service:reports', undefined],
    ['account:anna', undefined],
    ['organisation:acme', undefined],
    ['service:narrow', ['read']],
  ])
  const state = { configuration: parseConfiguration(configuration) }
  const unit = (): Unit => new Unit({ store, cid: randomText(random, 16), request: randomText(random, 9) })
  return {
    standing,
    state,
    store,
    seal,
    clock,
    random,
    unit,
    async commit(staged: Unit): Promise<void> {
      const actor = { request: staged.request, network: 'local' }
      await store.commit(staged.writes('all', sealEvents(seal, staged, { clock, actor, tenant: TENANT })))
    },
    settings: () => state.configuration,
    owner: async ({ type, id }: Owner) => {
      const key = `${type}:${id}`
      return standing.has(key) ? { scopes: standing.get(key) } : undefined
    },
    apis: async () => APIS,
  }
}

/** The schedule, with what it told and what failed. */
function scheduled(deps: Awaited<ReturnType<typeof depsOf>>) {
  const reminders: Reminder[] = []
  const failures: unknown[] = []
  const report = (failure: unknown): void => void failures.push(failure)
  const engine = () =>
    createEngine({
      rules: deps.state.configuration.rotation,
      norm: apiTokenNorm,
      stopwatch: () => 0,
      after: () => () => {},
      report,
    })
  const uses = new Map<string, SeenUses>()
  const decides = {
    ...deps,
    decide: (facts: RotationFacts) => engine().decide(facts),
    seen: async (id: string) => uses.get(id),
    notify: (one: Reminder) => void reminders.push(one),
  }
  const newSchedule = () => createTokenSchedule({ ...decides, report })
  const decisions = createTokenDecisions(decides)
  return { reminders, failures, uses, decisions, newSchedule, schedule: newSchedule() }
}

/** Opens it. `standing`: owners that may be used, with their scopes; others are unknown. */
export async function openTokens(configuration: ConfigurationInput = {}, store: Store = new MemoryStore(collections)) {
  const deps = await depsOf(configuration, store)
  const { clock, seal, unit, commit } = deps
  return {
    ...deps,
    ...scheduled(deps),
    tokens: createTokens(deps),
    now: () => seconds(clock),
    configure(next: ConfigurationInput): void {
      deps.state.configuration = parseConfiguration(next)
    },
    /** Time passes, with what a timer would have done meanwhile: the data key's turn. */
    async later(by: number): Promise<void> {
      clock.forward(by)
      await seal.refresh()
    },
    /** Stages by one verb and commits. */
    async run<T>(verb: (staged: Unit) => Promise<T>): Promise<T> {
      const staged = unit()
      const answer = await verb(staged)
      await commit(staged)
      return answer
    },
    /** The events since the last time, with what each says. */
    async told(): Promise<readonly { readonly type: string; readonly data: Readonly<Record<string, unknown>> }[]> {
      const pending = await store.pending(1000)
      await store.settle(pending.map(({ id }) => id))
      return (await Promise.all(pending.map((entry) => openEvents(seal, entry)))).flat()
    },
  }
}

export type TokenRoom = Awaited<ReturnType<typeof openTokens>>
