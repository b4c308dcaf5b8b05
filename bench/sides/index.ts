/** Starts a side in a process of its own, bound to the server's core, and asks it what it has used. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { freePort } from '../../test/support/process.ts'
import { boundTo, type Cores } from '../machine.ts'
import { isReady, isUsage, type Question, type SideName, type SideOrder, type Usage } from './protocol.ts'

export type { Canned, SideName, Usage } from './protocol.ts'

/** A side that serves, seen from the bench. */
export interface Side {
  readonly name: SideName
  readonly port: number
  readonly apiTokens: readonly string[]
  usage(): Promise<Usage>
  /** Ends it; resolves when its process is gone. */
  stop(): Promise<void>
}

/** How it is started. */
export interface StartOptions extends Pick<SideOrder, 'database' | 'canned'> {
  readonly cores: Cores | undefined
  /** Arguments for its Node. */
  readonly nodeArguments?: readonly string[]
}

function ask(child: ChildProcess, question: Question): Promise<Usage> {
  return new Promise((done, fail) => {
    child.once('message', (message) =>
      isUsage(message) ? done(message) : fail(new Error(`not an answer: ${JSON.stringify(message)}`)),
    )
    child.send(question)
  })
}

/** Starts a side and waits until it listens. Throws when its process ends before. */
export async function startSide(name: SideName, options: StartOptions): Promise<Side> {
  const { cores, nodeArguments = [], ...rest } = options
  const port = await freePort()
  const order: SideOrder = { side: name, port, ...rest }
  const entry = join(import.meta.dirname, 'server.ts')
  const [program, ...args] = boundTo(cores?.server, [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    ...nodeArguments,
    entry,
    JSON.stringify(order),
  ])
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const ended = once(child, 'exit')
  const first: unknown = await Promise.race([
    once(child, 'message').then(([message]) => message),
    ended.then(([code]) => {
      throw new Error(`${name} ended with ${code} before it listened`)
    }),
  ])
  if (!isReady(first)) throw new Error(`${name} said ${JSON.stringify(first)}`)
  return {
    name,
    port,
    apiTokens: first.apiTokens,
    usage: () => ask(child, 'usage'),
    async stop() {
      if (child.exitCode !== null) return
      child.send('stop' satisfies Question)
      await ended
    },
  }
}
