/** Where histories are played: an app on a real port over a real store, put back to the same beginning each time, reopened after a crash. */

import { createSecretKey } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { openMongoStore } from '../../../adapters/mongo/index.ts'
import { openSqliteStore } from '../../../adapters/sqlite/index.ts'
import type { Store } from '../../../adapters/store.ts'
import { createHasher } from '../../../src/accounts/index.ts'
import { type App, collections, createApp } from '../../../src/app.ts'
import { type Clock, systemRandom } from '../../../src/base/index.ts'
import { parseConfiguration } from '../../../src/config/index.ts'
import { createSoftwareSigners } from '../../../src/keys/index.ts'
import { fixedMasters, softwareMaster } from '../../../src/seal/index.ts'
import { createLogger } from '../../../src/telemetry/index.ts'
import { Browser, codeFor, redeem, type Served, text } from '../../support/browser.ts'
import { CANARY, REDIRECT } from '../../support/world.ts'
import { Desk } from './desk.ts'
import { mongoRecorder, type Recorder, sqliteRecorder } from './recorder.ts'

/** A clock that a history moves forward and the next one finds where it was. */
export class StageClock implements Clock {
  ahead = 0
  now(): number {
    return Date.now() + this.ahead
  }
}

/** What every history begins with: one family with a token, and a code for a second one of the same Grant. */
export interface Beginning {
  readonly refreshToken: string
  readonly accessToken: string
  readonly code: { readonly code: string; readonly verifier: string }
  readonly browser: Browser
  readonly at: number
}

const CODE_SECONDS = 600
/** A beginning is made anew before its code runs out. */
const FRESH_MS = (CODE_SECONDS - 120) * 1000

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

/** The stage. */
export class Stage implements Served {
  readonly desk = new Desk()
  readonly clock = new StageClock()
  /** What the one policy says; a history flips it. */
  policy: 'rotate' | 'keep' = 'rotate'
  agent = new Agent({ keepAlive: true })
  readonly issuer: string
  readonly secret: string
  app: App
  beginning: Beginning
  readonly #open: () => Promise<Store>
  readonly #server: Server
  readonly #recorder: Recorder
  readonly #handle: { now: Handler }
  #store: Store
  #crashes = 0
  #signers = createSoftwareSigners()

  private constructor(input: {
    readonly issuer: string
    readonly open: () => Promise<Store>
    readonly server: Server
    readonly recorder: Recorder
    readonly handle: { now: Handler }
    readonly store: Store
  }) {
    this.issuer = input.issuer
    this.#open = input.open
    this.#server = input.server
    this.#recorder = input.recorder
    this.#handle = input.handle
    this.#store = input.store
    // Set by `make` before anyone sees the stage.
    this.app = undefined as unknown as App
    this.beginning = undefined as unknown as Beginning
    this.secret = 'a client secret of the fault suite'
  }

  keepSecret(): void {}

  /** Makes a stage over a store of its own. `uri`: MongoDB. */
  static async make(input: { readonly uri?: string | undefined }): Promise<Stage> {
    const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'mintmark-faults-'))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, 'mintmark.db')
    const { uri } = input
    const open = uri ? () => openMongoStore({ uri, collections }) : () => openSqliteStore({ file, collections })
    const handle: { now: Handler } = { now: () => {} }
    const server = createServer((req, res) => handle.now(req, res))
    const port = await new Promise<number>((done) =>
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        done(typeof address === 'object' && address ? address.port : 0)
      }),
    )
    const store = await open()
    const recorder = uri ? await mongoRecorder(uri) : sqliteRecorder(file)
    const stage = new Stage({ issuer: `http://localhost:${port}`, open, server, recorder, handle, store })
    stage.app = await stage.#build()
    await stage.app.accounts.create({ loginName: CANARY.login, password: CANARY.password })
    await stage.#begin()
    return stage
  }

  async #build(): Promise<App> {
    // A process that dies takes its threads along; an object that is dropped does not.
    await this.#signers.close()
    this.#signers = createSoftwareSigners()
    const configuration = parseConfiguration({
      lifetimes: { authorizationCodeSeconds: CODE_SECONDS },
      rotation: [() => ({ do: this.policy, why: 'the history says so' })],
      clients: [
        {
          client_id: 'web',
          client_secret: this.secret,
          grant_types: ['authorization_code', 'refresh_token'],
          redirect_uris: [REDIRECT],
          scope: 'openid offline_access',
        },
      ],
    })
    const app = await createApp({
      store: this.desk.wrap(this.#store),
      clock: this.clock,
      issuer: this.issuer,
      random: systemRandom,
      masters: fixedMasters(softwareMaster(createSecretKey(Buffer.alloc(32, 7)))),
      signers: [this.#signers],
      configuration,
      demoUsable: true,
      proxies: 0,
      viewsDirectory: resolve(import.meta.dirname, '../../../views'),
      logger: createLogger({ level: 'silent' }),
      hasher: createHasher(),
    })
    await app.clients.declare(configuration.clients)
    const answer = app.handler
    this.#handle.now = (req, res) => {
      const rival = req.headers['x-rival']
      return rival === undefined ? answer(req, res) : this.desk.whoAsks.run(Number(rival), () => answer(req, res))
    }
    return app
  }

  async #begin(): Promise<void> {
    await this.#recorder.clear()
    const browser = new Browser(this)
    const asked = { scope: 'openid offline_access' }
    const first = await redeem(this, this.secret, await codeFor(this, browser, asked))
    const code = await codeFor(this, browser, asked)
    this.beginning = {
      refreshToken: text(first, 'refresh_token'),
      accessToken: text(first, 'access_token'),
      code,
      browser,
      at: Date.now(),
    }
    await this.#recorder.record()
  }

  /** Puts the store back to the beginning. */
  async reset(): Promise<void> {
    this.clock.ahead = 0
    this.policy = 'rotate'
    if (Date.now() - this.beginning.at > FRESH_MS) await this.#recorder.restore().then(() => this.#begin())
    else await this.#recorder.restore()
  }

  /**
   * The process died: connections are cut and its objects dropped; a new app starts on what is stored. Every eighth time the
   * store's own files and threads are opened afresh too, which takes as long as twenty histories.
   */
  async reopen(): Promise<void> {
    // The callers' connections first: one that is cut under a question of the invariants would look like a fault.
    this.agent.destroy()
    this.agent = new Agent({ keepAlive: true })
    this.#server.closeAllConnections()
    if (this.#crashes++ % 8 === 0) {
      await this.#store.close()
      this.#store = await this.#open()
    }
    this.app = await this.#build()
  }

  /** Events that are in the outbox, opened. */
  get store(): Store {
    return this.#store
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await this.#recorder.close()
    await this.#signers.close()
    await this.#store.close()
  }
}
