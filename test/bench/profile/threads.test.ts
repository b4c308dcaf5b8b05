import assert from 'node:assert/strict'
import { profileTable, threadIn, threadsOf } from '../../../bench/profile/index.ts'

const costs = (busy: number) => ({
  functions: [{ name: 'work  src/a.ts:1', self: busy / 4 }],
  packages: [{ name: 'src', self: busy / 2 }],
  busy,
  idle: busy,
})

describe('the threads of a profile', () => {
  it("knows a thread by its file's name", () => {
    assert.equal(threadIn('CPU.20261125.194733.2040.0.001.cpuprofile'), 0)
    assert.equal(threadIn('CPU.20261125.194733.2040.3.002.cpuprofile'), 3)
  })

  it('gives the main thread its own CPU, and the others the rest by their samples, whichever was busiest', () => {
    const found = new Map([
      [2, costs(3_000_000)],
      [0, costs(1_000_000)],
      [1, costs(1_000_000)],
      [3, costs(10)],
    ])
    const threads = threadsOf(found, { main: 200, others: 80 })
    assert.deepEqual(
      threads.map(({ title, cpuUs }) => [title, cpuUs]),
      [
        ['main thread', 200],
        ['thread 1', 20],
        ['thread 2', 60],
      ],
    )
  })

  it('divides the measured CPU by the shares', () => {
    const text = profileTable({ title: 'main thread', costs: costs(1_000_000), cpuUs: 200 })
    assert.match(text, /main thread: 200\.0 microseconds of CPU a unit, not idle 50 % of the time/)
    assert.match(text, / 50\.0 % {3}100\.00 {3}src\n/)
    assert.match(text, / 25\.0 % {4}50\.00 {3}work {2}src\/a\.ts:1\n/)
  })
})
