/**
 * Reads a configuration module afresh, while a server runs. A module that was imported is never read again in its thread, so this
 * is done in a thread of its own: what the module imports is read again too, and its memory goes with the thread.
 * Data cross as copies. Built-in policies are made again here from their recipes; own functions stay there and are asked by message.
 */

import { Worker } from 'node:worker_threads'
import { createAway } from './away.ts'
import { BadConfiguration } from './environment.ts'
import type { FromWorker, Mark, Reading } from './fresh-worker.ts'
import { parseConfiguration, refuseStranger } from './load.ts'
import { inWords, isRecord } from './module.ts'
import type { RotationPolicy } from './policy.ts'
import type { PolicyRecipe } from './recipe.ts'
import type { Configuration } from './schema.ts'

const LIMIT_MS = 10_000

/** A configuration that was read while the server runs. */
export interface Fresh {
  readonly configuration: Configuration
  /** Paths of what the file has now and only a restart can bring, such as `keys.signers`. */
  readonly restart: readonly string[]
  /**
   * Ends the thread of its own functions, once those that run have answered (a second at most). Called when nothing asks this
   * configuration's policies any more: after that they reject. Idempotent.
   */
  close(): Promise<void>
}

/** What reading takes. */
export interface FreshInput {
  /** Whose file it must be. */
  readonly uid: number | undefined
  /** Makes a built-in policy from its recipe. */
  readonly revive: (recipe: PolicyRecipe) => RotationPolicy
  /** The configuration that runs: objects with methods can't cross threads, so its own are kept (`carryOver`). */
  readonly previous?: Configuration | undefined
  /** How long the module may take, in milliseconds. */
  readonly limitMs?: number
}

const at = (value: unknown, path: Mark['path']): unknown =>
  path.reduce<unknown>((inner, key) => (isRecord(inner) ? inner[key] : undefined), value)

function put(root: unknown, path: Mark['path'], value: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return value
  const holder = isRecord(root) ? root : {}
  // The copy is ours alone: it came out of a message.
  Reflect.set(holder, key, put(holder[key], rest, value))
  return holder
}

/** Puts the running configuration's objects with methods where the file has some; `missing`: paths where nothing runs yet. */
export function carryOver(
  raw: unknown,
  { previous, paths }: { readonly previous: Configuration | undefined; readonly paths: readonly Mark['path'][] },
): { readonly raw: unknown; readonly missing: readonly string[] } {
  const missing = paths.filter((path) => at(previous, path) === undefined).map((path) => path.join('.'))
  return { raw: paths.reduce((root, path) => put(root, path, at(previous, path)), raw), missing }
}

function revived(path: string, input: FreshInput, recipe: PolicyRecipe): RotationPolicy {
  try {
    return input.revive(recipe)
  } catch (cause) {
    // Never the recipe itself: a webhook's holds its secret.
    throw new BadConfiguration(`${path}: the policy ${recipe.builtIn} can't be made: ${inWords(cause)}`, { cause })
  }
}

/** What the thread answers first: the module's content or its fault. Throws `BadConfiguration`; never hangs. */
function loaded(worker: Worker, path: string, limitMs: number): Promise<Extract<FromWorker, { is: 'loaded' }>> {
  return new Promise((resolve, reject) => {
    const fault = (words: string, cause?: unknown): void => {
      clearTimeout(timer)
      reject(new BadConfiguration(words, { cause }))
    }
    const timer = setTimeout(() => fault(`${path}: was not read within ${limitMs / 1000} seconds`), limitMs)
    worker.once('message', (message: FromWorker) => {
      clearTimeout(timer)
      if (message.is === 'loaded') resolve(message)
      else fault(message.is === 'fault' ? message.words : `${path}: can't be read`)
    })
    worker.once('messageerror', (cause) => fault(`${path}: can't be read: ${inWords(cause)}`, cause))
    worker.once('error', (cause) => fault(`${path}: can't be loaded: ${inWords(cause)}`, cause))
    worker.once('exit', () =>
      fault(`${path}: ended before it was read (process.exit, or a top-level await that nothing settles)`),
    )
  })
}

/**
 * Reads the module at `path` (absolute). Throws `BadConfiguration` in words, whatever the module does, and then leaves nothing
 * behind. With own functions the thread lives until `close`, and keeps no process alive.
 */
export async function readFresh(path: string, input: FreshInput): Promise<Fresh> {
  refuseStranger(path, input.uid)
  // The same file is .ts in the repository and .js in the package; each starts its own kind.
  const file = new URL(`./fresh-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
  const worker = new Worker(file, { workerData: { path, uid: input.uid } satisfies Reading })
  // Whatever happens to the thread later is told to whoever asks its policies; it never reaches the process.
  worker.on('error', () => {})
  try {
    const { raw, marks } = await loaded(worker, path, input.limitMs ?? LIMIT_MS)
    const own = marks.filter((mark) => mark.is === 'own')
    const away = own.length > 0 ? createAway(worker) : undefined
    const opaque = marks.filter(({ is }) => is === 'opaque')
    const kept = carryOver(raw, { previous: input.previous, paths: opaque.map((mark) => mark.path) })
    let whole = kept.raw
    for (const mark of marks) {
      switch (mark.is) {
        case 'built-in':
          whole = put(whole, mark.path, revived(path, input, mark.recipe))
          break
        case 'own':
          whole = put(whole, mark.path, away?.policy(mark))
          break
        case 'function':
          // A function where none belongs: the schema says so.
          whole = put(whole, mark.path, () => undefined)
          break
        case 'opaque':
          break
        default:
          mark satisfies never
      }
    }
    const configuration = parseConfiguration(whole)
    if (!away) await worker.terminate()
    return { configuration, restart: kept.missing, close: async () => away?.close() }
  } catch (cause) {
    await worker.terminate()
    throw cause
  }
}
