import assert from 'node:assert/strict'
import type { Figures, WorkResult } from '../../../bench/compare.ts'
import { withPart } from '../../../bench/report/docs.ts'
import { aligned, doubts, goalsTable, markdown, verdictOf } from '../../../bench/report/table.ts'

const figures = (more: Partial<Figures> = {}): Figures => ({
  side: 'mintmark',
  work: 'jwks',
  rate: { min: 1, median: 2, max: 3 },
  cpu: { min: 1, median: 2, max: 3 },
  p50Ms: 1,
  p99Ms: 2,
  rssMegabytes: 100,
  generatorShare: 0.5,
  ...more,
})

const result = (more: Partial<WorkResult> = {}): WorkResult => ({
  work: 'jwks',
  title: 'JWKS',
  goal: 0.8,
  mintmark: figures(),
  yardsticks: [],
  ratios: [{ of: 'bare', byCpu: 0.9, byRate: 0.7 }],
  latency: { rate: 100, p50Ms: 1, p99Ms: 9.9, worstMs: 30, goalMs: 10, late: 0 },
  ...more,
})

describe('tables of the bench', () => {
  it('aligns figures to the right and text to the left', () => {
    assert.equal(aligned({ head: ['work', 'n'], rows: [['a', '1,000']] }), 'work      n\na     1,000')
    assert.equal(markdown({ head: ['work', 'n'], rows: [['a', '1']] }), '| work | n |\n| --- | --: |\n| a | 1 |')
  })

  it('says by which measure a goal is reached', () => {
    assert.equal(verdictOf({ byCpu: 2, byRate: 2 }, 1.6), 'reached')
    assert.equal(verdictOf({ byCpu: 2, byRate: 1 }, 1.6), 'by CPU only')
    assert.equal(verdictOf({ byCpu: 1, byRate: 2 }, 1.6), 'by rate only')
    assert.equal(verdictOf({ byCpu: 1, byRate: 1 }, 1.6), 'not reached')
  })

  it('puts ratio, goal and latency into one row', () => {
    const [row] = goalsTable([result()]).rows
    const ratios = ['bare', '0.90 x', '0.70 x', '0.80 x', 'by CPU only']
    assert.deepEqual(row, ['JWKS', ...ratios, '9.90 ms', '30.0 ms', '10 ms', 'reached'])
  })

  it('compares with nobody where no yardstick ran', () => {
    assert.deepEqual(goalsTable([result({ ratios: [] })]).rows[0]?.slice(1, 6), [
      '-',
      '-',
      '-',
      '0.80 x',
      'not compared',
    ])
  })

  it('doubts a round in which the generator was the busier one, and a load that was none to bear', () => {
    assert.deepEqual(doubts([result()]), [])
    const latency = { rate: 100, p50Ms: 1, p99Ms: 9.9, worstMs: 30, goalMs: 10, late: 3 }
    assert.equal(doubts([result({ mintmark: figures({ generatorShare: 0.95 }), latency })]).length, 2)
  })
})

describe('the page that the bench writes', () => {
  const page = 'prose\n<!-- bench: works -->\nold\n<!-- end: works -->\nmore prose\n'

  it('replaces what stands between the marks and keeps the prose', () => {
    const once = withPart(page, 'works', 'new')
    assert.equal(once, 'prose\n<!-- bench: works -->\n\nnew\n\n<!-- end: works -->\nmore prose\n')
    assert.equal(withPart(once, 'works', 'new'), once)
  })

  it('refuses a page without the marks', () => {
    assert.throws(() => withPart(page, 'grow', 'new'), /no place for grow/)
  })
})
