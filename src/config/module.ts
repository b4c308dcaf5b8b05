/** What a module exports as default, or in words why there is nothing. Runs in either thread, so it imports next to nothing. */

import { pathToFileURL } from 'node:url'

export type Exported = { readonly value: unknown } | { readonly fault: string; readonly cause?: unknown }

/** Whether a value has keys to be read. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

/** An error's message; whatever else was thrown, as text if it can be one. */
export function inWords(cause: unknown): string {
  try {
    return cause instanceof Error ? cause.message : String(cause)
  } catch {
    return 'something that has no words'
  }
}

/** Imports it. `path` must be absolute. Never rejects. */
export async function importDefault(path: string): Promise<Exported> {
  let module: unknown
  try {
    module = await import(pathToFileURL(path).href)
  } catch (cause) {
    return { fault: `${path}: can't be loaded: ${inWords(cause)}`, cause }
  }
  if (!isRecord(module) || module.default === undefined) return { fault: `${path}: must export its content as default` }
  // A promise has no keys, so it would pass for an empty configuration.
  if (module.default instanceof Promise)
    return { fault: `${path}: must export its content as default, not a promise of it; await it there` }
  return { value: module.default }
}
