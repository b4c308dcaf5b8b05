/**
 * Rotation: when a credential of any kind is replaced, held or ended, and what an old one still is.
 * Facts in, verdict out. It refuses to know stores, requests and the library.
 */

export { createEngine, type Engine, type EngineDeps, type Opinion, type PolicyReport, type Verdict } from './engine.ts'
export {
  always,
  grace,
  idle,
  maxAge,
  maxRotations,
  maxUses,
  named,
  type OnChange,
  onCountryChange,
  onNetworkChange,
  pastShareOfLifetime,
  type Quiet,
  quietHours,
  rotateAfter,
  stagedRollout,
  whenNotBound,
} from './policies.ts'
export { policyOf } from './recipes.ts'
export {
  combine,
  type FamilyFacts,
  type Norm,
  type Outcome,
  refreshNorm,
  type Standing,
  standing,
  stricter,
} from './rules.ts'
export { type Recorded, type Simulation, simulate } from './simulate.ts'
export { webhook } from './webhook.ts'
