/** Five turns of the signing keys under load, on one node and on three that share a MongoDB: nobody notices. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Seen } from '../support/clocked-load.ts'
import { freshMongoUri } from '../support/mongo.ts'
import { type Process, startProcess } from '../support/process.ts'
import { OUTPUT } from '../support/world.ts'

const TURNS = 5
/** Seconds of the test's clock that pass in a tenth of a second, and how much faster the keys' timers run. */
const STEP_SECONDS = 30
const STEP_MS = 100
const PACE = 100
const API = 'urn:test:turning'

const support = (name: string): string => resolve(import.meta.dirname, '../support', name)

/** Moves the clock of every process until `done`, in steps. */
async function run(processes: readonly ChildProcess[], done: () => Promise<boolean>): Promise<void> {
  for (let ahead = 0; ; ahead += STEP_SECONDS * 1000) {
    for (const one of processes) one.send({ ahead })
    await new Promise((next) => setTimeout(next, STEP_MS))
    if (await done()) return
  }
}

function ask(load: ChildProcess, word: 'say' | 'stop'): Promise<Seen> {
  return new Promise((said) => {
    load.once('message', (message) => said(message as Seen))
    load.send(word)
  })
}

/** Keys whose time is always up: each turns the moment it has been published long enough, so nothing but that wait protects verifiers. */
function configured(): string {
  const file = join(mkdtempSync(join(OUTPUT, 'config-')), 'mintmark.config.ts')
  writeFileSync(
    file,
    `export default {
  apis: [{ id: '${API}', scopes: ['read'], lifetimeSeconds: 900 }],
  keys: { publishSeconds: 1800, rotateAfterSeconds: 60, algorithms: ['ES256', 'EdDSA'] },
}\n`,
    { mode: 0o600 },
  )
  return file
}

async function nodes(count: number): Promise<readonly Process[]> {
  const shared = count > 1 ? { DATABASE_URL: await freshMongoUri() } : {}
  const env = {
    ...shared,
    CONFIG: configured(),
    PACE: String(PACE),
    MASTER_KEY: Buffer.alloc(32, 9).toString('base64'),
  }
  const command = [process.execPath, support('clocked-server.ts')]
  const first = await startProcess({ env, command, ipc: true })
  const rest = []
  for (let n = 1; n < count; n++)
    rest.push(await startProcess({ env: { ...env, ISSUER: first.issuer }, command, ipc: true }))
  return [first, ...rest]
}

async function turnsUnderLoad(count: number): Promise<Seen> {
  const servers = await nodes(count)
  const [first] = servers
  if (!first) throw new Error('no server')
  const made = await first.command('client create', { id: 'load', grant: ['client_credentials'], scope: ['read'] })
  first.keepSecret(String(made.client_secret))
  const order = {
    nodes: servers.map(({ address }) => address),
    issuer: first.issuer,
    client: ['load', made.client_secret],
  }
  const { PATH = '' } = process.env
  const load = spawn(process.execPath, [support('clocked-load.ts')], {
    env: { PATH, ORDER: JSON.stringify(order) },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  try {
    const all = [...servers.map(({ child }) => child), load]
    let checked = Date.now()
    await run(all, async () => {
      if (Date.now() - checked < 500) return false
      checked = Date.now()
      return (await ask(load, 'say')).kids.length > TURNS
    })
    const seen = await ask(load, 'stop')
    for (const server of servers) assert.equal(await server.stop(), 0)
    return seen
  } finally {
    load.kill('SIGKILL')
    await Promise.all(servers.map((server) => server.kill()))
  }
}

describe('five turns of the signing keys under load', () => {
  for (const count of [1, 3]) {
    it(`fail no request and no verification on ${count === 1 ? 'one node' : 'three nodes that share a MongoDB'}`, async function () {
      this.timeout(120_000)
      const { requests, verifications, failures, kids } = await turnsUnderLoad(count)
      console.log(
        `${count} node(s): ${requests} requests, ${verifications} verifications, ${kids.length - 1} turns, ${failures.length} failures`,
      )
      assert.deepEqual(failures, [])
      assert.ok(kids.length > TURNS)
      assert.ok(requests > 500 && verifications > 1000, `${requests} requests, ${verifications} verifications`)
    })
  }
})
