/** What happens between chapters: somebody ends, disables, rotates or declares something, for real. */

import { seconds } from '../../../../src/base/index.ts'
import { artefacts } from '../../../../src/oidc/index.ts'
import { endGrant } from '../../../../src/revocation/index.ts'
import type { Cast } from './cast.ts'
import type { Chance } from './chance.ts'
import { erase, type Stage } from './furnish.ts'
import { clock } from './time.ts'

type Deed = (stage: Stage, cast: Cast, chance: Chance) => Promise<unknown>

const someFamily = ({ records }: Stage, cast: Cast, chance: Chance): string =>
  records.id('Family', chance.pick(cast.families).text)

/** The id of an API token, of whichever: what can't be done to it is refused, and that is all. */
async function apiToken({ rig }: Stage, cast: Cast, chance: Chance): Promise<string> {
  const { text } = chance.pick(cast.tokens.filter(({ kind }) => kind === 'api'))
  return `tok_${(await rig.library.app.tokenUse.verifier.find(text))?.doc.id}`
}

const staged =
  (how: 'revoke' | 'quarantine'): Deed =>
  async (stage, cast, chance) => {
    const { tokens, work } = stage.rig.library.app
    const unit = work.unit()
    await tokens[how](unit, await apiToken(stage, cast, chance), { by: 'test', why: 'a deed' })
    await work.commit(unit)
  }

/** A sign-out, or a consent that somebody takes back: the Grant ends, and its families with it. */
const endOfGrant: Deed = async (stage, cast, chance) => {
  const { rig, records } = stage
  const { work } = rig.library.app
  const unit = work.unit()
  const family = await unit.get(artefacts.name, someFamily(stage, cast, chance))
  if (!family) return
  const { grantId } = await records.open(family)
  endGrant(unit, { collection: artefacts.name, at: seconds(clock) }, records.id('Grant', String(grantId)))
  await work.commit(unit)
}

const DEEDS: readonly (readonly [weight: number, deed: Deed])[] = [
  [10, async (stage, cast, chance) => stage.rig.library.app.oidc.families.revoke(someFamily(stage, cast, chance))],
  [20, async (stage, cast, chance) => stage.rig.library.app.oidc.families.rotateNext(someFamily(stage, cast, chance))],
  [8, endOfGrant],
  [8, staged('revoke')],
  [4, staged('quarantine')],
  [4, async ({ rig }) => rig.library.app.clients.disable('two-secrets')],
  [4, async ({ rig }) => rig.library.app.clients.enable('off')],
  [4, async ({ rig }) => rig.library.app.clients.endOldSecret('two-secrets')],
  [2, async ({ rig }) => rig.library.app.accounts.disable('canary.person')],
  [2, async ({ rig }) => erase(rig.library.app, 'canary.person')],
  [
    4,
    async ({ rig }, _cast, chance) =>
      rig.library.app.createApi({
        id: 'urn:late',
        scopes: { [chance.pick(['look', 'read', 'own', 'shared', 'extra'])]: 'Late' },
        accessToken: chance.pick(['jwt', 'opaque'] as const),
        algorithm: 'ES256',
      }),
  ],
]

/** Some deeds; those that are refused are none. A second later every cache knows. */
export async function deeds(stage: Stage, cast: Cast, chance: Chance): Promise<void> {
  const { ledger } = stage.rig.library
  ledger.dry = false
  for (let n = chance.below(4); n > 0; n--)
    await chance
      .weigh(...DEEDS)(stage, cast, chance)
      .catch(() => {})
  ledger.dry = true
  clock.forward(1500)
}
