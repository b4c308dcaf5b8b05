/** What a module exports as default, or in words why there is nothing. Runs in either thread, so it imports next to nothing. */

import { type Stats, statSync } from 'node:fs'
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

/** Why a module may not be loaded, in words: it is not there, not one's own, or others may write it. Configuration is code. */
export function strangeness(path: string, uid: number | undefined): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats ? strangenessOf(path, stats, uid) : `${path}: there is no such file`
}

/** The same of a file whose state is known. */
export function strangenessOf(path: string, stats: Stats, uid: number | undefined): string | undefined {
  if (uid !== undefined && stats.uid !== uid)
    return `${path}: belongs to another user; configuration is code and is only loaded from one's own files`
  if (stats.mode & 0o022) return `${path}: others may write it; take that right away (chmod go-w) before it is loaded`
  return undefined
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
