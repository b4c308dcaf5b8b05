/** Facts for tests of policies: a confidential client's unbound token, an hour old. */

import type { CredentialFacts, RotationFacts } from '../../src/config/index.ts'

type Client = NonNullable<RotationFacts['client']>

/** Facts with what a test says instead of the usual. */
export function factsFor(
  input: {
    readonly now?: number
    readonly credential?: Partial<CredentialFacts>
    readonly client?: Partial<Client>
    readonly request?: RotationFacts['request']
    readonly limits?: Partial<RotationFacts['limits']>
  } = {},
): RotationFacts {
  return {
    event: 'refresh',
    now: input.now ?? 1_800_000_000,
    credential: {
      kind: 'refresh_token',
      id: 'family-1',
      ageSeconds: 3600,
      chainAgeSeconds: 7200,
      idleSeconds: 60,
      lifetimeShare: 0.1,
      rotations: 3,
      bound: 'none',
      scopes: ['read', 'write'],
      ...input.credential,
    },
    client: { id: 'web', public: false, fapi: false, label: undefined, ...input.client },
    request: input.request,
    limits: { neverRotate: false, lifetimeSecondsMax: 1_209_600, graceSecondsMax: 10, ...input.limits },
  }
}
