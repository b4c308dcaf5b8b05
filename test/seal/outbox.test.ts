/** What waited and is sealed together: nothing of it is lost, mixed up or moved in time. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { systemRandom as random } from '../../src/base/index.ts'
import {
  createSeal,
  fixedMasters,
  openEvents,
  sealKeys,
  sealWaiting,
  typesOf,
  type Waiting,
} from '../../src/seal/index.ts'
import { MemoryStore } from '../adapters/memory-store.ts'
import { HandClock, masterOf } from '../support/world.ts'

const sealOf = () =>
  createSeal({ store: new MemoryStore([sealKeys]), clock: new HandClock(), random, masters: fixedMasters(masterOf(7)) })

const note = fc.record({
  type: fc.constantFrom('token.issued', 'sign_in.refused', 'device.asked'),
  data: fc.record({ n: fc.nat(9) }),
})
const some = fc.array(
  fc.record({
    cid: fc.uuid(),
    request: fc.constantFrom('r1', 'r2'),
    network: fc.constantFrom('192.0.2.0/24', 'local'),
    tenant: fc.constantFrom('default', 'other'),
    at: fc.integer({ min: 1, max: 3 }),
    told: fc.array(note, { minLength: 1, maxLength: 3 }),
  }),
  { maxLength: 12 },
)
describe('what waited', () => {
  it('is told in its order, each event with its own request, network, commit and time', async () => {
    const seal = await sealOf()
    await fc.assert(
      fc.asyncProperty(some, async (waiting) => {
        const opened = await Promise.all(
          sealWaiting(seal, waiting).map(async (entry) =>
            (await openEvents(seal, entry)).map(({ type, data }) => ({
              type,
              data,
              at: entry.at,
              tenant: entry.tenant,
            })),
          ),
        )
        const right = waiting.flatMap(({ told, tenant, at, request, network, cid }) =>
          told.map(({ type, data }) => ({ type, data: { ...data, request, network, cid }, at, tenant })),
        )
        assert.deepEqual(opened.flat(), right)
      }),
    )
  })

  it('is one entry a millisecond, of at most sixty-four requests, under an id of its own', async () => {
    const seal = await sealOf()
    const at = (n: number, time: number): Waiting => ({
      cid: `c${n}`,
      request: 'r',
      network: 'local',
      tenant: 'default',
      at: time,
      told: [{ type: 'token.issued', data: {} }],
    })
    const entries = sealWaiting(seal, [
      ...Array.from({ length: 130 }, (_, n) => at(n, 5)),
      ...Array.from({ length: 2 }, (_, n) => at(200 + n, 6)),
    ])
    assert.deepEqual(
      entries.map((entry) => [entry.id, entry.at, typesOf(entry).length]),
      [
        ['c0', 5, 64],
        ['c64', 5, 64],
        ['c128', 5, 2],
        ['c200', 6, 2],
      ],
    )
  })

  it('may be nothing', async () => {
    assert.deepEqual(sealWaiting(await sealOf(), []), [])
  })
})
