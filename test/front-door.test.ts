/** The front door towards callers that speak HTTP by hand. */

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { openWorld, type World } from './support/world.ts'

/** Sends a head as it is and resolves to all that comes back. */
function spoken(world: World, head: string): Promise<string> {
  const { port } = new URL(world.issuer)
  return new Promise((done, fail) => {
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(`${head}\r\nConnection: close\r\n\r\n`))
    let heard = ''
    socket.on('data', (chunk) => {
      heard += chunk.toString()
    })
    socket.on('error', fail)
    socket.on('close', () => done(heard))
  })
}

describe('the front door', () => {
  let world: World
  beforeEach(async () => {
    world = await openWorld('sqlite')
  })
  afterEach(() => world.close())

  for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'])
    it(`lets nobody put another origin into ${path}, neither for everybody nor for himself`, async () => {
      const own = await spoken(world, `GET http://evil.example${path} HTTP/1.1\r\nHost: evil.example`)
      assert.match(own, /^HTTP\/1.1 200 /)
      assert.doesNotMatch(own, /evil/)
      const plain = await spoken(world, `GET ${path} HTTP/1.1\r\nHost: localhost`)
      assert.match(plain, /^HTTP\/1.1 200 /)
      assert.doesNotMatch(plain, /evil/)
      assert.ok(plain.includes(`"issuer":"${world.issuer}"`))
    })
})
