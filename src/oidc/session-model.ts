/**
 * Sessions: one document under the session's `uid`, and a pointer for each cookie value that leads there. So a sign-out writes
 * one tombstone, and a session saved late by a request in flight loses against it. Two tabs that save at once are merged.
 */

import { seconds } from '../base/index.ts'
import { endOne } from '../revocation/index.ts'
import type { Model, ModelDeps } from './models.ts'
import { artefacts, type Payload } from './records.ts'
import { currentWork } from './work.ts'

const isRecord = (value: unknown): value is Payload =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Three-way: what only one side changed is taken; what both changed differently is a conflict (undefined). */
function mergedRecord(
  base: Payload,
  ours: Payload,
  theirs: Payload,
  both: (key: string) => unknown,
): Payload | undefined {
  const out: Payload = {}
  for (const key of new Set([...Object.keys(base), ...Object.keys(ours), ...Object.keys(theirs)])) {
    const value = same(ours[key], base[key])
      ? theirs[key]
      : same(theirs[key], base[key]) || same(ours[key], theirs[key])
        ? ours[key]
        : both(key)
    if (value === CONFLICT) return undefined
    if (value !== undefined) out[key] = value
  }
  return out
}

const CONFLICT = Symbol('conflict')

/**
 * Merges two saves of one session. Authorizations merge by client; times take the later one; another account is a conflict,
 * and the request runs again on what the winner left.
 */
export function mergeSessions(base: Payload, ours: Payload, theirs: Payload): Payload | undefined {
  return mergedRecord(base, ours, theirs, (key) => {
    if (key === 'authorizations') {
      const [b, o, t] = [base[key], ours[key], theirs[key]].map((value) => (isRecord(value) ? value : {}))
      return mergedRecord(b ?? {}, o ?? {}, t ?? {}, (client) => (isRecord(o) ? o[client] : CONFLICT)) ?? CONFLICT
    }
    if (key === 'exp' || key === 'loginTs' || key === 'iat')
      return Math.max(Number(ours[key] ?? 0), Number(theirs[key] ?? 0))
    return key === 'accountId' ? CONFLICT : ours[key]
  })
}

/** A pointer is renewed once a day at most: renewed by every save, two tabs would fight over it. */
const DAY_SECONDS = 24 * 3600

/** The Session model. */
export function createSessionModel({ records }: ModelDeps): Model {
  async function byId(id: string): Promise<Payload | undefined> {
    const work = currentWork()
    const doc = await work.unit.get(artefacts.name, id)
    if (!doc || doc.revokedAt !== null) return undefined
    const payload = await records.open(doc)
    if (!work.sessions.has(id)) work.sessions.set(id, { base: payload, ours: payload })
    return structuredClone(payload)
  }

  return {
    async upsert(jti, payload) {
      const work = currentWork()
      const { jti: _jti, ...kept } = payload
      const id = records.id('Session', String(payload.uid))
      const doc = await work.unit.get(artefacts.name, id)
      if (!doc) work.unit.insert(artefacts.name, records.document('Session', id, kept))
      else if (doc.revokedAt === null) work.unit.update(artefacts.name, doc, records.reseal(doc, kept))
      const read = work.sessions.get(id)
      if (read) read.ours = kept
      const pointer = records.pointer('session-id', jti, id, typeof payload.exp === 'number' ? payload.exp : null)
      const standing = await work.unit.get(artefacts.name, pointer.id)
      if (!standing) work.unit.insert(artefacts.name, pointer)
      else if (Number(pointer.purgeAt) - Number(standing.purgeAt) > DAY_SECONDS)
        work.unit.update(artefacts.name, standing, { exp: pointer.exp, purgeAt: pointer.purgeAt })
    },
    async find(jti) {
      const pointer = await currentWork().unit.get(artefacts.name, records.id('session-id', jti))
      const target = pointer?.fields.target
      const payload = typeof target === 'string' ? await byId(target) : undefined
      return payload && { ...payload, jti }
    },
    async findByUid(uid) {
      const payload = await byId(records.id('Session', uid))
      // The cookie's value is not in the store; whoever comes by `uid` gets an id that leads nowhere.
      return payload && { ...payload, jti: `uid ${uid}` }
    },
    /** The library calls this for the old id when it turns a session's id: only the old cookie ends. */
    async destroy(jti) {
      currentWork().unit.cleanup(artefacts.name, records.id('session-id', jti))
    },
  }
}

/** Stages a sign-out: the session is a tombstone, whatever is saved late. */
export function endSession({ records, clock }: Pick<ModelDeps, 'records' | 'clock'>, uid: string): void {
  const { unit } = currentWork()
  endOne(unit, { collection: artefacts.name, at: seconds(clock) }, records.id('Session', uid))
  unit.note('session.ended', { session: records.id('Session', uid) })
}
