/** Opens what a process works on: environment, configuration, store, keys, the app. Used by `serve` and by commands with no server beside them. */

import { existsSync, mkdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openMongoStore } from '../../adapters/mongo/index.ts'
import { openSqliteStore } from '../../adapters/sqlite/index.ts'
import { openSharedSqliteStore } from '../../adapters/sqlite/shared.ts'
import { type Store, StoreUnusable } from '../../adapters/store.ts'
import { createHasher } from '../accounts/index.ts'
import { type App, type AppDeps, collections, createApp } from '../app.ts'
import { isLoopback, systemClock, systemRandom } from '../base/index.ts'
import {
  BadConfiguration,
  type Configuration,
  type Environment,
  loadConfiguration,
  parseEnvironment,
  readFresh,
} from '../config/index.ts'
import { policyOf } from '../rotation/index.ts'
import { sealKeys } from '../seal/index.ts'
import { createLogger, type Logger } from '../telemetry/index.ts'
import { ensureMaster, masterSource } from './master-key.ts'
import { hardwareMasters, openToken, signersOf } from './signers.ts'

/** What is known before anything is opened. */
export interface Setting {
  readonly env: Environment
  /** The variables themselves, for what a vendor's module reads of them. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly issuer: string
  readonly demoUsable: boolean
  readonly dataDir: string
  readonly logger: Logger
}

/** Reads the environment. Throws `BadConfiguration`. */
export function readSetting(
  environment: Readonly<Record<string, string | undefined>>,
  input: { readonly port?: number; readonly quiet?: boolean } = {},
): Setting {
  const env = parseEnvironment(environment)
  const issuer = (env.ISSUER ?? `http://localhost:${input.port ?? env.PORT}`).replace(/\/$/, '')
  const url = new URL(issuer)
  if (url.pathname !== '/')
    throw new BadConfiguration('ISSUER: must have no path; give Mintmark a host name of its own')
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    throw new BadConfiguration('ISSUER: must be https outside loopback (RFC 8414, 2)')
  const demoUsable = isLoopback(url.hostname) && isLoopback(env.HOST)
  return {
    env,
    environment,
    issuer,
    demoUsable,
    dataDir: resolve(env.DATA_DIR),
    logger: createLogger({ level: input.quiet ? 'silent' : env.LOG_LEVEL }),
  }
}

/** Makes DATA_DIR (0700), or refuses one that others may enter. */
export function prepareDataDir(dataDir: string): void {
  // The store's own journals come and go; none of them may ever be another user's to read.
  process.umask(0o077)
  if (!existsSync(dataDir)) mkdirSync(dataDir, { mode: 0o700, recursive: true })
  const stats = statSync(dataDir)
  if (!stats.isDirectory()) throw new BadConfiguration(`${dataDir}: is not a folder (DATA_DIR)`)
  if (stats.mode & 0o077)
    throw new BadConfiguration(`${dataDir}: others may enter it; take that right away (chmod 700)`)
}

/** Where the workers of this machine reach the writer of the embedded store. */
const writerSocket = (dataDir: string): string => join(dataDir, 'writer.sock')

/**
 * Opens the store that DATABASE_URL names. The embedded one may be shared: by the primary, which owns it and listens for its
 * workers (`shares`), and by a worker, which says what it does when the primary is gone (`onLost`). Throws `StoreUnusable`.
 */
export async function openStore(
  { env, dataDir }: Setting,
  { shares, onLost }: { readonly shares: boolean; readonly onLost?: (() => void) | undefined },
): Promise<Store> {
  const url = env.DATABASE_URL ?? `sqlite:${join(dataDir, 'mintmark.db')}`
  if (!url.startsWith('sqlite:')) return openMongoStore({ uri: url, collections })
  const embedded = { file: resolve(url.slice('sqlite:'.length)), collections }
  if (onLost) return openSharedSqliteStore({ ...embedded, socket: writerSocket(dataDir), onLost })
  return openSqliteStore({ ...embedded, socket: shares ? writerSocket(dataDir) : undefined })
}

/** Where the configuration's module is, or would be. */
export const configurationPath = ({ env }: Pick<Setting, 'env'>): string => resolve(env.CONFIG ?? 'mintmark.config.ts')

/** How a server reads its configuration again. */
export const rereadOf = (setting: Setting): NonNullable<AppDeps['reread']> => {
  const [path, uid] = [configurationPath(setting), process.getuid?.()]
  return (previous) => readFresh(path, { uid, revive: policyOf, previous })
}

/** The configuration module: CONFIG, or `mintmark.config.ts` in the working folder when it is there. */
export async function openConfiguration(setting: Setting): Promise<Configuration> {
  const { env } = setting
  return loadConfiguration(configurationPath(setting), { optional: env.CONFIG === undefined, uid: process.getuid?.() })
}

/**
 * Opens everything. The caller closes the store when it is done. Only a server brings the configuration's clients into the store
 * (`declares`): a command that is run in another folder has another configuration, and would disable them all. A worker says what
 * it does when its primary's writer is gone (`onLost`), and leaves to the primary what one process does for all.
 */
export async function openApp(
  setting: Setting,
  input: { readonly declares: boolean; readonly onLost?: () => void } & Pick<AppDeps, 'pace' | 'reread'>,
): Promise<App> {
  prepareDataDir(setting.dataDir)
  const { env, issuer, demoUsable, logger } = setting
  const configuration = await openConfiguration(setting)
  const token = await openToken(setting)
  const signers = signersOf(setting, configuration, token)
  const hardware = hardwareMasters(token)
  const where = { issuer: new URL(issuer), random: systemRandom, ...(hardware ? { hardware } : {}) }
  let store: Store | undefined
  try {
    const masters = await masterSource(env, where)
    store = await openStore(setting, { shares: input.declares && env.WORKERS > 1, onLost: input.onLost })
    const opened = store
    // The store first: a missing key file must not be made anew over keys that an old one wraps.
    await ensureMaster(masters, async () => (await opened.scan(sealKeys.name, { limit: 1 })).length > 0)
    const app = await createApp({
      store,
      masters,
      signers,
      configuration,
      issuer,
      demoUsable,
      lanes: env.LANES,
      logger,
      hasher: createHasher(),
      ...(input.pace === undefined ? {} : { pace: input.pace }),
      led: input.onLost !== undefined,
      ...(input.reread ? { reread: input.reread } : {}),
      readAt: (path) => readFresh(path, { uid: process.getuid?.(), revive: policyOf }),
      clock: systemClock,
      random: systemRandom,
      proxies: Number(env.TRUST_PROXY),
      viewsDirectory: viewsDirectory(),
    })
    if (input.declares) await app.clients.declare(configuration.clients)
    return app
  } catch (cause) {
    await Promise.all(signers.map((one) => one.close()))
    await store?.close()
    throw cause
  }
}

/** The views lie beside `src` in the repository, and beside `dist` in the package. */
function viewsDirectory(): string {
  const near = fileURLToPath(new URL('../../views', import.meta.url))
  return existsSync(near) ? near : fileURLToPath(new URL('../../../views', import.meta.url))
}

/** Whether an error is one that a person can mend from its message alone. */
export function isForPeople(cause: unknown): cause is Error {
  return (
    cause instanceof BadConfiguration ||
    cause instanceof StoreUnusable ||
    (cause instanceof Error &&
      [
        'WrongMasterKey',
        'KeyringUnusable',
        'SignerUnavailable',
        'Pkcs11Misconfigured',
        'Refusal',
        'UsageError',
      ].includes(cause.name))
  )
}
