import assert from 'node:assert/strict'
import { growSection, memorySection, workersSection } from '../../../bench/report/sections.ts'

describe('what the parts of the bench say', () => {
  it('asks of memory that it stands still and is small', () => {
    const said = (first: number, second: number) =>
      memorySection({
        first: { tokens: 1e5, megabytes: first },
        second: { tokens: 1e6, megabytes: second },
        growth: second / first - 1,
      }).at(-1)
    assert.match(String(said(200, 210)), /Grown by 5\.0 % .*: reached/)
    assert.match(String(said(200, 230)), /: not reached/)
    assert.match(String(said(310, 310)), /: not reached/)
  })

  it('holds each work at each size to the goal', () => {
    const figures = { work: 'refresh', rate: 1000, cpu: 0.2, rateRatio: 1.1 } as const
    const works = [
      { ...figures, cpuRatio: 1.49 },
      { ...figures, cpuRatio: 1.51 },
    ]
    const [table] = growSection([{ tokens: 1e7, fillSeconds: 1, fileMegabytes: 5600, works }])
    assert.ok(typeof table === 'object')
    assert.deepEqual(
      table.rows.map((row) => row.at(-1)),
      ['reached', 'not reached'],
    )
    assert.equal(table.rows[0]?.[0], '10,000,000')
  })

  it('says nothing of the rate of two workers where they share a core with the generator', () => {
    const result = { cpuRatio: 1.1, rateRatio: 1.2, rates: [100, 120], rateCounts: false } as const
    const [table] = workersSection(result)
    assert.ok(typeof table === 'object')
    assert.deepEqual(
      table.rows.map((row) => row.at(-1)),
      ['reached', 'too few cores to say'],
    )
    assert.match(String(workersSection(undefined)[0]), /Not measured/)
  })
})
