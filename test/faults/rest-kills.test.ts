/** kill -9 in the middle of every POST of the API: done wholly or not at all, and the retry completes it. */

import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { described } from '../../src/admin/index.ts'
import { routes } from '../../src/admin/rest.ts'
import { STORES } from '../support/world.ts'
import { cases } from './rest-kills/cases.ts'
import { Lane, type Tally } from './rest-kills/lane.ts'

const LANES = 2
/** New moments in every run; KILL_SEED plays one again. */
const SEED = Number(process.env.KILL_SEED ?? randomInt(2 ** 31))

/** Chance that a seed repeats (mulberry32). */
function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const posts = routes.filter(({ method }) => method === 'POST').map(({ name }) => name)

describe('the POST routes of the API', () => {
  it('have a case each that is killed', () => {
    assert.deepEqual([...new Set(cases.map(({ route }) => route))].sort(), [...posts].sort())
    const { paths } = described.openapi('https://issuer.example')
    const told = JSON.stringify(paths).match(/"post":\{"operationId":"\w+"/g) ?? []
    assert.equal(told.length, posts.length, 'the description tells of no other')
  })
})

for (const kind of STORES)
  describe(`POSTs whose server is killed with SIGKILL on ${kind}`, () => {
    it('are done wholly or not at all, and their retry completes them', async function () {
      this.timeout(600_000)
      const tally: Tally = { routes: new Set(), problems: [], points: 0, nothing: 0, all: 0, open: 0, half: 0 }
      const waiting = [...cases]
      async function work(n: number): Promise<void> {
        const lane = await Lane.open(kind, tally, chance(SEED + n))
        try {
          for (let kase = waiting.shift(); kase; kase = waiting.shift()) await lane.play(kase)
        } finally {
          await lane.close()
        }
      }
      await Promise.all(Array.from({ length: LANES }, (_, n) => work(n)))
      const { points, nothing, all, open, half } = tally
      console.log(
        `      ${kind}: ${tally.routes.size} routes killed at ${points} points, ${half} half done (${nothing} not at all, ${all} wholly, ${open} open and completed; seed ${SEED})`,
      )
      assert.deepEqual(tally.problems, [])
      assert.ok(nothing > 0 && all > 0)
    })
  })
