/** What changed between two configurations, by how the change takes effect. Pure. */

import { isDeepStrictEqual } from 'node:util'
import type { RotationRule } from './policy.ts'
import { recipeOf } from './recipe.ts'
import type { Configuration } from './schema.ts'

/** What a swap of the provider brings into effect. */
const SWAPPED = ['apis', 'scopes', 'lifetimes', 'features', 'rotation', 'keys', 'tokens'] as const

/** What changed: by a swap, by writing clients into the store, or only by a restart. Names are paths of the configuration. */
export interface Difference {
  readonly swapped: readonly string[]
  readonly clients: boolean
  readonly restart: readonly string[]
}

/**
 * Whether two rules do the same. A built-in is known by its recipe: its name does not say all of it (a webhook's secret). Of an own
 * function only the very same one is equal: its source may stand while what it reads from its module has changed.
 */
function sameRule(a: RotationRule, b: RotationRule): boolean {
  const { policy: before, ...fieldsBefore } = a
  const { policy: after, ...fieldsAfter } = b
  if (!isDeepStrictEqual(fieldsBefore, fieldsAfter)) return false
  const recipe = recipeOf(before)
  return before === after || (recipe !== undefined && isDeepStrictEqual(recipe, recipeOf(after)))
}

const sameRules = (a: readonly RotationRule[], b: readonly RotationRule[]): boolean =>
  a.length === b.length && a.every((rule, n) => b[n] !== undefined && sameRule(rule, b[n]))

type Parts = Readonly<Record<string, unknown>>

/** `keys` without its signers, which are objects with methods: equal only when they are the same. */
function withoutSigners(keys: unknown): { readonly rest: Parts; readonly signers: unknown } {
  if (typeof keys !== 'object' || keys === null) return { rest: {}, signers: undefined }
  const { signers, ...rest }: Parts = { ...keys }
  return { rest, signers }
}

/** Compares two parsed configurations. A part that is named nowhere here needs a restart. */
export function difference(before: Configuration, after: Configuration): Difference {
  const [old, now]: readonly [Parts, Parts] = [before, after]
  const keys = [withoutSigners(old.keys), withoutSigners(now.keys)] as const
  const changed = (name: string): boolean => {
    if (name === 'rotation') return !sameRules(before.rotation, after.rotation)
    if (name === 'keys') return !isDeepStrictEqual(keys[0].rest, keys[1].rest)
    return !isDeepStrictEqual(old[name], now[name])
  }
  const known: readonly string[] = [...SWAPPED, 'clients']
  const others = [...new Set([...Object.keys(old), ...Object.keys(now)])].filter((name) => !known.includes(name))
  return {
    swapped: SWAPPED.filter(changed),
    clients: changed('clients'),
    restart: [
      ...others.filter(changed),
      ...(isDeepStrictEqual(keys[0].signers, keys[1].signers) ? [] : ['keys.signers']),
    ],
  }
}
