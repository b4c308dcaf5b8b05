/**
 * The workers of one machine, as their primary sees them: started, told, replaced, drained. The primary answers no request; it
 * owns the port (connections go to the workers in turn), on SQLite the writer, and does what one process does for all.
 */

import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { BadConfiguration } from '../config/index.ts'
import type { Logger } from '../telemetry/index.ts'

/** What the primary tells a worker. */
export const order = z.object({ do: z.enum(['reload', 'drain']) })
export type Order = z.output<typeof order>

/** What a worker says. `refused`: it can't start, in words for people. `taken`: it has read the configuration again, or why not. */
export const saying = z.discriminatedUnion('is', [
  z.object({ is: z.literal('ready') }),
  z.object({ is: z.literal('refused'), why: z.string() }),
  z.object({ is: z.literal('taken'), fault: z.string().optional() }),
])
export type Saying = z.output<typeof saying>

/** A worker has ten seconds for what it answers, and some for its last commits. */
const STOP_MS = 20_000
/** Who dies sooner than this after its start dies of its start: it is replaced ever more slowly. */
const SOUND_MS = 10_000
const AGAIN_MS = { first: 100, most: 10_000 } as const

/** What it is given. `environment` is the primary's own: a worker reads keys and PIN where the primary has read them. */
export interface WorkersInput {
  readonly count: number
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly logger: Logger
}

/** Those that run. */
export interface Workers {
  /** Has each take the configuration that the primary has taken. Resolves when all have, or have said why not in the log. */
  reload(): Promise<void>
  /** Has each finish what it does, and end. Resolves when none is left. */
  stop(): Promise<void>
}

/** The next thing that a worker says of these kinds; undefined when it is gone first. */
function heard(worker: Worker, ...kinds: readonly Saying['is'][]): Promise<Saying | undefined> {
  return new Promise((resolve) => {
    const listen = (message: unknown): void => {
      const { data } = saying.safeParse(message)
      if (!data || !kinds.includes(data.is)) return
      worker.off('message', listen)
      resolve(data)
    }
    worker.on('message', listen)
    // Not its exit, which may be seen before its last words.
    worker.once('disconnect', () => resolve(undefined))
  })
}

function tell(worker: Worker, told: Order): void {
  // One that is ending can't be told; its end is seen anyway.
  if (worker.isConnected()) worker.send(told, undefined, undefined, () => {})
}

/** Resolves when it serves. Throws `BadConfiguration` with what it says of a start that fails. */
async function started(worker: Worker): Promise<void> {
  const first = await heard(worker, 'ready', 'refused')
  if (first?.is === 'ready') return
  throw new BadConfiguration(first?.is === 'refused' ? first.why : 'a worker ended before it served; its log says why')
}

/** Keeps one worker running: where one ends, another follows. */
function keep({ logger, fork }: { readonly logger: Logger; readonly fork: () => Worker }) {
  let stopping = false
  let pauseMs: number = AGAIN_MS.first
  let timer: NodeJS.Timeout | undefined

  function follow(since: number, gone: { readonly worker: number | undefined; status: number; signal: string }): void {
    if (stopping) return
    const wait = performance.now() - since < SOUND_MS ? pauseMs : AGAIN_MS.first
    pauseMs = Math.min(wait * 2, AGAIN_MS.most)
    logger.error({ ...gone, again_ms: wait }, 'a worker ended; another takes its place')
    timer = setTimeout(() => {
      current = start()
    }, wait)
  }

  function start() {
    const worker = fork()
    const { pid } = worker.process
    const since = performance.now()
    const serves = started(worker)
    serves.then(
      () => logger.info({ worker: pid }, 'a worker serves'),
      (cause: unknown) => {
        if (!stopping) logger.error({ err: cause, worker: pid }, 'a worker could not start')
      },
    )
    worker.on('error', (cause) => logger.error({ err: cause, worker: pid }, 'a worker could not be reached'))
    worker.once('exit', (status, signal) => follow(since, { worker: pid, status, signal }))
    return { worker, serves }
  }

  let current = start()
  return {
    serves: current.serves,
    worker: () => current.worker,
    /** Ends it, as gently as it lets itself be ended; nobody follows. */
    async stop(): Promise<void> {
      stopping = true
      clearTimeout(timer)
      const { worker } = current
      if (worker.isDead()) return
      const ended = once(worker, 'exit')
      tell(worker, { do: 'drain' })
      const late = setTimeout(() => worker.process.kill('SIGKILL'), STOP_MS)
      await ended
      clearTimeout(late)
    },
  }
}

/** Starts them. Resolves when all serve; where one can't, none is left and it throws `BadConfiguration`. */
export async function startWorkers({ count, environment, logger }: WorkersInput): Promise<Workers> {
  // The primary accepts and hands over in turn: a tenth of a millisecond a connection, for an even share (docs/scaling.md).
  cluster.schedulingPolicy = cluster.SCHED_RR
  // The same file is .ts in the repository and .js in the package; each starts its own kind.
  const entry = `./worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`
  cluster.setupPrimary({ exec: fileURLToPath(new URL(entry, import.meta.url)), args: [] })
  const env = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined))
  const slots = Array.from({ length: count }, () => keep({ logger, fork: () => cluster.fork(env) }))
  const stop = async (): Promise<void> => void (await Promise.all(slots.map((slot) => slot.stop())))
  try {
    await Promise.all(slots.map(({ serves }) => serves))
  } catch (cause) {
    await stop()
    throw cause
  }
  return {
    async reload() {
      const answers = slots.map(async ({ worker }) => {
        const one = worker()
        const answer = heard(one, 'taken')
        tell(one, { do: 'reload' })
        const said = await answer
        if (said?.is === 'taken' && said.fault !== undefined)
          logger.error({ fault: said.fault, worker: one.process.pid }, 'a worker does not take the configuration')
      })
      await Promise.all(answers)
    },
    stop,
  }
}
