/**
 * One request, one commit (DESIGN rules 1 to 3). Runs a handler on a fresh unit and a fresh Koa context, commits what it
 * staged before the answer leaves, and on conflict throws the whole answer away and runs it once more.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type Koa from 'koa'
import { Conflict, type Store, type Writes } from '../../adapters/store.ts'
import { type Clock, hasWrites, type Keep, TENANT, type Unit } from '../base/index.ts'
import type { SeenFrom } from '../config/index.ts'
import { requestView } from '../http/index.ts'
import { type Seal, sealEvents, type Waiting } from '../seal/index.ts'
import { artefacts, type Records } from './records.ts'
import { mergeSessions } from './session-model.ts'
import { newWork, type Work, withWork } from './work.ts'

/** What the runner uses. */
export interface RunnerDeps {
  readonly store: Pick<Store, 'get' | 'commit'>
  readonly records: Records
  readonly origin: URL
  readonly unitOf: UnitOf
  readonly finish: Finish
}

/** A unit of work for the request of an id. */
export type UnitOf = (requestId: string) => Unit

/** One request to run. */
export interface Run {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly body: Buffer
  /** Shared by the runs of this request. */
  readonly id: string
  readonly route: string
  readonly address: string
  readonly seen: SeenFrom & { readonly network: string }
  /** Makes a context for a view of the request. */
  readonly context: (req: IncomingMessage, res: ServerResponse) => Koa.Context
  readonly handle: (ctx: Koa.Context) => Promise<void>
}

/** Rivals were there first, three times. */
export class Contended extends Error {
  constructor() {
    super('rivals for the same credential won three times')
    this.name = 'Contended'
  }
}

const RERUNS_MAX = 2
const MERGES_MAX = 32

/** What an answer commits (DESIGN rule 2): at /token a 4xx keeps burns and revocations; elsewhere all; a 5xx burns alone. */
export function keepFor(route: string, status: number): Keep {
  if (status >= 500) return 'burns'
  return route === 'token' && status >= 400 ? 'burns and revocations' : 'all'
}

/** Commits what a unit staged and noted, or batches its events where it wrote nothing. `commit`: the store's unless given. */
export type Finish = (
  unit: Unit,
  input: { readonly keep: Keep; readonly network: string },
  commit?: (writes: Writes) => Promise<void>,
) => Promise<void>

/** Makes what ends every unit, a lane's as the library's. */
export function createFinish({
  store,
  seal,
  clock,
  batch,
}: {
  readonly store: Pick<Store, 'commit'>
  readonly seal: Seal
  readonly clock: Clock
  /** Takes what requests noted that write nothing; it is recorded in batches (DESIGN rule 5). */
  readonly batch: (noted: Waiting) => void
}): Finish {
  return async (unit, { keep, network }, commit = (writes) => store.commit(writes)) => {
    const actor = { request: unit.request, network }
    const staged = unit.writes(keep)
    if (!hasWrites(staged)) {
      const told = unit.told(keep)
      if (told.length > 0) batch({ ...actor, cid: unit.cid, tenant: TENANT, at: clock.now(), told })
      return
    }
    const writes = { ...staged, events: sealEvents(seal, unit, { clock, actor, tenant: TENANT, keep }) }
    await commit(writes)
  }
}

/** Makes the runner. */
export function createRunner(deps: RunnerDeps) {
  const { store, records, finish } = deps

  /** A session that a rival saved meanwhile: both saves, when they can be one. */
  async function mergedUpdates(writes: Writes, work: Work, lost: Conflict): Promise<Writes | undefined> {
    const read = work.sessions.get(lost.id)
    const doc = read && (await store.get(artefacts.name, lost.id))
    if (!read || !doc || doc.revokedAt !== null) return undefined
    const payload = mergeSessions(read.base, read.ours, await records.open(doc))
    if (!payload) return undefined
    const updates = writes.updates.map((u) =>
      u.id === lost.id ? { ...u, rev: doc.rev, set: { ...u.set, ...records.reseal(doc, payload) } } : u,
    )
    return { ...writes, updates }
  }

  async function commit(first: Writes, work: Work): Promise<void> {
    let writes = first
    for (let merge = 0; ; merge++) {
      try {
        return await store.commit(writes)
      } catch (cause) {
        const merged =
          cause instanceof Conflict && cause.kind === 'update' && merge < MERGES_MAX
            ? await mergedUpdates(writes, work, cause)
            : undefined
        if (!merged) throw cause
        writes = merged
      }
    }
  }

  async function once(run: Run): Promise<Koa.Context> {
    const unit = deps.unitOf(run.id)
    const work = newWork({ unit, route: run.route, seen: run.seen })
    const ctx = run.context(
      requestView(run.req, { body: run.body, origin: deps.origin, address: run.address }),
      run.res,
    )
    await withWork(work, () => run.handle(ctx))
    const keep = keepFor(run.route, ctx.status)
    await finish(unit, { keep, network: run.seen.network }, (writes) => commit(writes, work))
    return ctx
  }

  /**
   * Runs a request and commits it. Resolves to the context whose answer may leave; headers are on the response.
   * Throws `Contended` after two re-runs, and whatever the store throws when it can't commit.
   */
  return async (run: Run): Promise<Koa.Context> => {
    const kept = new Map(run.res.getHeaderNames().map((name) => [name, run.res.getHeader(name)]))
    function startOver(): void {
      for (const name of run.res.getHeaderNames()) if (!kept.has(name)) run.res.removeHeader(name)
      for (const [name, value] of kept) if (value !== undefined) run.res.setHeader(name, value)
      run.res.statusCode = 404
    }
    for (let rerun = 0; ; rerun++) {
      try {
        return await once(run)
      } catch (cause) {
        // Nothing of this run may leave: not its cookies, not a Location with a dead code.
        startOver()
        if (!(cause instanceof Conflict)) throw cause
        if (rerun >= RERUNS_MAX) throw new Contended()
      }
    }
  }
}

export type Runner = ReturnType<typeof createRunner>
