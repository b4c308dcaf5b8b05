/** What can be done to API tokens, as one type: faces, schedulers and followers are built against it. Times in Unix seconds. */

import type { Secret, Unit } from '../base/index.ts'
import type { Networks, Owner, TokenKind, TokenRecord } from './records.ts'
import type { TokenState } from './rules.ts'

/** A token that somebody orders. */
export interface TokenOrder {
  readonly name: string
  readonly kind: TokenKind
  readonly owner: Owner
  readonly purpose?: string | undefined
  readonly keptAt?: string | undefined
  readonly scopes: readonly string[]
  readonly apis?: readonly string[] | undefined
  readonly networks?: Networks | undefined
  readonly methods?: readonly string[] | undefined
  readonly paths?: readonly string[] | undefined
  readonly notBefore?: number | undefined
  /** 30 days unless given; the deployment's limit holds. */
  readonly lifetimeSeconds?: number | undefined
  readonly labels?: readonly string[] | undefined
  readonly template?: string | undefined
  /** Public id of the parent: the child can only be narrower, and dies with it. */
  readonly parent?: string | undefined
  readonly canary?: boolean | undefined
}

/** Who does it: 'account SUB', 'client ID', 'operator', 'policy NAME', 'leak report'. For the record. */
export type By = string

/** A token as people and programs see it; nothing of it opens anything. */
export interface ShownToken extends Omit<TokenRecord, 'parent'> {
  /** `tok_...` */
  readonly id: string
  readonly state: TokenState
  /** The line of its rotations: the same before and after each. */
  readonly line: string
  readonly parent: { readonly id: string; readonly name: string } | null
  readonly notBefore: number | null
  readonly expiresAt: number
  readonly lastUsedAt: number | null
  readonly overlapUntil: number | null
  readonly successor: string | null
}

/**
 * Stages everything in the unit that it is given; the caller commits, and stages again after a `Conflict`. Refusals are `Refusal`s.
 * Each verb takes the unit's one decider (making a token only where it has a parent), so a unit carries one of them; but any number
 * of quarantines and revocations.
 */
export interface TokenVerbs {
  /** The text is in the answer once and nowhere else. Pending where its scopes are sensitive. */
  create(unit: Unit, order: TokenOrder, by: By): Promise<{ readonly text: Secret; readonly shown: ShownToken }>
  /** A foreign token, by the SHA-256 of its text (hexadecimal): it is never known here. */
  importByHash(unit: Unit, order: TokenOrder & { readonly sha256: string }, by: By): Promise<ShownToken>
  show(id: string): Promise<ShownToken>
  /** An owner's tokens, a page at a time, in order of id. */
  list(
    owner: Owner,
    page: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<readonly ShownToken[]>
  approve(unit: Unit, id: string, by: By): Promise<ShownToken>
  quarantine(unit: Unit, id: string, input: { readonly by: By; readonly why: string }): Promise<ShownToken>
  release(unit: Unit, id: string, by: By): Promise<ShownToken>
  /**
   * A successor with the same rights and the same end; the old one works on for the overlap (0, 1 h, 24 h, 7 d). Where approval is asked it is
   * pending, unless it is rotated by who ordered it or owns it.
   */
  rotate(
    unit: Unit,
    id: string,
    input: { readonly overlapSeconds: number; readonly by: By; readonly why: string },
  ): Promise<{ readonly text: Secret; readonly shown: ShownToken }>
  /** With it all its children, and of its line whatever overlaps. One that gave way to a successor ends alone. */
  revoke(unit: Unit, id: string, input: { readonly by: By; readonly why: string }): Promise<ShownToken>
  /** Takes rights away for good. */
  narrow(unit: Unit, id: string, input: { readonly scopes: readonly string[]; readonly by: By }): Promise<ShownToken>
}
