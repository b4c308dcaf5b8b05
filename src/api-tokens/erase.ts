/**
 * What an erased account leaves of its tokens: they end, who used them is forgotten, and so is what its person wrote on them. Nothing here
 * can lose to a rival, so an erasure is not held up by a token that is in use at that moment.
 */

import type { Doc } from '../../adapters/store.ts'
import { seconds, TENANT, type Unit } from '../base/index.ts'
import type { TokenDeps } from './actions.ts'
import { apiTokens } from './records.ts'
import { stageUsersErased } from './use-records.ts'

const PAGE = 500
/** Long enough for every verifier to hear that it is revoked, and not that there is no such token. */
const TOMBSTONE_SECONDS = 24 * 3600

async function* tokensOf({ store }: TokenDeps, account: string): AsyncGenerator<Doc> {
  for (let after: string | undefined; ; ) {
    const by = { tenant: TENANT, by: { account, kind: 'api-token' } }
    const page = await store.find(apiTokens.name, by, { limit: PAGE, ...(after ? { after } : {}) })
    yield* page
    after = page.at(-1)?.id
    if (page.length < PAGE) return
  }
}

const accountHash = ({ seal }: TokenDeps, sub: string): string => seal.hash('lookup', TENANT, 'account', sub)

/** Stages the end of every token of an account, and the removal of who used them. */
export async function endAccount(deps: TokenDeps, unit: Unit, sub: string): Promise<void> {
  const account = accountHash(deps, sub)
  const at = seconds(deps.clock)
  for await (const { id, revokedAt } of tokensOf(deps, account)) {
    stageUsersErased(deps.seal, unit, id)
    if (revokedAt !== null) unit.cleanup(apiTokens.name, id)
  }
  // By index: one that is made at this moment ends too. Its networks, name and purpose are its person's, so it does not stay for 90 days.
  const target = { by: { tenant: TENANT, by: { account, kind: 'api-token' } } }
  unit.revoke({ collection: apiTokens.name, target, at, purgeAt: at + TOMBSTONE_SECONDS })
}

/** How many tokens an account has, ended ones too. */
export const countAccount = (deps: TokenDeps, sub: string): Promise<number> =>
  deps.store.count(apiTokens.name, { tenant: TENANT, by: { account: accountHash(deps, sub), kind: 'api-token' } })
