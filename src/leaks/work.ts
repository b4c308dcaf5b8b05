/** Works off the reports that wait, in the background: each token is dealt with, then the report is removed. */

import type { Doc, Store } from '../../adapters/store.ts'
import { storedId } from '../api-tokens/index.ts'
import { type Random, randomText, TENANT } from '../base/index.ts'
import type { OauthMark } from '../oidc/index.ts'
import { createReact, type ReactDeps } from './react.ts'
import { leakReports, type Reported, reportOf } from './records.ts'

/** What the work uses. */
export interface WorkDeps extends ReactDeps {
  readonly store: Pick<Store, 'get' | 'find' | 'lease' | 'release'>
  readonly random: Random
  /** Ends what an OAuth token hangs on, by the mark that the intake made of it. Idempotent; true where there was one that lived. */
  readonly oauth: { end(mark: OauthMark, by: string): Promise<boolean> }
}

const REPORTS = 20
const LEASE = 'leaks'
const LEASE_MS = 60_000

/** Makes the worker. */
export function createWork(deps: WorkDeps) {
  const { store, seal, clock, unit: makeUnit, commit, logger } = deps
  const { find, act } = createReact(deps)
  const holder = randomText(deps.random, 9)

  async function workOff({ ids, oauth, seenAt }: Reported, by: string): Promise<number> {
    let changed = 0
    // A JWT can't be ended by itself: what it was exchanged for is held, and it dies with that.
    const source = oauth?.token ? [storedId(oauth.token)] : []
    for (const id of [...ids, ...source]) if (await act(id, { by, seenAt })) changed++
    if (oauth !== null && (await deps.oauth.end(oauth, by))) changed++
    return changed
  }

  async function report(doc: Doc): Promise<void> {
    const { by, reported } = await reportOf(seal, doc)
    let changed = 0
    for (const [n, one] of reported.entries()) {
      // A large report takes longer than the lease.
      if (n % 100 === 99 && !(await leased())) return
      changed += await workOff(one, by)
    }
    const unit = makeUnit()
    unit.cleanup(leakReports.name, doc.id)
    await commit(unit)
    logger.info({ reported: reported.length, changed, by }, 'a leak report was worked off')
  }

  const leased = (): Promise<boolean> =>
    store.lease({ name: LEASE, holder, until: clock.now() + LEASE_MS }, clock.now())

  return {
    find,
    /** Works off what waits; one node at a time. Called by a timer. Repeats after a crash change nothing more. */
    async work(): Promise<void> {
      const waiting = { tenant: TENANT, by: { state: 'waiting' } }
      const docs = await store.find(leakReports.name, waiting, { limit: REPORTS })
      if (docs.length === 0 || !(await leased())) return
      try {
        for (const doc of docs)
          await report(doc).catch((cause) =>
            logger.error({ err: cause, report: doc.id }, 'a leak report could not be worked off'),
          )
      } finally {
        await store.release(LEASE, holder)
      }
    },
  }
}
