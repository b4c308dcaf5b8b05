/** Who may introspect which live token: its own tokens, and access tokens for the APIs that a client serves (threats 7). */

import type { Accounts } from '../accounts/index.ts'
import type { ClientRecord, Clients } from '../clients/index.ts'

/** What it asks. */
export interface MayLearnDeps {
  readonly clients: Pick<Clients, 'find'>
  readonly accounts: Pick<Accounts, 'stands'>
  /** Whether the API token that an access token was exchanged for lives and still has its scopes; true for all others. */
  readonly sourceLives: (token: { readonly extra?: unknown; readonly scope?: unknown }) => Promise<boolean>
}

/** A token as far as it decides who may introspect it. */
export interface Learnable {
  readonly kind: string
  readonly clientId?: string | undefined
  readonly accountId?: unknown
  readonly aud?: unknown
  readonly extra?: unknown
  readonly scope?: unknown
}

/** Whether a client may learn of a live token by introspection, and whether what the token stands on lives. */
export async function mayLearn(
  { clients, accounts, sourceLives }: MayLearnDeps,
  caller: Pick<ClientRecord, 'clientId' | 'introspect'>,
  token: Learnable,
): Promise<boolean> {
  // What a disabled account or client was given is dead, whoever asks.
  const { clientId, accountId } = token
  if (!clientId || (clientId !== caller.clientId && !(await clients.find(clientId)))) return false
  if (typeof accountId === 'string' && !(await accounts.stands(accountId))) return false
  // What was exchanged for an API token dies with it.
  if (!(await sourceLives(token))) return false
  if (clientId === caller.clientId) return true
  return token.kind !== 'RefreshToken' && typeof token.aud === 'string' && caller.introspect.includes(token.aud)
}
