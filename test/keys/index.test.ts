/** The keyring over a real store. */

import assert from 'node:assert/strict'
import { get } from 'node:http'
import { furnish, openTestStore, openWorld } from '../support/world.ts'

describe('the keyring', () => {
  it('publishes one key for each algorithm, none of them private, and the same ones after a restart', async () => {
    const world = await openWorld('sqlite')
    try {
      await furnish(world)
      const answer = await fetch(new URL('/jwks', world.issuer))
      const { keys }: { keys: readonly Readonly<Record<string, string>>[] } = JSON.parse(await answer.text())
      assert.deepEqual(
        keys.map(({ alg }) => alg),
        ['ES256', 'RS256', 'PS256', 'EdDSA'],
      )
      assert.ok(keys.every((key) => key.kid && key.use === 'sig' && !('d' in key)))
      assert.equal(new Set(keys.map(({ kid }) => kid)).size, keys.length)
      assert.match(answer.headers.get('cache-control') ?? '', /max-age=\d+/)
      // Not by fetch: it adds `Cache-Control: no-cache` to a conditional request.
      const status = await new Promise<number | undefined>((done) => {
        get(new URL('/jwks', world.issuer), { headers: { 'if-none-match': answer.headers.get('etag') ?? '' } }, (res) =>
          done(res.resume().statusCode),
        )
      })
      assert.equal(status, 304)
    } finally {
      await world.close()
    }
  })

  it('is made once by two nodes that start at the same moment', async () => {
    const { createSeal, fixedMasters } = await import('../../src/seal/index.ts')
    const { createSoftwareSigners, openKeyring } = await import('../../src/keys/index.ts')
    const { createLogger } = await import('../../src/telemetry/index.ts')
    const { systemClock: clock, systemRandom: random, Unit } = await import('../../src/base/index.ts')
    const { masterOf } = await import('../support/world.ts')
    const store = await openTestStore('sqlite')
    const open = async () => {
      const seal = await createSeal({ store, clock, random, masters: fixedMasters(masterOf(3)) })
      return openKeyring({
        store,
        seal,
        clock,
        unit: () => new Unit({ store, cid: String(random.bytes(8).toString('hex')), request: 'r' }),
        commit: (unit) => store.commit(unit.writes('all')),
        random,
        logger: createLogger({ level: 'silent' }),
        signers: [createSoftwareSigners()],
        algorithms: async () => ['ES256', 'RS256'],
        settings: () => ({
          rotateAfterSeconds: 86_400,
          cookieRotateAfterSeconds: 86_400,
          publishSeconds: 1800,
          sessionSeconds: 86_400,
        }),
        decide: async () => {
          throw new Error('nothing is decided at start')
        },
      })
    }
    const [one, two] = await Promise.all([open(), open()])
    assert.deepEqual(
      one.keys().map(({ kid }) => kid),
      two.keys().map(({ kid }) => kid),
    )
    await store.close()
  })
})
