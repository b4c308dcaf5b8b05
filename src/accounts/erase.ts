/**
 * Erasing an account destroys its key: the body that seals it goes, and with it the meaning of every copy of the personal data that
 * it opens. What stays is a tombstone under a hash, so that nothing late brings the account back.
 */

import type { Doc } from '../../adapters/store.ts'
import { type Clock, seconds, type Unit } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import { type AccountRecord, accounts, nameId, names } from './records.ts'
import { normalName } from './rules.ts'

/** What erasing uses. */
export interface EraseDeps {
  readonly seal: Seal
  readonly clock: Clock
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
}

/** What other rooms hold of an account, handed in: this room knows no sessions and tokens. */
export interface Holdings {
  /** Stages the end of all of it. */
  end(unit: Unit, sub: string): Promise<void>
}

/** Destroys the account's key and frees its names, in one unit with the end of what it holds. The id stays, and says nothing. */
export async function eraseAccount(
  deps: EraseDeps,
  found: { readonly doc: Doc; readonly record: AccountRecord },
  holdings: Holdings,
): Promise<void> {
  const { doc, record } = found
  const { loginName, email } = record.person
  const unit = deps.unit()
  // On the `rev` that was read: a password set meanwhile must not be written over the tombstone, nor the other way round.
  unit.update(accounts.name, doc, { body: null, dk: '', fields: { person: null, disabled: null } })
  unit.revoke({ collection: accounts.name, target: { id: doc.id }, at: seconds(deps.clock) })
  for (const typed of new Set([loginName, ...(email === null ? [] : [email])].map(normalName))) {
    const pointer = await unit.get(names.name, nameId(deps.seal, typed))
    if (pointer?.fields.target === doc.id) unit.cleanup(names.name, pointer.id)
  }
  await holdings.end(unit, record.sub)
  unit.note('account.erased', { account: doc.id })
  await deps.commit(unit)
}
