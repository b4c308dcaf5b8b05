/** Losing to a rival: tried again, a bounded number of times, and nothing else is. */

import assert from 'node:assert/strict'
import { Conflict } from '../../adapters/store.ts'
import { isConflict, overRivals } from '../../src/base/index.ts'

describe('a commit that loses to rivals', () => {
  const lost = () => new Conflict('update', 'things', 'one')

  /** Loses so often, then wins; says how often it ran. */
  async function losing(losses: number, tries: number, cause: () => Error = lost) {
    let ran = 0
    const outcome = await overRivals(tries, async () => {
      if (ran++ < losses) throw cause()
      return 'won'
    }).catch((error: unknown) => error)
    return { ran, outcome }
  }

  it('is tried again until it wins, and not once more than it may', async () => {
    assert.deepEqual(await losing(0, 3), { ran: 1, outcome: 'won' })
    assert.deepEqual(await losing(2, 3), { ran: 3, outcome: 'won' })
    const { ran, outcome } = await losing(3, 3)
    assert.deepEqual([ran, isConflict(outcome)], [3, true])
  })

  it('is not tried again for any other reason', async () => {
    const { ran, outcome } = await losing(1, 3, () => new TypeError('broken'))
    assert.deepEqual([ran, outcome instanceof TypeError, isConflict(outcome)], [1, true, false])
  })
})
