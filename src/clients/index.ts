/**
 * Clients and the APIs that tokens are issued for.
 * Owns their records and their secrets' hashes. It refuses to know tokens, sessions and how a secret is presented.
 */

import { type ClientDeps, clientActions } from './actions.ts'
import { apiActions } from './apis.ts'
import { refuse } from './errors.ts'
import { apis, clients } from './records.ts'
import { secretUses } from './secrets.ts'

export type { Declared } from './declare.ts'
export type { ApiRecord, ClientRecord } from './records.ts'
export { type ClientOrder, faultOfMetadata, mayRedirectTo } from './rules.ts'

/** What this room refuses. */
export const clientRefusals = refuse.table

/** This room's collections. */
export const clientCollections = [clients, apis, secretUses] as const

/** Whose documents say whether a service may be used, and with which scopes. */
export const clientCollection = clients.name

/** Opens the room. */
export function createClients(deps: ClientDeps) {
  return { ...clientActions(deps), ...apiActions(deps) }
}

export type Clients = ReturnType<typeof createClients>
