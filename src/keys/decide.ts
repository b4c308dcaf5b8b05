/** Whether a signing key has had its time: asked of the same policies as every other credential (`signing-key.tick`). */

import type { RotationFacts } from '../config/index.ts'
import type { Norm, Verdict } from '../rotation/index.ts'
import type { KeyUse, RingKey } from './rules.ts'

/** What the deployment says of its keys. Seconds. */
export interface KeySettings {
  readonly rotateAfterSeconds: number
  readonly cookieRotateAfterSeconds: number
  /** Signatures after which a key has had its time; undefined: however many. */
  readonly signaturesMax?: number | undefined
  /** How long a key is published before it signs. */
  readonly publishSeconds: number
  /** The longest session. */
  readonly sessionSeconds: number
}

/** What a key does when no policy has an opinion: it rotates when its time or its number of signatures is used up. */
export function signingKeyNorm({ credential }: RotationFacts): Norm {
  return {
    usual:
      credential.lifetimeShare >= 1
        ? { do: 'rotate', why: `its time is up (${credential.ageSeconds} seconds, ${credential.uses ?? 0} signatures)` }
        : { do: 'keep', why: 'within its time' },
  }
}

/** What a policy may know of a key. */
export function factsOf(
  key: RingKey,
  input: { readonly now: number; readonly use: KeyUse; readonly settings: KeySettings; readonly rotations: number },
): RotationFacts {
  const { now, use, settings } = input
  const age = Math.max(0, now - (key.currentAt ?? key.madeAt))
  const life = key.slot === 'cookie' ? settings.cookieRotateAfterSeconds : settings.rotateAfterSeconds
  const used = settings.signaturesMax === undefined ? 0 : use.signatures / settings.signaturesMax
  return {
    event: 'signing-key.tick',
    now,
    credential: {
      kind: 'signing_key',
      id: key.kid,
      ageSeconds: age,
      chainAgeSeconds: age,
      idleSeconds: Math.max(0, now - (use.lastSignedAt ?? key.currentAt ?? key.madeAt)),
      lifetimeShare: Math.min(1, Math.max(age / life, used)),
      rotations: input.rotations,
      uses: use.signatures,
      bound: 'none',
      scopes: [],
    },
    limits: { neverRotate: false, lifetimeSecondsMax: life, graceSecondsMax: settings.sessionSeconds },
  }
}

/** What a decision means for a key: to end it is to drop it at once; whatever else is stricter than to keep rotates it. */
export function meaning({ do: decided }: Pick<Verdict, 'do'>): 'keep' | 'rotate' | 'compromised' {
  if (decided === 'keep') return 'keep'
  return decided === 'revoke' || decided === 'revokeFamily' ? 'compromised' : 'rotate'
}
