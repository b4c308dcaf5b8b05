/** What both servers gathered in memory beside their answers: last uses of secrets, uses of API tokens. Written now and then, and compared. */

import type { Stage } from './furnish.ts'
import { differenceOf, writesOf } from './outcome.ts'
import type { Side } from './rig.ts'
import { Teller } from './told.ts'

/** Has a server write what it gathered, and tells it in an order that does not depend on which was written first. */
async function gatheredBy({ app, ledger }: Side, { rig, cast, records }: Stage): Promise<readonly string[]> {
  ledger.commits = []
  await app.clients.flushSecretUses()
  await app.tokenUse.usage.flush()
  const out: string[] = []
  for (const unit of ledger.commits) {
    const teller = new Teller({ cast, records, keys: undefined })
    teller.call(unit.request, 'request')
    out.push(JSON.stringify(await writesOf(unit, { app, held: rig.held, teller, presented: undefined })))
  }
  ledger.commits = []
  return out.sort()
}

/** Where they differ, in words. */
export async function differenceInGathered(stage: Stage): Promise<string | undefined> {
  const { lanes, library } = stage.rig
  return differenceOf(await gatheredBy(lanes, stage), await gatheredBy(library, stage))
}
