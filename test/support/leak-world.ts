/** A whole server to which leaks are reported, with its log in the test's hands. */

import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import type { TokenOrder } from '../../src/api-tokens/index.ts'
import type { Unit } from '../../src/base/index.ts'
import type { ConfigurationInput } from '../../src/config/index.ts'
import { createLogger } from '../../src/telemetry/index.ts'
import { Browser, codeFor, isActive, redeem, refresh, text } from './browser.ts'
import { type Furniture, furnish, openWorld, type StoreKind, type World } from './world.ts'

type Line = Readonly<Record<string, unknown>>

/** A log: what was written, and a promise of what will be. */
export function openLog() {
  const lines: Line[] = []
  const waiting: ((line: Line) => void)[] = []
  const destination = {
    write(written: string) {
      const line: Line = JSON.parse(written)
      lines.push(line)
      for (const hear of waiting) hear(line)
    },
  }
  return {
    logger: createLogger({ level: 'info', destination }),
    lines,
    said: (msg: string): readonly Line[] => lines.filter((line) => line.msg === msg),
    /** The next line with these words. */
    next: (msg: string): Promise<Line> =>
      new Promise((resolve) => {
        waiting.push((line) => {
          if (line.msg === msg) resolve(line)
        })
      }),
  }
}

/** Reports to a server, unsigned and as GitHub signs them, and has them worked off. */
function reporters(world: World, key: ReturnType<typeof generateKeyPairSync>['privateKey']) {
  return {
    async report(...tokens: readonly unknown[]): Promise<void> {
      const answer = await fetch(new URL('/leaks/revoke', world.issuer), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ tokens }),
      })
      assert.equal(answer.status, 202)
      await world.app.leaks.work()
    },
    /** How the text is labelled. */
    async reportSigned(token: string): Promise<unknown> {
      const body = JSON.stringify([{ token, type: 'x', url: '', source: '' }])
      const answer = await fetch(new URL('/leaks/github', world.issuer), {
        method: 'POST',
        headers: {
          'Github-Public-Key-Identifier': 'one',
          'Github-Public-Key-Signature': sign('sha256', Buffer.from(body), key).toString('base64'),
        },
        body,
      })
      const [entry] = JSON.parse(await answer.text())
      await world.app.leaks.work()
      return entry.label
    },
  }
}

/** What stands in the server: tokens, and a person who has signed in. */
function holders(world: World, has: Furniture) {
  const { tokens, work } = world.app
  const inUnit = async <T>(run: (unit: Unit) => Promise<T>): Promise<T> => {
    const unit = work.unit()
    const done = await run(unit)
    await work.commit(unit)
    return done
  }
  const order = (): TokenOrder => ({
    name: 'nightly',
    kind: 'personal',
    owner: { type: 'account', id: has.person.sub },
    scopes: ['read'],
    apis: ['urn:test:api'],
  })
  return {
    inUnit,
    order,
    async made(more: Partial<TokenOrder> = {}) {
      const { text: secret, shown } = await inUnit((unit) => tokens.create(unit, { ...order(), ...more }, 'test'))
      world.keepSecret(secret.reveal())
      return { text: secret.reveal(), id: shown.id }
    },
    stateOf: async (id: string) => (await tokens.show(id)).state,
    async signedIn(more: Readonly<Record<string, string>> = {}) {
      const answer = await redeem(world, has.web, await codeFor(world, new Browser(world), more))
      return { access: text(answer, 'access_token'), refresh: text(answer, 'refresh_token') }
    },
    refreshes: async (token: string) => (await refresh(world, has.web, token)).status === 200,
    active: (token: string) => isActive(world, has.web, token),
  }
}

/** Opens it. */
export async function openLeakWorld(kind: StoreKind, configuration: ConfigurationInput = {}) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keys = { one: publicKey.export({ type: 'spki', format: 'pem' }).toString() }
  const log = openLog()
  const world = await openWorld(kind, { leaks: { github: { keys } }, ...configuration }, undefined, log)
  const has = await furnish(world)
  return {
    world,
    has,
    log,
    service: ['service', has.service] as const,
    ...reporters(world, privateKey),
    ...holders(world, has),
    close: () => world.close(),
  }
}

export type LeakWorld = Awaited<ReturnType<typeof openLeakWorld>>
