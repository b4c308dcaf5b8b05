/**
 * Who uses a token, and how it goes: counted in memory beside the request and written every two seconds, so that a crash loses less
 * than five seconds of it. Counts are added to, never set, so nodes that count the same token lose nothing of each other.
 */

import type { Store } from '../../adapters/store.ts'
import { type Clock, isConflict, overRivals, seconds, type Unit } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import { Gathered, usersIn, type Waiting } from './gathered.ts'
import { apiTokens, publicId, storedId } from './records.ts'
import { createRiskWatch } from './risk.ts'
import { type Counts, isOutcome, joined, joinedScopes, NO_SCOPES, type TokenUsers, type Use } from './seen.ts'
import { createUseRecords, DAY, stageUsersErased, USERS_DAYS, type Used, type UseRecords } from './use-records.ts'

/** What the records of use need. */
export interface UsageDeps {
  readonly store: Pick<Store, 'get' | 'find'>
  readonly seal: Seal
  readonly clock: Clock
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
  /** Hears of a token that came from outside its networks several times in an hour, once for each hour; nobody waits for it. */
  readonly outside?: (id: string, times: number) => unknown
  /** Whether the account of a keyed hash was erased; no unless given. */
  readonly isErased?: ((account: string) => Promise<boolean>) | undefined
}

const LAST_USE_SECONDS = 60
const TRIES = 8
const SIDE_BY_SIDE = 16

/** Commits what `stage` stages; another node's write of the same moment makes it read again. */
export async function insist(
  deps: Pick<UsageDeps, 'unit' | 'commit'>,
  stage: (unit: Unit) => Promise<void>,
): Promise<void> {
  await overRivals(TRIES, async () => {
    const unit = deps.unit()
    await stage(unit)
    await deps.commit(unit)
  })
}

/** Works a list off, a few side by side; what fails does not hold up the others, and the first failure is thrown at the end. */
export async function each<T>(list: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const queue = [...list]
  const failures: unknown[] = []
  await Promise.all(
    Array.from({ length: SIDE_BY_SIDE }, async () => {
      for (let next = queue.pop(); next !== undefined; next = queue.pop())
        await work(next).catch((cause) => void failures.push(cause))
    }),
  )
  if (failures.length > 0) throw failures[0]
}

/** The last use on the token's own document: once a minute, since it raises the document's `rev`. */
function createLastUse(deps: UsageDeps) {
  let written = new Map<string, number>()
  return {
    async write(id: string, at: number): Promise<void> {
      if (at - (written.get(id) ?? 0) < LAST_USE_SECONDS) return
      const unit = deps.unit()
      const doc = await unit.get(apiTokens.name, id)
      if (doc && doc.revokedAt === null && at - (doc.lastUse ?? 0) >= LAST_USE_SECONDS) {
        unit.decide({ collection: apiTokens.name, id, if: { revokedAt: null }, set: { lastUse: at } }, doc)
        await deps.commit(unit).catch((cause) => {
          // It was revoked meanwhile: that its last use is not told on it is no loss.
          if (!isConflict(cause)) throw cause
        })
      }
      written.set(id, at)
    },
    /** Forgets what is older than a minute. */
    prune(): void {
      const old = seconds(deps.clock) - LAST_USE_SECONDS
      written = new Map([...written].filter(([, at]) => at > old))
    },
  }
}

/** Of an erased account's token, which may be presented for ever, nobody's whereabouts are kept. */
async function writeUsers(deps: UsageDeps, records: UseRecords, id: string, at: Waiting): Promise<void> {
  const { account } = at
  const isErased = async (): Promise<boolean> => account !== null && ((await deps.isErased?.(account)) ?? false)
  if (await isErased()) return
  await insist(deps, (unit) => records.stageUsers(unit, id, usersIn(at)))
  // Asked again: an erasure between the question and the write has removed what was there, not what came after it.
  if (await isErased()) await insist(deps, async (unit) => stageUsersErased(deps.seal, unit, id))
}

/** Verbs on uses. */
export function createUsage(deps: UsageDeps) {
  const { clock } = deps
  const records = createUseRecords(deps)
  const gathered = new Gathered()
  const lastUse = createLastUse(deps)
  const watch = createRiskWatch((id, times) => deps.outside?.(publicId(id), times))
  let flushing: Promise<void> = Promise.resolve()

  /** Takes out of `at` what it has written, so that a failure leaves what is still to be written. */
  async function write(id: string, at: Waiting): Promise<void> {
    // Counts apart from users: an increment has no rival, so what is counted is never held up by who else writes.
    for (const [hour, counts] of at.hours) {
      await insist(deps, (unit) => records.stageCount(unit, { id, hour }, counts))
      at.hours.delete(hour)
      watch(id, hour, counts.get('IP_DENIED') ?? 0)
    }
    await writeUsers(deps, records, id, at)
    at.served.clear()
    at.refused.clear()
    // Of an erased account's token too: which scopes served says of nobody where from and with what.
    if (at.uses > 0) await insist(deps, (unit) => records.stageUsed(unit, id, at))
    at.uses = 0
    at.scopes = NO_SCOPES
    if (at.lastUse !== undefined) await lastUse.write(id, at.lastUse)
  }

  async function writeAll(): Promise<void> {
    lastUse.prune()
    await each([...gathered.take()], ([id, at]) =>
      write(id, at).catch((cause) => {
        gathered.takeBack(id, at)
        // Rivals won every try; the next batch joins its users to theirs.
        if (!isConflict(cause)) throw cause
      }),
    )
  }

  return {
    /** Notes a use; nothing is written here. */
    note({ id, outcome, scopes, account = null, ...where }: Use): void {
      if (isOutcome(outcome)) gathered.note(id, { ...where, outcome, lastSeen: seconds(clock) }, { scopes, account })
    },
    /** Writes what was noted; what can't be written is kept for the next time. One at a time. */
    flush(): Promise<void> {
      flushing = flushing.catch(() => undefined).then(writeAll)
      return flushing
    },
    /** How often it was used with success in its life, and each scope that this needed with its last time. */
    async used(id: string): Promise<Used> {
      const key = storedId(id)
      const [kept, waiting] = [await records.used(key), gathered.used(key)]
      return { uses: kept.uses + waiting.uses, scopes: joinedScopes(kept.scopes, waiting.scopes) }
    },
    /**
     * Who has used a token in the last days (30 at most), the latest first. `served`: those who have not moved on during an overlap,
     * and what breaks when it is revoked; the latest 50. `refused`: who tried and was not let in; the latest 20.
     */
    async users(id: string, days = USERS_DAYS): Promise<TokenUsers> {
      const key = storedId(id)
      const since = seconds(clock) - Math.min(days, USERS_DAYS) * DAY
      return joined(await records.users(key), gathered.users(key), since)
    },
    /** Counts by hour, oldest first, as they are written (32 days are kept). */
    hours: (id: string): Promise<readonly { readonly hour: number; readonly counts: Counts }[]> =>
      records.hours(storedId(id)),
  }
}

export type Usage = ReturnType<typeof createUsage>
