/**
 * The differential suite: generated requests, each given to a server with lanes and to one without, on the same state. Status, headers,
 * body, events and staged writes must be the same. LANE_REQUESTS for each lane (50,000 unless given), LANE_SEED to repeat a run,
 * LANE_ONLY, LANE_VARIANT and LANE_CHAPTER to repeat a finding.
 */

import assert from 'node:assert/strict'
import { LANES } from './difference/lanes.ts'
import { MUTANTS } from './difference/mutants.ts'
import { type Order, runAll, runOne, shown, summed } from './difference/run.ts'

const { LANE_REQUESTS, LANE_SEED, LANE_ONLY, LANE_VARIANT, LANE_CHAPTER } = process.env
const REQUESTS = Number(LANE_REQUESTS ?? 50_000)
const SEED = LANE_SEED ?? String(Date.now() & 0xfffffff)
const VARIANTS = ['plain', 'proxied'].filter((variant) => (LANE_VARIANT ?? variant) === variant)
const PLAYED = LANES.filter((lane) => (LANE_ONLY ?? lane) === lane)
const CHAPTER = 100
/** Tokens of the furnished stage live a day: no process plays longer than that of its own time. */
const SLICE_MAX = 25_000
const MUTANT_REQUESTS = 3000
/** The share of requests that a lane must have answered: below it the suite would compare the library with itself. */
const SHARE_MIN = 0.2

function ordersOf(variant: string): readonly Order[] {
  const requests = LANE_CHAPTER === undefined ? REQUESTS / VARIANTS.length : CHAPTER
  const slices = Math.max(1, Math.ceil(requests / SLICE_MAX))
  return Array.from({ length: slices }, (_, n) => ({
    variant,
    plays: PLAYED.map((lane) => ({
      lane,
      requests: Math.ceil(requests / slices),
      seed: SEED,
      chapter: LANE_CHAPTER === undefined ? (n * SLICE_MAX) / CHAPTER : Number(LANE_CHAPTER),
      first: false,
    })),
  }))
}

describe('lanes and library', () => {
  it(`answer ${REQUESTS} requests for each lane alike (seed ${SEED})`, async function () {
    this.timeout(Math.max(900_000, REQUESTS * 60))
    const all = await runAll(VARIANTS.flatMap(ordersOf))
    for (const lane of PLAYED) console.log(`      ${summed(lane, all)}`)
    if (all.some(({ differences }) => differences > 0)) assert.fail(`\n${shown(all, SEED)}`)
    for (const lane of PLAYED) {
      const own = all.filter((one) => one.lane === lane)
      const sum = (of: 'requests' | 'taken'): number => own.reduce((total, one) => total + one[of], 0)
      assert.ok(
        LANE_CHAPTER !== undefined || sum('taken') >= sum('requests') * SHARE_MIN,
        `${lane} took ${sum('taken')}`,
      )
    }
  })

  for (const { name, lane } of MUTANTS)
    it(`differ when a lane ${name}`, async function () {
      this.timeout(300_000)
      const play = { lane, requests: MUTANT_REQUESTS, seed: 'mutants', chapter: 0, first: true }
      const [said] = await runOne({ variant: 'plain', mutant: name, plays: [play] })
      assert.ok(said && said.differences > 0, `not found in ${said?.requests} requests`)
    })
})
