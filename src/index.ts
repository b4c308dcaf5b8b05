/** What a configuration module imports from the package: `import { defineConfig, idle, type RotationPolicy } from 'mintmark'`. */

export {
  type ConfigurationInput,
  defineConfig,
  type RotationAction,
  type RotationDecision,
  type RotationEvent,
  type RotationFacts,
  type RotationPolicy,
} from './config/index.ts'
export { type Algorithm, type KeptKey, type MadeKey, type Sign, type Signers, SignerUnavailable } from './keys/index.ts'
export {
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
} from './rotation/index.ts'
