/**
 * Client secrets: at most two live ones, so that a new one can be rolled out while the old one still works, and when each was
 * last used, so that a person sees when the old one is no longer needed. Last uses are gathered in memory and written off the
 * request's path: a crash may lose the last few seconds of them.
 */

import type { Collection, Store } from '../../adapters/store.ts'
import { bound, type Clock, isConflict, newDoc, seconds, TENANT, type Unit } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import type { ClientRecord, StoredSecret } from './records.ts'

export const secretUses: Collection = {
  name: 'client-secret-uses',
  indexes: [],
  fields: {},
  expires: true,
  about: "When each client secret was last used (`lastUse`), under the keyed hash of the secret's own hash.",
}

const KEPT_SECONDS = 400 * 24 * 3600

/** A secret as people see it. `id` names it and opens nothing; times in Unix seconds. */
export interface ShownSecret {
  readonly id: string
  readonly createdAt: number | undefined
  /** End of its overlap; null: it has none. */
  readonly until: number | null
  readonly lastUsedAt: number | undefined
  /** Only of an older one: it was not used since its successor was made, so nobody needs it any more. */
  readonly unneeded?: boolean
}

/** Those that still work. */
export function liveSecrets(record: Pick<ClientRecord, 'secrets'>, now: number): readonly StoredSecret[] {
  return record.secrets.filter(({ until }) => until === null || until > now)
}

/** The verbs on last uses. */
export function createSecretUses(deps: {
  readonly store: Pick<Store, 'get'>
  readonly seal: Seal
  readonly clock: Clock
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
}) {
  const { seal, clock } = deps
  const idOf = (hash: string): string => seal.hash('lookup', TENANT, 'client secret use', hash)
  let waiting = new Map<string, number>()

  async function write(hash: string, at: number): Promise<void> {
    const id = idOf(hash)
    const unit = deps.unit()
    const doc = await unit.get(secretUses.name, id)
    if (doc && (doc.lastUse ?? 0) >= at) return
    const purgeAt = at + KEPT_SECONDS
    if (doc) unit.update(secretUses.name, doc, { lastUse: at, purgeAt })
    else {
      const columns = bound({ tenant: TENANT, kind: 'client-secret-use', id })
      unit.insert(secretUses.name, newDoc(columns, { hk: seal.hk, lastUse: at, purgeAt }))
    }
    await deps.commit(unit).catch((cause) => {
      // Another node has written a use of the same moment.
      if (!isConflict(cause)) throw cause
    })
  }

  return {
    /** Notes a use; nothing is written here. */
    used(hash: string): void {
      waiting.set(hash, seconds(clock))
    },
    /** Writes what was noted. What can't be written is kept for the next time. */
    async flush(): Promise<void> {
      const taken = waiting
      waiting = new Map()
      for (const [hash, at] of taken) {
        try {
          await write(hash, at)
        } catch (cause) {
          for (const [other, when] of taken) if (!waiting.has(other)) waiting.set(other, when)
          throw cause
        }
      }
    },
    /** A client's live secrets, the older first. */
    async shown(record: ClientRecord): Promise<readonly ShownSecret[]> {
      const live = liveSecrets(record, seconds(clock))
      const newest = live.at(-1)
      return Promise.all(
        live.map(async (secret) => {
          const doc = await deps.store.get(secretUses.name, idOf(secret.hash))
          const lastUsedAt = waiting.get(secret.hash) ?? doc?.lastUse ?? undefined
          const shown = { id: secret.hash.slice(0, 10), createdAt: secret.createdAt, until: secret.until, lastUsedAt }
          return secret === newest ? shown : { ...shown, unneeded: (lastUsedAt ?? 0) < (newest?.createdAt ?? 0) }
        }),
      )
    },
  }
}
