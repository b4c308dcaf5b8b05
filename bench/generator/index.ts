/** The load generator: a process of its own on a core of its own, which plays a work against a port. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { boundTo, type Cores } from '../machine.ts'
import { isReply, type Loaded, type LoadOrder } from './protocol.ts'

export type { Loaded, LoadOrder } from './protocol.ts'

/** A generator that runs. */
export interface Generator {
  /** Plays one order. Rejects at the first answer that is not right. */
  load(order: LoadOrder): Promise<Loaded>
  stop(): Promise<void>
}

/** Starts it. */
export function startGenerator(cores: Cores | undefined): Generator {
  const entry = join(import.meta.dirname, 'process.ts')
  const [program, ...args] = boundTo(cores?.generator, [process.execPath, entry])
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' })
  const ended = once(child, 'exit')
  return {
    async load(order) {
      const answered = once(child, 'message').then(([message]): unknown => message)
      child.send(order)
      const reply: unknown = await Promise.race([
        answered,
        ended.then(([code]) => {
          throw new Error(`the generator ended with ${code}`)
        }),
      ])
      if (!isReply(reply)) throw new Error('the generator said something else')
      if ('failed' in reply) throw new Error(`${order.work}: ${reply.failed}`)
      return reply.loaded
    },
    async stop() {
      if (child.exitCode !== null) return
      child.disconnect()
      await ended
    },
  }
}
