/** A server whose configuration is edited while it answers. */

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Store } from '../adapters/store.ts'
import { parseConfiguration } from '../src/config/index.ts'
import { post, text } from './support/browser.ts'
import { type Process, startProcess } from './support/process.ts'
import { furnish, OUTPUT, openWorld } from './support/world.ts'

const PACKAGE = resolve(import.meta.dirname, '../src/index.ts')
const SECRET = 'configured secret of a test'

interface File {
  readonly path: string
  /** `mode` from the first byte on: the server may look at any moment. */
  save(content: string, mode?: number): void
}

function file(): File {
  const path = join(mkdtempSync(join(OUTPUT, 'config-')), 'mintmark.config.ts')
  return {
    path,
    save(content, mode = 0o600) {
      const draft = `${path}.draft`
      writeFileSync(draft, content)
      chmodSync(draft, mode)
      renameSync(draft, path)
    },
  }
}

const configuration = (input: { readonly scopes: readonly string[]; readonly more?: string }): string =>
  `import { idle } from '${PACKAGE}'
export default {
  apis: [{ id: 'urn:test:live', scopes: ${JSON.stringify(input.scopes)} }],
  clients: [{ client_id: 'configured', client_secret: '${SECRET}', grant_types: ['client_credentials'], response_types: [], redirect_uris: [], scope: ${JSON.stringify(input.scopes.join(' '))} }],
  rotation: [idle('7d')],
  ${input.more ?? ''}
}\n`

function ask(server: Process, scope: string) {
  return post(server, '/token', { grant_type: 'client_credentials', scope }, ['configured', SECRET])
}

/** Whether a scope is given; one that nobody declares is refused. */
async function gives(server: Process, scope: string): Promise<boolean> {
  const { status, body } = await ask(server, scope)
  return status === 200 && body.scope === scope
}

/** Asks until the answer is what it should be; a server looks at its file once a second. */
async function soon(what: () => Promise<boolean>): Promise<void> {
  for (let n = 0; n < 100; n++) {
    if (await what()) return
    await new Promise((next) => setTimeout(next, 50))
  }
  throw new Error('it did not come to pass within five seconds')
}

describe('a configuration that is edited while the server runs', () => {
  const edited = file()
  let server: Process
  before(async () => {
    edited.save(configuration({ scopes: ['one'] }))
    server = await startProcess({ env: { CONFIG: edited.path } })
    server.keepSecret(SECRET)
  })
  after(() => server.kill())

  it('takes new scopes and changed clients without a restart', async () => {
    assert.equal(await gives(server, 'one'), true)
    assert.equal(await gives(server, 'two'), false)
    edited.save(configuration({ scopes: ['one', 'two'] }))
    await soon(() => gives(server, 'two'))
    assert.equal(await gives(server, 'one'), true)
  })

  it('takes a new algorithm of an API with its key', async () => {
    edited.save(
      configuration({ scopes: ['one', 'two'] }).replace(
        "id: 'urn:test:live'",
        "id: 'urn:test:live', algorithm: 'Ed25519'",
      ),
    )
    await soon(async () => {
      const [header = ''] = text(await ask(server, 'one'), 'access_token').split('.')
      return Buffer.from(header, 'base64url').toString().includes('Ed25519')
    })
  })

  it('refuses a bad file in words and goes on with the one before', async () => {
    const reload = () => server.command('config reload', {})
    edited.save('export default { apiz: [] }\n')
    await assert.rejects(reload(), /did you mean apis/)
    edited.save('export default { this is no module')
    await assert.rejects(reload(), /can't be loaded/)
    edited.save('throw new Error("no luck")')
    await assert.rejects(reload(), /no luck/)
    edited.save(
      configuration({
        scopes: ['one'],
        more: "features: { responseTypes: ['code id_token'] }, lifetimes: { sessionSeconds: -1 },",
      }),
    )
    await assert.rejects(reload(), /sessionSeconds/)
    rmSync(edited.path)
    await assert.rejects(reload(), /no such file/)
    assert.equal(await gives(server, 'two'), true)
  })

  it('refuses whole what could only fail later: a client that can not sign in, an algorithm that nobody makes keys for', async () => {
    const good = configuration({ scopes: ['one'] })
    for (const [from, to, sentence] of [
      ['scope: ', "token_endpoint_auth_method: 'client_secret_jwt', scope: ", /client_secret_jwt/],
      ['redirect_uris: []', "redirect_uris: ['https://app.example.test/cb?code=1']", /redirect URI/],
      ['redirect_uris: []', "redirect_uris: ['http://evil.example.test/cb']", /redirect URI/],
    ] as const) {
      edited.save(good.replace(from, to))
      await assert.rejects(server.command('config reload', {}), sentence)
    }
    assert.equal(await gives(server, 'two'), true)
  })

  it('refuses a file that others may write', async () => {
    edited.save(configuration({ scopes: ['one'] }), 0o666)
    await assert.rejects(server.command('config reload', {}), /others may write it/)
    assert.equal(await gives(server, 'two'), true)
  })

  it('says what is in force and what needs a restart', async () => {
    // The server's own look may come first and leave nothing to say: then the next edit is told.
    for (let seconds = 60; ; seconds++) {
      edited.save(
        configuration({
          scopes: ['one'],
          more: `branding: { name: 'Other' }, lifetimes: { idTokenSeconds: ${seconds} },`,
        }),
      )
      const said = await server.command('config reload', {})
      assert.deepEqual(said.needs_restart, ['branding'])
      if (Array.isArray(said.in_force) && said.in_force.includes('lifetimes')) break
      assert.ok(seconds < 65)
    }
    assert.equal(await gives(server, 'two'), false)
  })

  it('takes three edits one after the other, and the last one holds', async () => {
    for (const scopes of [['one'], ['one', 'three'], ['one', 'four']]) {
      edited.save(configuration({ scopes }))
      void server.command('config reload', {})
    }
    await soon(() => gives(server, 'four'))
    assert.equal(await gives(server, 'three'), false)
  })

  it('takes a client out of service when the file has it no more, and back', async () => {
    const without = configuration({ scopes: ['one'] }).replace(/ {2}clients: .*\n/, '')
    edited.save(without)
    await server.command('config reload', {})
    assert.equal((await ask(server, 'one')).status, 401)
    edited.save(configuration({ scopes: ['one'] }))
    await server.command('config reload', {})
    assert.equal((await ask(server, 'one')).status, 200)
  })
})

describe('a request in flight', () => {
  it('finishes on the provider that it began with, whatever is swapped meanwhile', async () => {
    let hold: (() => void) | undefined
    let reached: (() => void) | undefined
    const wrap = (inner: Store): Store =>
      new Proxy(inner, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name)
          if (name !== 'commit' || typeof value !== 'function') return value
          return async (...given: readonly unknown[]) => {
            if (reached) {
              reached()
              reached = undefined
              await new Promise<void>((go) => {
                hold = go
              })
            }
            return Reflect.apply(value, target, given)
          }
        },
      })
    const world = await openWorld('sqlite', {}, wrap)
    const has = await furnish(world)
    const look = { grant_type: 'client_credentials', scope: 'look' }
    const began = new Promise<void>((at) => {
      reached = at
    })
    const answer = post(world, '/token', look, ['service', has.service])
    await began
    world.app.oidc.swap(parseConfiguration({ lifetimes: { accessTokenSeconds: 5 } }))
    const after = await post(world, '/token', look, ['service', has.service])
    hold?.()
    assert.equal((await answer).body.expires_in, 3600, 'as the old configuration says')
    assert.equal(after.body.expires_in, 5, 'as the new one says')
    await world.close()
  })
})
