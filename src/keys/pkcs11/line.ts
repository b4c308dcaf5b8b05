/**
 * One child process with a PKCS#11 module, and the line to it: calls by number, each with its budget.
 * An answer that is late is nobody's any more; a child that stays silent is killed. Who starts the next one: client.ts.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { SignerUnavailable } from '../signers.ts'
import type { Answer, Call, Fault, Verb, Verbs } from './messages.ts'

/** How many budgets a call may be overdue before the child counts as hung. */
const HUNG_BUDGETS = 4

/** What the child could not do, and the kind of it. */
export class Faulted extends Error {
  readonly fault: Fault
  constructor(fault: Fault, message: string) {
    super(message)
    this.name = 'Faulted'
    this.fault = fault
  }
}

/** A running child. */
export interface Line {
  readonly pid: number | undefined
  /** Rejects with `Faulted` (the child's own word) or `SignerUnavailable` (over budget `ms`, or the child ended). */
  ask<V extends Verb>(verb: V, ask: Verbs[V]['ask'], ms: number): Promise<Verbs[V]['answer']>
  /** Waits for what is in flight, signs out, and resolves when the process has ended. */
  end(): Promise<void>
  kill(): void
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>
}

/** What a line is made of and whom it tells. */
export interface LineDeps {
  /** The child's environment, whole. */
  readonly env: Readonly<Record<string, string>>
  readonly budgetMs: number
  readonly onOverrun: () => void
}

interface Open {
  readonly verb: Verb
  readonly resolve: (done: Verbs[Verb]['answer']) => void
  readonly reject: (cause: Error) => void
  timer: NodeJS.Timeout
  overdue: boolean
}

function forkChild(env: Readonly<Record<string, string>>): ChildProcess {
  // The same file is .ts in the repository and .js in the package; each starts its own kind.
  const file = new URL(`./child${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
  const child = fork(file, [], {
    env,
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  // The server's own work keeps it alive, not this: a call in flight has a timer that does until its budget is used.
  child.unref()
  child.channel?.unref()
  return child
}

function answered(open: Map<number, Open>, answer: Answer): Open | undefined {
  const call = open.get(answer.n)
  open.delete(answer.n)
  if (!call) return undefined
  clearTimeout(call.timer)
  if (call.overdue) return call
  if ('done' in answer) call.resolve(answer.done)
  else call.reject(new Faulted(answer.fault, answer.message))
  return undefined
}

/** Starts a child. */
export function startLine({ env, budgetMs, onOverrun }: LineDeps): Line {
  const child = forkChild(env)
  const open = new Map<number, Open>()
  let next = 0
  let whenDrained: (() => void) | undefined

  function overrun(call: Open, ms: number): void {
    call.overdue = true
    onOverrun()
    call.reject(new SignerUnavailable(`the token did not answer within ${ms} ms`))
    call.timer = setTimeout(() => child.kill('SIGKILL'), HUNG_BUDGETS * budgetMs).unref()
  }
  function ask<V extends Verb>(verb: V, content: Verbs[V]['ask'], ms: number): Promise<Verbs[V]['answer']> {
    return new Promise((resolve, reject) => {
      const n = next++
      // The child answers a verb with that verb's answer: both ends are this package.
      const settle = resolve as (done: Verbs[Verb]['answer']) => void
      const call: Open = {
        verb,
        resolve: settle,
        reject,
        overdue: false,
        timer: setTimeout(() => overrun(call, ms), ms),
      }
      open.set(n, call)
      const message = { n, until: Date.now() + ms, verb, ask: content } as Call
      // A line that is cut is told by the end of the child, which rejects all that is open.
      child.send(message, () => {})
    })
  }
  child.on('message', (answer: Answer) => {
    const late = answered(open, answer)
    if (open.size === 0) whenDrained?.()
    // Nobody knows of a key that came too late: it would lie in the token for ever.
    if (late?.verb === 'generate' && 'done' in answer && answer.done && 'id' in answer.done) {
      ask('destroy', { id: answer.done.id }, budgetMs).catch(() => {})
    }
  })
  const ended = new Promise<void>((done) => {
    const lost = () => {
      for (const call of open.values()) {
        clearTimeout(call.timer)
        if (!call.overdue)
          call.reject(new SignerUnavailable('the process that speaks to the token ended; it is started again'))
      }
      open.clear()
      whenDrained?.()
      done()
    }
    child.once('exit', lost)
    // One that could not be started at all never exits. Other errors (a message that was not sent) are followed by the exit.
    child.on('error', () => child.pid === undefined && lost())
  })
  const kill = () => {
    child.ref()
    child.kill('SIGKILL')
  }
  return {
    pid: child.pid,
    ask,
    ended,
    async end() {
      if (open.size > 0) {
        await new Promise<void>((done) => {
          whenDrained = done
        })
      }
      child.ref()
      ask('end', null, budgetMs).catch(kill)
      await ended
    },
    kill,
  }
}
