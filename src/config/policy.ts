/**
 * The shape of a rotation policy: one type for refresh tokens, API tokens, client secrets and signing keys (DESIGN section 6).
 * It stands on this floor because configuration carries policies; the engine that asks them is `src/rotation`.
 * Ages and lifetimes in seconds, times in Unix seconds.
 */

/** Why the question is asked. */
export type RotationEvent =
  | 'refresh'
  | 'api-token.scheduled'
  | 'client-secret.scheduled'
  | 'signing-key.tick'
  | 'leak'
  | 'risk'
  | 'admin'

/** Where a request came from. Any of these may be unknown. */
export interface SeenFrom {
  /** Network prefix: /24 of IPv4, /56 of IPv6. */
  readonly network?: string | undefined
  /** Two letters, from the trusted proxy's header (`features.countryHeader`). */
  readonly country?: string | undefined
  readonly agent?: string | undefined
}

/** What rotates. All but the signing key are held by people and clients. */
export const CREDENTIAL_KINDS = ['refresh_token', 'api_token', 'client_secret', 'signing_key'] as const
export type CredentialKind = (typeof CREDENTIAL_KINDS)[number]

/** The credential in question. */
export interface CredentialFacts {
  readonly kind: CredentialKind
  /** Stable over rotations (a family's, for refresh tokens). A hash: it opens nothing. */
  readonly id: string
  /** Since this one was issued. */
  readonly ageSeconds: number
  /** Since the first of its chain was issued. */
  readonly chainAgeSeconds: number
  /** Since its last use; its age where it was never used. */
  readonly idleSeconds: number
  /** Share of its lifetime that has passed, 0 to 1. */
  readonly lifetimeShare: number
  readonly rotations: number
  /** The time between rotations that the lifecycle policies of an API token ask for; absent where none does. */
  readonly rotateEverySeconds?: number | undefined
  /** Signatures made, for a signing key; successes, for an API token; absent where they are not counted. */
  readonly uses?: number | undefined
  readonly bound: 'none' | 'dpop' | 'mtls'
  readonly scopes: readonly string[]
  /** Where its last use came from. */
  readonly last?: SeenFrom | undefined
}

/** What a policy may know. Frozen: nothing that it changes is seen by anyone. */
export interface RotationFacts {
  readonly event: RotationEvent
  readonly now: number
  readonly credential: CredentialFacts
  readonly client?:
    | {
        readonly id: string
        readonly public: boolean
        readonly fapi: boolean
        readonly label: string | undefined
      }
    | undefined
  /** `id` is the `sub`. */
  readonly subject?: { readonly id: string; readonly authTime?: number | undefined } | undefined
  readonly request?: SeenFrom | undefined
  /** Score 0 to 1. */
  readonly risk?: { readonly score: number; readonly reasons: readonly string[] } | undefined
  readonly limits: RotationLimits
}

/** What the deployment allows at most. A policy can shorten and narrow, never lengthen or widen. */
export interface RotationLimits {
  /** FAPI 2.0: beats every decision below `deny`. */
  readonly neverRotate: boolean
  readonly lifetimeSecondsMax: number
  readonly graceSecondsMax: number
}

/** What can be done, from the mildest to the strictest. */
export const ROTATION_ACTIONS = ['keep', 'rotate', 'stepUp', 'deny', 'quarantine', 'revoke', 'revokeFamily'] as const
export type RotationAction = (typeof ROTATION_ACTIONS)[number]

/** What a policy says. `abstain`: no opinion on what is done; lifetimes, window and scopes still count. */
export interface RotationDecision {
  readonly do: RotationAction | 'abstain'
  /** In words, for the record. */
  readonly why?: string | undefined
  /** Of what is issued now. */
  readonly lifetimeSeconds?: number | undefined
  /** How long the old one still gets its first answer. */
  readonly graceSeconds?: number | undefined
  /** What is left of the scopes. */
  readonly scopes?: readonly string[] | undefined
  readonly notify?: readonly ('owner' | 'administrators')[] | undefined
}

/** A policy: facts in, decision out, within 50 ms. `policyName` and `policyVersion` stand in every record of what it decided. */
export interface RotationPolicy {
  (facts: Readonly<RotationFacts>, signal: AbortSignal): RotationDecision | Promise<RotationDecision>
  readonly policyName?: string
  readonly policyVersion?: string
}

/** A policy with whom it is for. */
export interface RotationRule {
  readonly policy: RotationPolicy
  readonly name: string
  readonly version: string
  /** Client ids; undefined: all. */
  readonly clients: readonly string[] | undefined
  /** Labels of clients; undefined: all. */
  readonly labels: readonly string[] | undefined
  /** Kinds of credential; undefined: all that people and clients hold, so not signing keys. */
  readonly kinds: readonly CredentialKind[] | undefined
  /** Decided and recorded, not enforced. */
  readonly shadow: boolean
}
