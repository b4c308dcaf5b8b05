/** The app as tests make it, over any store. Knows no store of its own, so that a process which only serves loads no more than it uses. */

import { createSecretKey } from 'node:crypto'
import { createWriteStream, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Store } from '../../adapters/store.ts'
import { createHasher } from '../../src/accounts/index.ts'
import { type AppDeps, createApp } from '../../src/app.ts'
import { type Clock, systemRandom } from '../../src/base/index.ts'
import { type ConfigurationInput, parseConfiguration } from '../../src/config/index.ts'
import { createSoftwareSigners } from '../../src/keys/index.ts'
import { fixedMasters, softwareMaster } from '../../src/seal/index.ts'
import { createLogger } from '../../src/telemetry/index.ts'

/** Everything that the suite writes to disk: stores, logs, screenshots. Searched for secrets at the end. */
export const OUTPUT = resolve(import.meta.dirname, '../../test-output')

mkdirSync(join(OUTPUT, 'stores'), { recursive: true })
mkdirSync(join(OUTPUT, 'logs'), { recursive: true })

/** A master key of 32 equal bytes. */
export const masterOf = (byte: number) => softwareMaster(createSecretKey(Buffer.alloc(32, byte)))

/** The app of a test over a store. What it prints goes into a file of the suite's logs; `printed` resolves when all of it stands there. */
export async function appOver(
  store: Store,
  input: {
    readonly issuer: string
    readonly clock: Clock
    readonly configuration?: ConfigurationInput
    /** Name of the log. */
    readonly log: string
  },
  more: Partial<Pick<AppDeps, 'signers' | 'masters' | 'proxies'>> = {},
) {
  const log = createWriteStream(join(OUTPUT, 'logs', `${input.log}.log`), { flags: 'a' })
  const configuration = parseConfiguration({
    outbound: { allow: ['127.0.0.0/8', '::1/128'] },
    ...input.configuration,
  })
  const app = await createApp({
    store,
    clock: input.clock,
    issuer: input.issuer,
    random: systemRandom,
    masters: fixedMasters(masterOf(7)),
    signers: [createSoftwareSigners()],
    configuration,
    demoUsable: true,
    proxies: 0,
    viewsDirectory: process.env.MM_VIEWS ?? resolve(import.meta.dirname, '../../views'),
    logger: createLogger({ level: 'trace', destination: log }),
    hasher: createHasher(),
    ...more,
  })
  await app.clients.declare(configuration.clients)
  return { app, printed: (): Promise<void> => new Promise((done) => log.end(done)) }
}
