/**
 * One of several processes behind one port: what WORKERS starts. It serves as `serve` does, over the primary's writer, and leaves
 * to the primary what one process does for all. It ends with the primary: at its word, or at once when the primary is gone.
 */

import type { App } from '../app.ts'
import { isForPeople, openApp, readSetting, rereadOf } from './open.ts'
import { drained, openPort } from './port.ts'
import { order, type Saying } from './workers.ts'

/** Resolves when it is on its way; whether the primary is there to hear it shows by itself. */
const say = (saying: Saying): Promise<void> =>
  new Promise((resolve) => {
    if (process.connected) process.send?.(saying, undefined, undefined, () => resolve())
    else resolve()
  })

async function open(): Promise<{ readonly app: App; readonly close: () => Promise<void> }> {
  const read = readSetting(process.env)
  const setting = { ...read, logger: read.logger.child({ worker: process.pid }) }
  const onLost = (): void => {
    setting.logger.fatal('the primary is gone')
    // At once: what is in flight can't be committed, and whoever asks must get to a server that can.
    process.exit(1)
  }
  const app = await openApp(setting, { declares: false, reread: rereadOf(setting), onLost })
  try {
    const server = await openPort(app, { port: setting.env.PORT, host: setting.env.HOST })
    app.background.start()
    return {
      app,
      async close() {
        await drained(server)
        await app.background.stop()
        await app.close()
      },
    }
  } catch (cause) {
    await app.close()
    throw cause
  }
}

async function reload(opened: Promise<{ readonly app: App }>): Promise<void> {
  const fault = await opened
    .then(({ app }) => app.reload())
    .then(
      () => undefined,
      (cause: unknown) => (cause instanceof Error ? cause.message : String(cause)),
    )
  await say({ is: 'taken', ...(fault === undefined ? {} : { fault }) })
}

async function work(): Promise<void> {
  const opened = open()
  const ended = new Promise<void>((resolve) => {
    // A signal to the whole group of processes (Ctrl-C, systemd) reaches a worker before the primary's word does.
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
    process.on('message', (message) => {
      const told = order.safeParse(message).data
      if (told?.do === 'drain') resolve()
      else if (told?.do === 'reload') void reload(opened)
    })
  })
  const { close } = await opened
  await say({ is: 'ready' })
  await ended
  await close()
}

// The same signal again, or SIGHUP, which is the primary's to hear, must not end one that drains.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
try {
  await work()
} catch (cause) {
  if (!isForPeople(cause)) throw cause
  await say({ is: 'refused', why: cause.message })
}
// With the channel goes the last thing that keeps the process; node:cluster ends it where it does not end by itself.
if (process.connected) process.disconnect()
