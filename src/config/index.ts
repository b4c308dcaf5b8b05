/**
 * Settings: the environment and the configuration module, each parsed once into types with defaults and meaning.
 * Reads no environment itself (`main.ts` and the CLI hand it in), and knows nothing of what the settings do.
 */

export { type Difference, difference } from './difference.ts'
export { BadConfiguration, type Entry, type Environment, environment, parseEnvironment } from './environment.ts'
export { type Fresh, type FreshInput, readFresh } from './fresh.ts'
export { configuration, defineConfig, loadConfiguration, loadModule, parseConfiguration } from './load.ts'
export {
  CREDENTIAL_KINDS,
  type CredentialFacts,
  type CredentialKind,
  ROTATION_ACTIONS,
  type RotationAction,
  type RotationDecision,
  type RotationEvent,
  type RotationFacts,
  type RotationLimits,
  type RotationPolicy,
  type RotationRule,
  type SeenFrom,
} from './policy.ts'
export { isRecipe, type PolicyRecipe, recipeOf, versionOf, withRecipe } from './recipe.ts'
export { rotationSchema } from './rotation.ts'
export {
  type ApiDeclaration,
  apiSchema,
  type ClientDeclaration,
  type Configuration,
  type ConfigurationInput,
  clientSchema,
} from './schema.ts'
export {
  ALGORITHMS,
  type Algorithm,
  type KeptKey,
  type MadeKey,
  type Sign,
  type Signers,
  SignerUnavailable,
} from './signers.ts'
export {
  TOKEN_TEMPLATES,
  type TokenFigures,
  type TokenPolicy,
  type TokenSettings,
  type TokenTemplate,
} from './tokens.ts'
export { stampOf, type WatchInput, watchConfiguration } from './watch.ts'
