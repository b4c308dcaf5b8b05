/** Loads and parses the configuration module; says clearly what is wrong with it and where. */

import { statSync } from 'node:fs'
import type { z } from 'zod'
import { nearest } from '../base/index.ts'
import { BadConfiguration, type Entry } from './environment.ts'
import { importDefault, isRecord, strangeness } from './module.ts'
import { apiSchema, type Configuration, type ConfigurationInput, clientSchema, configurationSchema } from './schema.ts'
import { tokenPolicySchema } from './tokens.ts'

/** Types a configuration module: `export default defineConfig({...})`. */
export function defineConfig(configuration: ConfigurationInput): ConfigurationInput {
  return configuration
}

/** The keys known at a path of the schema, for "did you mean". */
function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  if (path[0] === 'apis') return Object.keys(apiSchema.shape)
  if (path[0] === 'clients') return Object.keys(clientSchema.shape)
  if (path[0] === 'tokens' && path[1] === 'policies') return Object.keys(tokenPolicySchema.shape)
  const part = Object.entries(configurationSchema.shape).find(([name]) => name === path[0])?.[1]
  if (path.length === 0 || !part) return Object.keys(configurationSchema.shape)
  const inner: unknown = 'unwrap' in part ? part.unwrap() : part
  return isRecord(inner) && isRecord(inner.shape) ? Object.keys(inner.shape) : []
}

function inWords(issue: z.core.$ZodIssue): string {
  const where = issue.path.map(String).join('.')
  if (issue.code !== 'unrecognized_keys') return `${where || 'configuration'}: ${issue.message}`
  return issue.keys
    .map((key) => {
      const near = nearest(key, knownKeys(issue.path))
      return `${[...issue.path.map(String), key].join('.')}: unknown key${near ? `; did you mean ${near}?` : ''}`
    })
    .join('\n')
}

/** Parses what a configuration module exports. Throws `BadConfiguration`, one line for each fault. */
export function parseConfiguration(value: unknown): Configuration {
  const parsed = configurationSchema.safeParse(value)
  if (!parsed.success) throw new BadConfiguration(parsed.error.issues.map(inWords).join('\n'))
  return parsed.data
}

/**
 * Loads a configuration module (code, so only one's own: DESIGN section 7).
 * `path` must be absolute. With `optional`, a missing file is an empty configuration.
 */
export async function loadConfiguration(
  path: string,
  input: { readonly optional: boolean; readonly uid: number | undefined },
): Promise<Configuration> {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (!stats) {
    if (input.optional) return parseConfiguration({})
    throw new BadConfiguration(`${path}: there is no such file (CONFIG)`)
  }
  return parseConfiguration(await loadModule(path, input.uid))
}

/** Throws `BadConfiguration` unless a module is there and is one's own. */
export function refuseStranger(path: string, uid: number | undefined): void {
  const fault = strangeness(path, uid)
  if (fault !== undefined) throw new BadConfiguration(fault)
}

/** What a module of one's own exports as default. `path` must be absolute. Throws `BadConfiguration`. */
export async function loadModule(path: string, uid: number | undefined): Promise<unknown> {
  refuseStranger(path, uid)
  const exported = await importDefault(path)
  if ('fault' in exported) throw new BadConfiguration(exported.fault, { cause: exported.cause })
  return exported.value
}

function entriesOf(shape: Readonly<Record<string, z.ZodType>>, prefix: string, group: string): Entry[] {
  return Object.entries(shape).flatMap(([name, type]) => {
    const inner: unknown = 'unwrap' in type && typeof type.unwrap === 'function' ? type.unwrap() : type
    const meta = type.meta()
    const path = `${prefix}${name}`
    if (isRecord(inner) && isRecord(inner.shape))
      return entriesOf(inner.shape as Readonly<Record<string, z.ZodType>>, `${path}.`, String(meta?.about ?? name))
    const fallback = type.safeParse(undefined)
    const standard = fallback.success && fallback.data !== undefined ? JSON.stringify(fallback.data) : ''
    return [{ name: path, default: standard, meaning: String(meta?.about ?? ''), group }]
  })
}

/** Every key of the configuration module, flattened, for the generated reference. */
export const configuration: readonly Entry[] = [
  ...entriesOf(configurationSchema.shape, '', 'General'),
  ...entriesOf(apiSchema.shape, 'apis[].', 'APIs'),
  ...entriesOf(tokenPolicySchema.shape, 'tokens.policies[].', 'Lifecycle policies of API tokens'),
]
