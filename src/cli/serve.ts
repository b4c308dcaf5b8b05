/** `serve`: start, print, drain. */

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { App, AppDeps } from '../app.ts'
import { stampOf, watchConfiguration } from '../config/index.ts'
import type { Logger } from '../telemetry/index.ts'
import { listenControl, socketPath } from './control.ts'
import { firstStart } from './first-start.ts'
import { configurationPath, isForPeople, openApp, readSetting, rereadOf, type Setting } from './open.ts'
import { drained, freePort, openPort } from './port.ts'
import { startWorkers } from './workers.ts'

/** The first administrator's link: to a terminal, else to a file that only its owner can read; never through the log. */
async function tellClaim(app: App, setting: Setting): Promise<void> {
  const link = await app.admin.claimLink()
  const file = join(setting.dataDir, 'administrator-link')
  rmSync(file, { force: true })
  if (!link) return
  const url = `${setting.issuer}${link}`
  if (process.stdout.isTTY) process.stdout.write(`\n  Claim the first administrator within 15 minutes:\n  ${url}\n`)
  else writeFileSync(file, `${url}\n`, { mode: 0o600, flag: 'wx' })
}

/** Has a changed configuration read again, once it is saved or at SIGHUP. A bad one is refused in words; the old one stands. */
function watched(
  app: Pick<App, 'reload'>,
  input: { readonly path: string; readonly since: string; readonly logger: Logger },
) {
  const failed = (cause: unknown): void =>
    isForPeople(cause)
      ? input.logger.error({ fault: cause.message }, 'the configuration is not taken; the one before stands')
      : input.logger.error({ err: cause }, 'the configuration could not be taken; the one before stands')
  const onChange = async (): Promise<void> => void (await app.reload())
  const hangUp = (): void => void onChange().catch(failed)
  process.on('SIGHUP', hangUp)
  const watch = watchConfiguration({ ...input, onChange, failed })
  return {
    async stop(): Promise<void> {
      // Not simply off: without a listener the signal would end a server that is draining.
      process.on('SIGHUP', () => {})
      process.off('SIGHUP', hangUp)
      await watch.stop()
    },
  }
}

/** Who answers at the port: this process, or its workers. */
interface Front {
  readonly reload: App['reload']
  stop(): Promise<void>
}

async function openFront(app: App, { env, environment, logger }: Setting, port: number): Promise<Front> {
  if (env.WORKERS === 1) {
    const server = await openPort(app, { port, host: env.HOST })
    return { reload: app.reload, stop: () => drained(server) }
  }
  const workers = await startWorkers({
    count: env.WORKERS,
    environment: { ...environment, PORT: String(port) },
    logger,
  })
  return {
    async reload() {
      // First here: a configuration that is refused reaches no worker.
      const reloaded = await app.reload()
      await workers.reload()
      return reloaded
    },
    stop: workers.stop,
  }
}

/** Serves until SIGTERM or SIGINT, then finishes what runs and closes the store. */
export async function serve(
  environment: Readonly<Record<string, string | undefined>>,
  more: Pick<AppDeps, 'pace'> = {},
): Promise<void> {
  const first = readSetting(environment)
  const port = first.env.PORT === 0 ? await freePort(first.env.HOST) : first.env.PORT
  const setting = readSetting(environment, { port })
  const path = configurationPath(setting)
  // Before it is read: what is saved while the server starts is seen at the first look.
  const since = stampOf(path)
  const app = await openApp(setting, { declares: true, reread: rereadOf(setting), ...more })
  const { logger } = setting
  try {
    const front = await openFront(app, setting, port)
    const node = { ...app, reload: front.reload }
    const control = await listenControl(node, setting.dataDir, (cause) =>
      logger.error({ err: cause }, 'a command failed'),
    )
    app.background.start()
    const watch = watched(node, { path, since, logger })
    // After the port is ours: secrets that are shown once must not be made for a start that fails.
    const lines = await firstStart(app, setting)
    await tellClaim(app, setting)
    process.stdout.write(`\n  Mintmark is open.\n\n${lines.join('\n')}\n\n`)
    await new Promise<void>((resolve) => {
      process.once('SIGTERM', resolve)
      process.once('SIGINT', resolve)
    })
    logger.info('draining')
    await watch.stop()
    control.close()
    rmSync(socketPath(setting.dataDir), { force: true })
    await front.stop()
    await app.background.stop()
  } finally {
    await app.close()
  }
}
