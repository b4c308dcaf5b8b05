/** What a configuration module imports from the package: `import { defineConfig } from 'mintmark'`. */

export { type ConfigurationInput, defineConfig, type RefreshFacts, type RotationHook } from './config/index.ts'
