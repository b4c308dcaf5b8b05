/**
 * What each key signs, counted beside the request and written every few seconds: a crash may lose the last of it, so a key stays
 * published a minute longer than the count asks for.
 */

import type { Store } from '../../adapters/store.ts'
import { bound, type Clock, newDoc, overRivals, seconds, TENANT, type Unit } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import { keyUses, useId } from './records.ts'
import type { Sign } from './signers.ts'

interface Waiting {
  signatures: number
  lastSignedAt: number
  signedUntil: number
}

/** Signs, and counts. `exp` (Unix seconds): of what is signed, where whoever asks knows it; else it is read from the bytes. */
export type CountedSign = (data: Uint8Array, exp?: number) => ReturnType<Sign>

/** What has no `exp` of its own (a signed userinfo or introspection answer) is good for this long here. */
const UNDATED_SECONDS = 3600
const TRIES = 9

/** The `exp` of what is signed: the bytes are `header.payload` (RFC 7515, 5.1). Unix seconds; undefined when it has none. */
export function expOf(data: Uint8Array): number | undefined {
  const dot = data.indexOf(0x2e)
  if (dot === -1) return undefined
  try {
    const claims: unknown = JSON.parse(
      Buffer.from(Buffer.from(data).toString('latin1', dot + 1), 'base64url').toString(),
    )
    return typeof claims === 'object' && claims !== null && 'exp' in claims && typeof claims.exp === 'number'
      ? claims.exp
      : undefined
  } catch {
    return undefined
  }
}

/** Counts uses. */
export function createKeyUses(deps: {
  readonly store: Pick<Store, 'get'>
  readonly seal: Seal
  readonly clock: Clock
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
}) {
  const { seal, clock } = deps
  let waiting = new Map<string, Waiting>()

  function note(kid: string, exp: number | undefined): void {
    const now = seconds(clock)
    const until = exp ?? now + UNDATED_SECONDS
    const known = waiting.get(kid)
    if (!known) waiting.set(kid, { signatures: 1, lastSignedAt: now, signedUntil: until })
    else {
      known.signatures++
      known.lastSignedAt = now
      if (until > known.signedUntil) known.signedUntil = until
    }
  }

  async function stage(kid: string, use: Waiting): Promise<Unit> {
    const unit = deps.unit()
    const id = useId(seal, kid)
    const doc = await unit.get(keyUses.name, id)
    if (!doc) {
      const fields = { signatures: use.signatures, signedUntil: use.signedUntil }
      const columns = bound({ tenant: TENANT, kind: 'signing-key-use', id })
      unit.insert(keyUses.name, newDoc(columns, { hk: seal.hk, lastUse: use.lastSignedAt, fields }))
      return unit
    }
    const { signedUntil = null } = doc.fields
    const set = {
      lastUse: Math.max(use.lastSignedAt, doc.lastUse ?? 0),
      fields: { signedUntil: Math.max(use.signedUntil, Number(signedUntil ?? 0)) },
    }
    // The largest of all nodes must stand: whoever read an older one loses and reads again.
    unit.decide(
      { collection: keyUses.name, id, if: { fields: { signedUntil } }, set, increment: { signatures: use.signatures } },
      doc,
    )
    return unit
  }

  async function write(kid: string, use: Waiting): Promise<void> {
    await overRivals(TRIES, async () => deps.commit(await stage(kid, use)))
  }

  return {
    /** A signature that is counted. */
    counted(kid: string, sign: Sign): CountedSign {
      return (data, exp) => {
        // Before it signs: a signature that nobody counted could outlive its key.
        note(kid, exp ?? expOf(data))
        return sign(data)
      }
    },
    /** Writes what was counted; what can't be written is kept for the next time. */
    async flush(): Promise<void> {
      const taken = waiting
      waiting = new Map()
      for (const [kid, use] of taken) {
        taken.delete(kid)
        try {
          await write(kid, use)
        } catch (cause) {
          for (const [other, more] of [[kid, use] as const, ...taken]) merge(waiting, other, more)
          throw cause
        }
      }
    },
  }
}

function merge(into: Map<string, Waiting>, kid: string, use: Waiting): void {
  const known = into.get(kid)
  into.set(
    kid,
    known
      ? {
          signatures: known.signatures + use.signatures,
          lastSignedAt: Math.max(known.lastSignedAt, use.lastSignedAt),
          signedUntil: Math.max(known.signedUntil, use.signedUntil),
        }
      : use,
  )
}

export type KeyUses = ReturnType<typeof createKeyUses>
