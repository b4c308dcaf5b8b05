/**
 * Once: the same caller, route and key get the same answer, and what the request did is done once (the IETF's Idempotency-Key header).
 *
 * There are no multi-document transactions, so the record of the request travels as the first burn of the commit that does the work, with
 * the staged writes inside it. Whoever finds it open (a retry, or `recover`) commits the same writes again under the same commit id: the
 * store promises that this is one commit. A unit that loses to a rival leaves its record `lost`, and the request runs anew
 * under the next one. Refused: a lease for the key before the work, with the answer after it: a crash between leaves work without an answer.
 */

import { hash } from 'node:crypto'
import type { Doc, Store, Writes } from '../../adapters/store.ts'
import { type Clock, type Random, randomText, refusals, seconds, TENANT, Unit } from '../base/index.ts'
import { type Seal, sealEvents } from '../seal/index.ts'
import { createLedger } from './ledger.ts'
import { type Answer, answerOf, idempotentRequests, keptOf, recordOf, whole } from './records.ts'

/** The refusals of this room. */
export const IDEMPOTENCY_REFUSALS = {
  idempotency_key_missing: [
    400,
    'Every POST takes an Idempotency-Key header: a text of your own, new for each thing to be done.',
  ],
  idempotency_key_bad: [400, 'An Idempotency-Key has 1 to 255 visible ASCII characters.'],
  idempotency_key_reused: [422, 'This Idempotency-Key was used for another request. Take a new one for a new thing.'],
  idempotency_running: [
    409,
    'A request with this Idempotency-Key is still running. Ask again in a moment.',
    'Send the same request with the same key again: it gets the answer of the first.',
  ],
  contended: [503, 'Others changed the same things at the same moment. Nothing was done; ask again.'],
} as const
export const refuse = refusals(IDEMPOTENCY_REFUSALS)

/** What the room uses. */
export interface IdempotencyDeps {
  readonly store: Pick<Store, 'get' | 'find' | 'commit'>
  readonly seal: Seal
  readonly clock: Clock
  readonly random: Random
  /** How long a concurrent duplicate waits before it is told to come back: 2 s unless given. */
  readonly waitMs?: number
}

/** One request. */
export interface Request {
  /** Who asks, in the words that tell callers apart. */
  readonly principal: string
  /** Method and path, with the ids in it. */
  readonly route: string
  /** The Idempotency-Key; undefined where there is none. */
  readonly key: string | undefined
  readonly body: Uint8Array
  /** Request id and network, for the events. */
  readonly request: string
  readonly network: string
}

/** `isReplayed`: it was given before. */
export interface Given extends Answer {
  readonly isReplayed: boolean
}

const NAME = idempotentRequests.name
const RUNS_MAX = 3
/** Records that one key may leave: each run that lost to a rival leaves one. */
const RECORDS_MAX = 32

function isKey(key: string): boolean {
  return /^[\x21-\x7e]{1,255}$/.test(key)
}

/** Resolves to true when `one` has settled, whatever came of it; to false when it takes longer. */
async function settles(one: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((done) => {
    timer = setTimeout(done, ms, false)
  })
  const settled = one.then(
    () => true,
    () => true,
  )
  return Promise.race([settled, late]).finally(() => clearTimeout(timer))
}

/** Lets one at a time through under a name; whoever waits longer than `waitMs` is sent away. On this node: other nodes meet in the store. */
function createQueue(waitMs: number) {
  const running = new Map<string, Promise<unknown>>()
  return async <T>(name: string, run: () => Promise<T>): Promise<T> => {
    const until = performance.now() + waitMs
    for (let other = running.get(name); other; other = running.get(name)) {
      if (!(await settles(other, until - performance.now()))) throw refuse('idempotency_running')
    }
    const mine = run()
    running.set(name, mine)
    try {
      return await mine
    } finally {
      running.delete(name)
    }
  }
}

/** A decider holds by `rev` too: what was lost once must stay lost, or a retry could win what its first run gave up. */
function byRev(writes: Writes, unit: Unit): Writes {
  const { decider } = writes
  const rev = decider && unit.known(decider.collection, decider.id)?.rev
  return decider && rev !== undefined ? { ...writes, decider: { ...decider, if: { rev, ...decider.if } } } : writes
}

/** Makes the verbs. */
export function onceActions(deps: IdempotencyDeps) {
  const { store, seal, clock, random } = deps
  const alone = createQueue(deps.waitMs ?? 2000)

  const { won, complete } = createLedger(deps)

  const idOf = ({ principal, route, key }: Request, n: number): string =>
    seal.hash('lookup', TENANT, 'idempotency', JSON.stringify([principal, route, key, n]))

  async function first(id: string, asked: Request, run: (unit: Unit) => Promise<Answer>): Promise<Answer | undefined> {
    const unit = new Unit({ store, cid: randomText(random, 16), request: asked.request })
    const answer = await run(unit)
    const actor = { request: asked.request, network: asked.network }
    const writes = byRev(unit.writes('all', sealEvents(seal, unit, { clock, actor, tenant: TENANT })), unit)
    const fingerprint = hash('sha256', asked.body, 'base64url')
    const record = recordOf(seal, { id, key: asked.key ?? '', answer, now: seconds(clock), fingerprint, writes })
    return (await won(whole(writes, record), id)) ? answer : undefined
  }

  /** The answer of a request that was made before; undefined where that one came to nothing. */
  async function again(doc: Doc, asked: Request): Promise<Answer | undefined> {
    if (doc.state === 'lost' || (doc.exp ?? 0) <= seconds(clock)) return undefined
    const { fingerprint } = await keptOf(seal, doc)
    if (fingerprint !== hash('sha256', asked.body, 'base64url')) throw refuse('idempotency_key_reused')
    if (doc.state === 'open' && !(await complete(doc))) {
      const now = await store.get(NAME, doc.id)
      if (now?.state !== 'done') return undefined
    }
    return answerOf(seal, doc, asked.key ?? '')
  }

  async function through(asked: Request, run: (unit: Unit) => Promise<Answer>): Promise<Given> {
    let runs = 0
    for (let n = 0; n < RECORDS_MAX; n++) {
      const id = idOf(asked, n)
      const standing = await store.get(NAME, id)
      if (!standing) {
        if (++runs > RUNS_MAX) break
        const answer = await first(id, asked, run)
        if (answer) return { ...answer, isReplayed: false }
      }
      const doc = standing ?? (await store.get(NAME, id))
      const answer = doc && (await again(doc, asked))
      if (answer) return { ...answer, isReplayed: true }
    }
    throw refuse('contended')
  }

  return {
    /**
     * Runs a request once. `run` stages in the unit and must not commit; what it throws leaves nothing, and the key free. Throws the
     * refusals of this room.
     */
    async once(asked: Request, run: (unit: Unit) => Promise<Answer>): Promise<Given> {
      if (asked.key === undefined) throw refuse('idempotency_key_missing')
      if (!isKey(asked.key)) throw refuse('idempotency_key_bad')
      return alone(idOf(asked, 0), () => through(asked, run))
    },
    /** Completes what a killed process left open and nobody retried; called at start and by a timer. Resolves to how many were. */
    async recover(input: { readonly olderThanSeconds: number; readonly limit: number }): Promise<number> {
      const open = await store.find(NAME, { tenant: TENANT, by: { state: 'open' } }, { limit: input.limit })
      const left = open.filter(({ iat }) => (iat ?? 0) <= seconds(clock) - input.olderThanSeconds)
      let count = 0
      for (const doc of left) if (await complete(doc)) count++
      return count
    },
  }
}
