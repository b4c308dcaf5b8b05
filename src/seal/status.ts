/** What there is of keys, for people: ids, counts, ages and states. Never a key. */

import type { Store } from '../../adapters/store.ts'
import { credentialVersion } from './credential.ts'
import { epochOf } from './keys.ts'
import type { Masters } from './master.ts'
import { wrappedKeys } from './rewrap.ts'
import type { Ring, Version } from './ring.ts'
import { tokenVersion } from './token.ts'

const iso = (at: number | null): string | null => (at === null ? null : new Date(at * 1000).toISOString())

function shown(versions: readonly Version[], name: (n: number) => string): readonly object[] {
  return versions.map(({ n, state, since, until }) => ({
    version: name(n),
    state,
    since: iso(since),
    until: iso(until),
  }))
}

/** The renewal as people see it. */
export function shownRenewal({ renewal, epoch }: Ring): object | null {
  if (!renewal) return null
  const { startedAt, finishedAt, pass, passes, seen, resealed, left, named, erased } = renewal
  return {
    epoch,
    started_at: iso(startedAt),
    finished_at: iso(finishedAt),
    pass: passes,
    at: pass ? pass.collection : null,
    seen,
    resealed,
    /** Documents, and the old data keys that they keep alive. */
    left,
    keys_kept: named.length,
    keys_erased: erased,
  }
}

/** Masters, data keys, versions and renewal. */
export async function keyStatus(deps: {
  readonly store: Pick<Store, 'scan'>
  readonly masters: Masters
  readonly ring: Ring
}): Promise<Readonly<Record<string, unknown>>> {
  const { store, masters, ring } = deps
  const wraps = new Map<string, number>([[masters.current().id, 0]])
  const data = { count: 0, old: 0, oldest: Number.POSITIVE_INFINITY }
  for await (const { id, kind, fields, iat } of wrappedKeys(store)) {
    const master = String(fields.master)
    wraps.set(master, (wraps.get(master) ?? 0) + 1)
    if (kind !== 'data') continue
    data.count++
    if (epochOf(id) < ring.epoch) data.old++
    data.oldest = Math.min(data.oldest, iat ?? data.oldest)
  }
  return {
    masters: [...wraps].map(([id, keys]) => ({ id, keys, wraps: id === masters.current().id })),
    data_keys: data.count,
    data_keys_of_earlier_epochs: data.old,
    oldest_data_key: Number.isFinite(data.oldest) ? iso(data.oldest) : null,
    epoch: ring.epoch,
    token_hash_versions: shown(ring.token, tokenVersion),
    secret_hash_versions: shown(ring.credential, credentialVersion),
    renewal: shownRenewal(ring),
  }
}
