/** The verbs on APIs (resource servers): find, create, list, remove. Configuration's come first. */

import { isConflict, seconds, TENANT } from '../base/index.ts'
import type { ApiDeclaration, Configuration } from '../config/index.ts'
import { OpenedOnce } from '../seal/index.ts'
import type { ClientDeps } from './actions.ts'
import { refuse } from './errors.ts'
import { type ApiRecord, apiOf, apis, documentOf, idOf } from './records.ts'

const DAY = 24 * 3600
const OPENED_MAX = 1000

function recordOf(api: ApiDeclaration, source: ApiRecord['source']): ApiRecord {
  const scopes = Array.isArray(api.scopes) ? Object.fromEntries(api.scopes.map((s) => [s, s])) : api.scopes
  return {
    id: api.id,
    name: api.name,
    scopes,
    accessToken: api.accessToken,
    algorithm: api.algorithm,
    lifetimeSeconds: api.lifetimeSeconds,
    source,
  }
}

/** The verbs. */
export function apiActions(deps: ClientDeps) {
  const { seal, clock } = deps
  const mapOf = (list: Configuration['apis']): ReadonlyMap<string, ApiRecord> =>
    new Map(list.map((api) => [api.id, recordOf(api, 'configuration')]))
  let declared = mapOf(deps.configuration.apis)
  const opened = new OpenedOnce<ApiRecord>({ entriesMax: OPENED_MAX, open: (doc) => apiOf(seal, doc) })

  async function find(id: string): Promise<ApiRecord | undefined> {
    const known = declared.get(id)
    if (known) return known
    const doc = id.includes('\0') ? undefined : await deps.store.get(apis.name, idOf(seal, 'api', id))
    return !doc || doc.revokedAt !== null ? undefined : opened.of(doc)
  }

  return {
    api: find,
    async apis(): Promise<readonly ApiRecord[]> {
      const docs = await deps.store.find(apis.name, { tenant: TENANT, by: { kind: 'api' } }, { limit: 1000 })
      const stored = await Promise.all(docs.filter((d) => d.revokedAt === null).map((d) => opened.of(d)))
      // An id that both have is the configuration's, as in `api`.
      return [...declared.values(), ...stored.filter(({ id }) => !declared.has(id))]
    },
    /** Replaces the configuration's APIs, all at once. */
    declareApis(list: Configuration['apis']): void {
      declared = mapOf(list)
    },
    async createApi(api: ApiDeclaration): Promise<ApiRecord> {
      if (!URL.canParse(api.id) || /[#\p{Cc}]/u.test(api.id)) throw refuse('bad_api_id')
      if (await deps.store.get(apis.name, idOf(seal, 'api', api.id))) throw refuse('api_exists')
      if (declared.has(api.id)) throw refuse('api_exists')
      const record = recordOf(api, 'store')
      const unit = deps.unit()
      unit.insert(apis.name, documentOf(seal, 'api', api.id, record, seconds(clock)))
      unit.note('api.created', { api: api.id })
      await deps.commit(unit).catch((cause) => {
        throw isConflict(cause) ? refuse('api_exists', {}, cause) : cause
      })
      return record
    },
    async removeApi(id: string): Promise<void> {
      if (declared.has(id)) throw refuse('api_declared')
      if (!(await find(id))) throw refuse('api_unknown')
      const unit = deps.unit()
      unit.revoke({
        collection: apis.name,
        target: { id: idOf(seal, 'api', id) },
        at: seconds(clock),
        purgeAt: seconds(clock) + DAY,
      })
      unit.note('api.removed', { api: id })
      await deps.commit(unit)
    },
  }
}
