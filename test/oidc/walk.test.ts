/** The walk of POST /token with a refresh token, counted (ARCHITECTURE): which collections are read, one commit, which events and no others. */

import assert from 'node:assert/strict'
import type { Store, Writes } from '../../adapters/store.ts'
import { Browser, codeFor, redeem, refresh, text } from '../support/browser.ts'
import { furnish, openWorld, STORES } from '../support/world.ts'

const CREDENTIALS = ['artefacts: Family', 'artefacts: Grant', 'accounts: account']
// A lane reads a client again when its collection has changed; where the store does not say so, each time, as a unit of the library's does.
const WAYS = STORES.flatMap((kind) => [
  {
    kind,
    lanes: true,
    way: 'in its lane',
    read: kind === 'sqlite' ? CREDENTIALS : ['clients: client', ...CREDENTIALS],
  },
  { kind, lanes: false, way: 'through the library', read: ['clients: client', ...CREDENTIALS] },
])

for (const { kind, lanes, way, read } of WAYS) {
  describe(`the walk of a refresh on ${kind}, ${way}`, () => {
    it(`reads ${read.length} documents, commits once, rotates by one decider, and tells what it did`, async () => {
      const reads: string[] = []
      const commits: Writes[] = []
      const counted = (store: Store): Store => ({
        ...store,
        async get(collection, id) {
          const doc = await store.get(collection, id)
          reads.push(`${collection}: ${doc?.kind ?? 'nothing'}`)
          return doc
        },
        commit(unit) {
          commits.push(unit)
          return store.commit(unit)
        },
      })
      const world = await openWorld(kind, {}, counted, { lanes })
      try {
        const has = await furnish(world)
        const signedIn = await redeem(world, has.web, await codeFor(world, new Browser(world)))
        // A client that was never seen is read twice, to be made by the library once.
        const first = await refresh(world, has.web, text(signedIn, 'refresh_token'))
        reads.length = 0
        commits.length = 0
        assert.equal((await refresh(world, has.web, text(first, 'refresh_token'))).status, 200)
        assert.deepEqual(reads, read)
        assert.equal(commits.length, 1)
        const [unit] = commits
        assert.ok(unit?.decider)
        assert.deepEqual(Object.keys(unit.decider.if), ['revokedAt', 'state', 'fields'])
        assert.deepEqual(
          unit.inserts.map(({ doc }) => doc.kind),
          ['AccessToken'],
        )
        assert.deepEqual(
          [unit.burns.length, unit.updates.length, unit.revocations.length, unit.cleanups.length],
          [0, 0, 0, 0],
        )
        assert.deepEqual(
          unit.events.flatMap(({ type }) => type.split(' ')),
          ['rotation.decided', 'refresh_token.rotated', 'token.issued'],
        )
      } finally {
        await world.close()
      }
    })
  })
}
