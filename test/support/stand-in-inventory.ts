/** An inventory of made-up credentials behind the REST face, with the manners of `src/inventory`. */

import type { InventoryDoor, InventoryEntry, InventoryFilter, SavedQuery } from '../../src/admin/index.ts'
import { refusals } from '../../src/base/index.ts'

const refuse = refusals({
  query_exists: [409, 'There is a saved query of this name already.'],
  query_unknown: [404, 'There is no saved query of this name.'],
  confirmation_needed: [409, 'So many credentials need a confirmation code.'],
  confirmation_wrong: [403, 'This confirmation code is not of this filter.'],
})

const THRESHOLD = 10
const ALONE = { leftAlone: 1, leftAloneByKind: { 'client-secret': 1 } }

const entry = (i: number): InventoryEntry => ({
  id: `cred_${String(i).padStart(5, '0')}`,
  kind: i % 2 === 0 ? 'api-token' : 'session',
  owner: i % 3 === 0 ? { type: 'account', id: 'alice' } : null,
  name: `number ${i}`,
  purpose: '',
  scopes: ['read'],
  binding: 'none',
  state: 'active',
  createdAt: 1,
  lastUsedAt: null,
  expiresAt: null,
  next: null,
  users: [{ network: '10.0.0.0/24', agent: undefined, route: undefined, outcome: 'VALID', lastSeenAt: 5 }],
})

const isMeant = ({ kind, owner }: InventoryFilter, one: InventoryEntry): boolean =>
  (!kind || kind.some((name) => name === one.kind)) && (!owner || owner.id === one.owner?.id)

/** Opens it, with `n` credentials. */
export function standInInventory(n: number): InventoryDoor {
  let entries: readonly InventoryEntry[] = Array.from({ length: n }, (_, i) => entry(i))
  const saved = new Map<string, SavedQuery>()
  const found = (filter: InventoryFilter) => entries.filter((one) => isMeant(filter, one))
  const codeOf = (filter: InventoryFilter): string => Buffer.from(JSON.stringify(filter)).toString('base64url')
  return {
    async list(filter, { limit, cursor }) {
      const after = found(filter).filter(({ id }) => cursor === undefined || id > cursor)
      return { items: after.slice(0, limit), cursor: after.length > limit ? after[limit - 1]?.id : undefined }
    },
    count: async (filter) => ({ total: found(filter).length, complete: true }),
    async plan(filter) {
      const total = found(filter).length
      return { total, ...ALONE, needsCode: total > THRESHOLD, code: codeOf(filter), codeUntil: 1 }
    },
    async revoke(_unit, filter, { code }) {
      const ended = found(filter)
      if (code === undefined && ended.length > THRESHOLD) throw refuse('confirmation_needed')
      if (code !== undefined && code !== codeOf(filter)) throw refuse('confirmation_wrong')
      entries = entries.filter((one) => !ended.includes(one))
      return { revoked: ended.length, left: 0, ...ALONE, failed: [] }
    },
    queries: {
      list: async () => [...saved.values()],
      async save({ name, filter }) {
        if (saved.has(name)) throw refuse('query_exists')
        saved.set(name, { name, filter })
      },
      async remove(name) {
        if (!saved.delete(name)) throw refuse('query_unknown')
      },
    },
    grantedButUnused: async () => ({ granted: ['read'], used: [], unused: ['read'], observed: true }),
  }
}
