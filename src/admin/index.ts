/**
 * Faces for administrators and programs: the one-time link that claims the first administrator, and REST under `/api/v1` with its description.
 * Owns no collection. It refuses to know how tokens, credentials and accounts are kept: all of that comes through `doors.ts`.
 */

import type { Clients } from '../clients/index.ts'
import { apiSchema } from '../config/index.ts'
import { MANAGEMENT_API, MANAGEMENT_SCOPES } from './doors.ts'
import { openapiOf } from './openapi.ts'
import { meaningsOf } from './pages.ts'
import { PROBLEMS } from './problems.ts'
import { routes } from './rest.ts'

export { type Admin, CLAIM_PATH, createAdmin } from './claim.ts'
export { type Delivery, delivered, delivery } from './delivery.ts'
export {
  type AccessFacts,
  type ApiTokenFacts,
  type Consumer,
  type Doors,
  type HandoverDoor,
  type InventoryDoor,
  type InventoryEntry,
  type InventoryFilter,
  MANAGEMENT_API,
  MANAGEMENT_SCOPES,
  type SavedQuery,
} from './doors.ts'
export { both } from './filters.ts'
export { shownLeft } from './inventory-routes.ts'
export { filterBody, filterOf, shownConsumers, shownEntry } from './inventory-schemas.ts'
export type { Meaning, RefusalTable } from './pages.ts'
export { createRest, type Rest, type RestDeps } from './rest.ts'

export { ownerOf, ownerText, shownToken } from './schemas.ts'

/** What this face refuses itself, and what every POST passes. */
export const restRefusals = PROBLEMS

/** The description and the codes' meanings, for `npm run generate`. */
export const described = { openapi: (issuer: string) => openapiOf(routes, issuer), meaningsOf } as const

/** Declares the API that Mintmark itself is, unless it is there. Its tokens are opaque: their end must bite at once. */
export async function declareManagementApi(
  clients: Pick<Clients, 'api'> & { createApi(api: ReturnType<typeof apiSchema.parse>): Promise<unknown> },
): Promise<void> {
  if (await clients.api(MANAGEMENT_API)) return
  await clients.createApi(
    apiSchema.parse({ id: MANAGEMENT_API, name: 'Mintmark', scopes: MANAGEMENT_SCOPES, accessToken: 'opaque' }),
  )
}
