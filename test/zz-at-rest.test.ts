/** After the whole suite (the name sorts last): nothing at rest and no log opens anything. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { Browser, codeFor, post, redeem, refresh, text } from './support/browser.ts'
import { usedMongoUris } from './support/mongo.ts'
import { dumpOf, filesUnder, searchFor } from './support/search.ts'
import { allSecrets, CANARY, furnish, OUTPUT, openWorld, STORES, type World } from './support/world.ts'

describe('at rest, after everything', () => {
  const worlds: World[] = []
  let find: ReturnType<typeof searchFor>
  before(async () => {
    for (const kind of STORES) {
      const world = await openWorld(kind)
      worlds.push(world)
      const has = await furnish(world)
      const first = await redeem(world, has.web, await codeFor(world, new Browser(world), { login_hint: CANARY.email }))
      await refresh(world, has.web, text(first, 'refresh_token'))
      await post(world, '/token', { grant_type: 'client_credentials', scope: 'look' }, ['service', has.service])
      await post(world, '/device/auth', { scope: 'openid' }, ['web', has.web])
      const unredeemed = await codeFor(world, new Browser(world))
      world.keepSecret(unredeemed.code)
      await world.app.relay.drain()
    }
    find = searchFor(secrets())
  })
  after(async () => {
    for (const world of worlds) await world.close()
  })

  const secrets = (): readonly string[] => [
    ...new Set([...allSecrets, CANARY.email, CANARY.login, CANARY.name, CANARY.password]),
  ]

  it('has enough secrets to look for, and finds one that is planted', () => {
    assert.ok(secrets().length > 40, `${secrets().length} secrets`)
    assert.equal(searchFor([CANARY.email])(Buffer.from(`x${CANARY.email}x`), 'planted').length, 1)
    assert.ok(find(Buffer.from(`..${Buffer.from(CANARY.email).toString('hex')}`), 'planted as hexadecimal').length > 0)
    assert.equal(find(Buffer.from('nothing of the kind'), 'clean').length, 0)
  })

  it('finds no token, code, secret, session id, user code or e-mail address in the SQLite files and their WAL', () => {
    const files = filesUnder(join(OUTPUT, 'stores'), (name) => /\.db(-wal|-shm)?$/.test(name))
    assert.ok(
      files.some(([name, bytes]) => name.endsWith('-wal') && bytes.length > 0),
      'a WAL is among them',
    )
    assert.ok(files.some(([, bytes]) => bytes.length > 50_000))
    assert.deepEqual(
      files.flatMap(([name, bytes]) => find(bytes, name)),
      [],
    )
  })

  if (STORES.includes('mongodb')) {
    it('finds none in a dump of every MongoDB collection', async () => {
      let documents = 0
      for (const uri of usedMongoUris()) {
        for (const [name, bytes] of await dumpOf(uri)) {
          documents += bytes.length
          assert.deepEqual(find(bytes, name), [])
        }
      }
      assert.ok(documents > 20_000, `${documents} bytes were searched`)
    })
  }

  it('finds none in what the servers logged', () => {
    const logs = filesUnder(join(OUTPUT, 'logs'), () => true)
    assert.ok(
      logs.some(([, bytes]) => bytes.includes('"request"')),
      'there are logs',
    )
    assert.deepEqual(
      logs.flatMap(([name, bytes]) => find(bytes, name)),
      [],
    )
  })
})
