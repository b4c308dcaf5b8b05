/**
 * Settings: the environment and the configuration module, each parsed once into types with defaults and meaning.
 * Reads no environment itself (`main.ts` and the CLI hand it in), and knows nothing of what the settings do.
 */

export { BadConfiguration, type Entry, type Environment, environment, parseEnvironment } from './environment.ts'
export type { RefreshFacts, RotationHook } from './hook.ts'
export { configuration, defineConfig, loadConfiguration, parseConfiguration } from './load.ts'
export {
  type ApiDeclaration,
  apiSchema,
  type ClientDeclaration,
  type Configuration,
  type ConfigurationInput,
  clientSchema,
} from './schema.ts'
