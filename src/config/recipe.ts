/**
 * How a policy that is no own function is made again: the name of the built-in and what it was given. A function can't be sent to
 * another thread, its recipe can (fresh.ts); two built-ins are the same when their recipes are (difference.ts).
 */

import { createHash } from 'node:crypto'
import type { RotationPolicy } from './policy.ts'

/** `with`: the arguments, plain data; a policy among them as its own recipe. May hold a webhook's secret: never to be logged. */
export interface PolicyRecipe {
  readonly builtIn: string
  readonly with: readonly unknown[]
}

// Registered, so that a second copy of the package speaks the same; not enumerable, so that no log prints what it gives.
const RECIPE = Symbol.for('mintmark.policy.recipe')

/** Whether data are a recipe. */
export function isRecipe(value: unknown): value is PolicyRecipe {
  return (
    typeof value === 'object' &&
    value !== null &&
    'builtIn' in value &&
    typeof value.builtIn === 'string' &&
    'with' in value &&
    Array.isArray(value.with)
  )
}

/** Gives a built-in its recipe. One that is given another name later is no longer what the recipe makes, and has none. */
export function withRecipe(policy: RotationPolicy, recipe: () => PolicyRecipe): RotationPolicy {
  const { policyName, policyVersion } = policy
  const isAsMade = (): boolean => policy.policyName === policyName && policy.policyVersion === policyVersion
  return Object.defineProperty(policy, RECIPE, { value: () => (isAsMade() ? recipe() : undefined) })
}

/** A policy's recipe; undefined: an own function, which is only where it was made. */
export function recipeOf(policy: RotationPolicy): PolicyRecipe | undefined {
  const make: unknown = Reflect.get(policy, RECIPE)
  const recipe: unknown = typeof make === 'function' ? make() : undefined
  return isRecipe(recipe) ? recipe : undefined
}

/** A policy's version: its own, else its source's hash, which changes when the function does. */
export function versionOf(policy: RotationPolicy): string {
  return policy.policyVersion ?? createHash('sha256').update(String(policy)).digest('hex').slice(0, 8)
}
