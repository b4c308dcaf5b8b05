/** Client secrets and signing keys: there are few, in documents of their own kind, so all are looked at. */

import type { ClientRecord, Clients } from '../../clients/index.ts'
import type { Keyring } from '../../keys/index.ts'
import { type Credential, isMeant } from '../credential.ts'
import type { Asked, State } from '../filter.ts'
import type { InventorySource } from '../source.ts'

/** A source of what is read as a whole. Pages go by id. `scanMax` bounds nothing here: what is read is in memory already. */
function listed(kind: InventorySource['kind'], all: (asked: Asked) => Promise<readonly Credential[]>): InventorySource {
  async function meant(asked: Asked): Promise<readonly Credential[]> {
    const found = (await all(asked)).filter((one) => isMeant(one, asked))
    return [...found].sort((a, b) => (a.id < b.id ? -1 : 1))
  }
  return {
    kind,
    async list(asked, { limit, after }) {
      const rest = (await meant(asked)).filter(({ id }) => after === undefined || id > after)
      const items = rest.slice(0, limit)
      return { items, after: rest.length > limit ? items.at(-1)?.id : undefined, scanned: items.length }
    },
    count: async (asked) => ({ count: (await meant(asked)).length, after: undefined }),
  }
}

/** Client secrets. A client that is asked for by name is read alone. */
export function secretSource(clients: Pick<Clients, 'list' | 'show' | 'secretsOf'>): InventorySource {
  const isLive = ({ disabled }: ClientRecord): boolean => !disabled

  async function of(record: ClientRecord): Promise<readonly Credential[]> {
    const scopes = typeof record.metadata.scope === 'string' ? record.metadata.scope.split(' ') : []
    const name = record.metadata.client_name
    return (await clients.secretsOf(record)).map((secret) => ({
      id: `sec_${record.clientId}.${secret.id}`,
      kind: 'client-secret' as const,
      owner: { type: 'service' as const, id: record.clientId },
      name: `Secret of ${typeof name === 'string' ? name : record.clientId}`,
      purpose: record.label ?? '',
      scopes,
      binding: 'none' as const,
      state: secret.until === null ? ('active' as const) : ('rotating' as const),
      createdAt: secret.createdAt ?? null,
      lastUsedAt: secret.lastUsedAt ?? null,
      expiresAt: secret.until,
      next: null,
    }))
  }

  return listed('client-secret', async ({ owner }) => {
    if (owner && owner.type !== 'service') return []
    const one = owner && (await clients.show(owner.id).catch(() => undefined))
    const records = owner ? (one ? [one] : []) : await clients.list()
    return (await Promise.all(records.filter(isLive).map(of))).flat()
  })
}

const KEY_STATES: Readonly<Record<string, State>> = {
  current: 'active',
  next: 'next',
  previous: 'rotating',
  retired: 'retired',
}
const unix = (iso: string | undefined): number | null => (iso === undefined ? null : Date.parse(iso) / 1000)

/** Signing keys, cookie keys among them. They belong to the server. */
export function keySource(keyring: Pick<Keyring, 'list'>): InventorySource {
  return listed('signing-key', async ({ owner }) => {
    if (owner) return []
    return (await keyring.list({ destroyed: false })).map((key) => ({
      id: `key_${key.kid}`,
      kind: 'signing-key' as const,
      owner: null,
      name: `${key.algorithm} ${key.kid}`,
      purpose: key.why ?? '',
      scopes: [],
      binding: 'server' as const,
      state: KEY_STATES[key.state] ?? 'retired',
      createdAt: unix(key.made_at),
      lastUsedAt: unix(key.last_signed_at),
      expiresAt: null,
      next: key.next_step === undefined ? null : { at: unix(key.next_at), why: key.next_step },
    }))
  })
}
