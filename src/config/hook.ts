/** The first rotation hook's shape; the engine of `src/rotation` grows behind it. */

/** What a hook may know of a refresh. Ages in seconds. */
export interface RefreshFacts {
  readonly event: 'refresh'
  /** Unix seconds. */
  readonly now: number
  readonly credential: {
    readonly kind: 'refresh_token'
    readonly ageSeconds: number
    readonly familyAgeSeconds: number
    /** Share of its lifetime that has passed, 0 to 1. */
    readonly lifetimeShare: number
    readonly rotations: number
    /** Bound to a key or certificate of the client. */
    readonly senderConstrained: boolean
    readonly scopes: readonly string[]
  }
  readonly client: { readonly id: string; readonly public: boolean; readonly label: string | undefined }
}

/** Decides a refresh. */
export type RotationHook = (facts: Readonly<RefreshFacts>) => 'keep' | 'rotate' | Promise<'keep' | 'rotate'>
