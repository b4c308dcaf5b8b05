/** Foreign tokens: known by the SHA-256 of a text that this server never sees. They live and die as its own do. */

import type { Unit } from '../base/index.ts'
import type { TokenDeps } from './actions.ts'
import { stageToken } from './create.ts'
import { refuse } from './errors.ts'
import { stageForeignMark } from './foreign.ts'
import { apiTokens, foreignTokenId } from './records.ts'
import type { By, ShownToken, TokenOrder } from './verbs.ts'

/** Stages a foreign token. Rotating it gives a text of our own format. */
export async function importByHash(
  deps: TokenDeps,
  unit: Unit,
  order: TokenOrder & { readonly sha256: string },
  by: By,
): Promise<ShownToken> {
  if (!/^[0-9a-f]{64}$/i.test(order.sha256)) throw refuse('bad_hash')
  const id = foreignTokenId(deps.seal, order.sha256)
  // Of two rivals the second loses its insert; run again it is told so here.
  if (await unit.get(apiTokens.name, id)) throw refuse('token_exists')
  await stageForeignMark(deps.seal, unit)
  return stageToken(deps, unit, order, { id, hk: deps.seal.hk, ending: '', by, event: 'imported' })
}
