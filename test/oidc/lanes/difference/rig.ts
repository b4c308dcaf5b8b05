/** Two servers over one store that differ in nothing but the lanes, with what the suite sees of each beside its answers. */

import type { Server } from 'node:http'
import { resolve } from 'node:path'
import { type App, collections, createApp, listen } from '../../../../src/app.ts'
import { type ConfigurationInput, parseConfiguration } from '../../../../src/config/index.ts'
import { createSoftwareSigners } from '../../../../src/keys/index.ts'
import { fixedMasters } from '../../../../src/seal/index.ts'
import { createLogger } from '../../../../src/telemetry/index.ts'
import { MemoryStore } from '../../../adapters/memory-store.ts'
import { masterOf } from '../../../support/world.ts'
import { Chance } from './chance.ts'
import { type Held, Ledger } from './ledger.ts'
import { type LaneSpy, spyOn } from './spy.ts'
import { clock } from './time.ts'
import { Wires } from './wire.ts'

/** One of the two servers. */
export interface Side {
  readonly name: 'lanes' | 'library'
  readonly app: App
  readonly ledger: Ledger
  readonly wires: Wires
  readonly spy: LaneSpy
  /** How often its policies were asked. */
  readonly asked: { times: number }
  readonly server: Server
}

/** Both, and what they share. */
export interface Rig {
  readonly held: Held
  readonly issuer: string
  readonly lanes: Side
  readonly library: Side
  close(): Promise<void>
}

/** How the deployment is set up; its policies call `asked`. */
export interface Deployment {
  readonly configuration: (asked: () => void) => ConfigurationInput
  readonly proxies: number
}

/** Cheap: who signs in is no matter here. */
const hasher = {
  hash: async (password: string) => `plain ${password}`,
  verify: async (stored: string, password: string) => stored === `plain ${password}`,
}

type Handler = App['handler']

async function sideOf(
  name: Side['name'],
  deployment: Deployment,
  input: { readonly held: Held; readonly seed: string; readonly at: { now: Handler }; readonly issuer: string },
): Promise<Omit<Side, 'server' | 'wires'>> {
  const asked = { times: 0 }
  const ledger = new Ledger(input.held)
  const configuration = parseConfiguration(deployment.configuration(() => void asked.times++))
  const app = await createApp({
    store: ledger.store,
    clock,
    issuer: input.issuer,
    random: new Chance(input.seed, name).random(),
    masters: fixedMasters(masterOf(7)),
    signers: [createSoftwareSigners()],
    configuration,
    demoUsable: true,
    proxies: deployment.proxies,
    viewsDirectory: resolve(import.meta.dirname, '../../../../views'),
    logger: createLogger({ level: 'silent' }),
    hasher,
    lanes: name === 'lanes',
  })
  input.at.now = app.handler
  return { name, app, ledger, asked, spy: spyOn(app) }
}

/** Opens both. The issuer is the library's address, so that people can sign in there. */
export async function openRig(deployment: Deployment, seed: string): Promise<Rig> {
  const held: Held = { now: new MemoryStore(collections) }
  const at = { lanes: { now: (() => {}) as Handler }, library: { now: (() => {}) as Handler } }
  const open = (name: Side['name']): Promise<Server> =>
    listen((req, res) => at[name].now(req, res), { port: 0, host: '127.0.0.1' })
  const servers = { library: await open('library'), lanes: await open('lanes') }
  const address = servers.library.address()
  const issuer = `http://localhost:${typeof address === 'object' && address ? address.port : 0}`
  const side = async (name: Side['name']): Promise<Side> => {
    const made = await sideOf(name, deployment, { held, seed, at: at[name], issuer })
    return { ...made, server: servers[name], wires: new Wires(servers[name]) }
  }
  const library = await side('library')
  const lanes = await side('lanes')
  return {
    held,
    issuer,
    lanes,
    library,
    async close() {
      for (const { app, wires, server } of [lanes, library]) {
        wires.close()
        server.close()
        server.closeAllConnections()
        await app.close()
      }
    },
  }
}
