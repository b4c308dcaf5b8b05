/**
 * What may break a check, each with its reason. This list may only shrink: an entry that excuses nothing any more fails.
 * Before adding one, look for the way to do without.
 */

export interface Exception {
  /** The check's name, the finding's rule and its path, as `npm run check` prints them. */
  readonly check: string
  readonly rule: string
  readonly path: string
  readonly reason: string
}

/** A room's `createX`: a closure of verbs. Each verb inside stays under 60 lines; the factory around them does not. */
const factory = (path: string): Exception => ({
  check: 'lint and format',
  rule: 'noExcessiveLinesPerFunction',
  path,
  reason: 'a factory of verbs, or one table; every function inside is short',
})

export const exceptions: readonly Exception[] = [
  factory('src/accounts/actions.ts'),
  factory('src/clients/actions.ts'),
  factory('src/events.ts'),
  factory('src/oidc/configuration.ts'),
  factory('src/oidc/family.ts'),
  factory('src/oidc/interactions.ts'),
  factory('src/oidc/models.ts'),
  factory('src/oidc/records.ts'),
  factory('src/oidc/routes.ts'),
]
