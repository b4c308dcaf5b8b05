/** Built-in policies made again from their recipes, where a configuration was read in another thread (src/config/fresh.ts). */

import { isRecipe, type PolicyRecipe, type RotationPolicy } from '../config/index.ts'
import {
  always,
  grace,
  idle,
  maxAge,
  maxRotations,
  maxUses,
  onCountryChange,
  onNetworkChange,
  pastShareOfLifetime,
  quietHours,
  rotateAfter,
  stagedRollout,
  whenNotBound,
} from './policies.ts'
import { webhook } from './webhook.ts'

const makers = new Map(
  Object.entries({
    always,
    grace,
    idle,
    maxAge,
    maxRotations,
    maxUses,
    onCountryChange,
    onNetworkChange,
    pastShareOfLifetime,
    quietHours,
    rotateAfter,
    stagedRollout,
    webhook,
    whenNotBound,
  }),
)

/**
 * The policy of a recipe. Throws TypeError for one that this version does not know, and what the built-in throws for arguments
 * that it does not take.
 */
export function policyOf({ builtIn, with: given }: PolicyRecipe): RotationPolicy {
  const make = makers.get(builtIn)
  if (!make) throw new TypeError(`there is no built-in policy ${builtIn}`)
  // What a recipe holds was given to the same function in another thread: its own checks stand at this edge too.
  return Reflect.apply(
    make,
    undefined,
    given.map((one) => (isRecipe(one) ? policyOf(one) : one)),
  )
}
